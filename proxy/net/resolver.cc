#include "proxy/net/resolver.h"

#include <uv.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace gatepost::net {

namespace {

// One getaddrinfo on libuv's thread pool; freed by its callback.
struct Lookup {
  uv_getaddrinfo_t request;
  std::shared_ptr<Resolver*> resolver;
  std::string host;
  Resolver::Done done;            // empty once cancelled
  std::shared_ptr<Lookup*> self;  // for the ticket; cleared before this goes
};

}  // namespace

struct ResolverCallbacks {
  static void found(uv_getaddrinfo_t* request, int status, addrinfo* list) {
    const std::unique_ptr<Lookup> lookup(static_cast<Lookup*>(request->data));
    *lookup->self = nullptr;
    std::vector<IpAddress> addresses;
    for (const addrinfo* item = list; item != nullptr; item = item->ai_next) {
      const IpAddress address = IpAddress::from(item->ai_addr);
      if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
    }
    uv_freeaddrinfo(list);
    Resolver* resolver = *lookup->resolver;
    if (resolver == nullptr || !lookup->done) return;
    if (addresses.empty()) {
      resolver->finished(
          lookup->host,
          fail(ErrorCode::network, fmt::format("{}: {}", lookup->host,
                                               status == 0 ? "no address" : uv_strerror(status))),
          std::move(lookup->done));
    } else {
      resolver->finished(lookup->host, std::move(addresses), std::move(lookup->done));
    }
  }
};

Resolver::Resolver(Loop& loop, Duration keep_for)
    : loop_(loop), keep_for_(keep_for), alive_(std::make_shared<Resolver*>(this)) {}

Resolver::~Resolver() { *alive_ = nullptr; }

std::optional<std::vector<IpAddress>> Resolver::known(const std::string& host) const {
  if (auto literal = IpAddress::parse(host)) return std::vector{*literal};
  const auto entry = known_.find(host);
  if (entry == known_.end() || loop_.now() >= entry->second.good_until) return std::nullopt;
  return entry->second.addresses;
}

Result<Ticket> Resolver::resolve(const std::string& host, Done done) {
  auto lookup = std::make_unique<Lookup>(Lookup{{}, alive_, host, std::move(done), {}});
  lookup->request.data = lookup.get();
  const auto self = lookup->self = std::make_shared<Lookup*>(lookup.get());
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  const int status = uv_getaddrinfo(loop_.raw(), &lookup->request, ResolverCallbacks::found,
                                    host.c_str(), nullptr, &hints);
  if (status != 0) {
    return fail(ErrorCode::system, fmt::format("{}: {}", host, uv_strerror(status)));
  }
  // The callback always comes, also after uv_cancel, and frees; so the ticket only takes `done`
  // away, and looks first whether there is still something to cancel.
  static_cast<void>(lookup.release());
  return Ticket([self] {
    Lookup* pending = *self;
    if (pending == nullptr) return;
    pending->done = nullptr;
    uv_cancel(reinterpret_cast<uv_req_t*>(&pending->request));
  });
}

void Resolver::finished(const std::string& host, Result<std::vector<IpAddress>> answer, Done done) {
  if (answer) {
    known_[host] = Entry{*answer, loop_.now() + keep_for_};
  } else if (const auto known = known_.find(host); known != known_.end()) {
    answer = known->second.addresses;
  }
  done(std::move(answer));
}

}  // namespace gatepost::net
