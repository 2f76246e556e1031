#include "tests/unit/net/fake_names.h"

#include <dlfcn.h>
#include <netdb.h>

#include <condition_variable>
#include <map>
#include <mutex>

namespace gatepost::testing {
namespace {

struct Table {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, std::vector<std::string>, std::less<>> names;
  bool held = false;
  int asked = 0;
};

Table& table() {
  static Table instance;
  return instance;
}

using GetAddrInfo = int (*)(const char*, const char*, const addrinfo*, addrinfo**);

GetAddrInfo real() {
  static const auto function = reinterpret_cast<GetAddrInfo>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  return function;
}

int answer(const std::string& name, const char* service, const addrinfo* hints, addrinfo** found) {
  std::vector<std::string> addresses;
  {
    Table& names = table();
    std::unique_lock lock(names.mutex);
    ++names.asked;
    names.changed.notify_all();
    names.changed.wait(lock, [&] { return !names.held; });
    if (const auto entry = names.names.find(name); entry != names.names.end()) {
      addresses = entry->second;
    }
  }
  if (addresses.empty()) return EAI_NONAME;
  addrinfo numeric = hints != nullptr ? *hints : addrinfo{};
  numeric.ai_flags = AI_NUMERICHOST;
  addrinfo** end = found;
  for (const std::string& address : addresses) {
    if (const int status = real()(address.c_str(), service, &numeric, end); status != 0) {
      return status;
    }
    while (*end != nullptr) end = &(*end)->ai_next;  // freeaddrinfo frees item by item
  }
  return 0;
}

}  // namespace

FakeNames::FakeNames() {
  const std::scoped_lock lock(table().mutex);
  table().names.clear();
  table().asked = 0;
}

FakeNames::~FakeNames() { let_go(); }

void FakeNames::set(const std::string& name, std::vector<std::string> addresses) {
  const std::scoped_lock lock(table().mutex);
  table().names[name] = std::move(addresses);
}

void FakeNames::hold() {
  const std::scoped_lock lock(table().mutex);
  table().held = true;
}

void FakeNames::let_go() {
  const std::scoped_lock lock(table().mutex);
  table().held = false;
  table().changed.notify_all();
}

int FakeNames::asked() const {
  const std::scoped_lock lock(table().mutex);
  return table().asked;
}

}  // namespace gatepost::testing

// The program's own definition comes before that of the C library, for libuv too.
extern "C" __attribute__((visibility("default"))) int getaddrinfo(const char* name,
                                                                  const char* service,
                                                                  const addrinfo* hints,
                                                                  addrinfo** found) {
  if (name != nullptr && std::string_view(name).ends_with(".test")) {
    return gatepost::testing::answer(name, service, hints, found);
  }
  return gatepost::testing::real()(name, service, hints, found);
}
