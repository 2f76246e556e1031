// Files of certificates, keys and ticket keys: what is in them is used, or an error says why not,
// which never repeats what the file says.

#include <sys/mman.h>
#include <unistd.h>

#include "proxy/base/secret.h"
#include "proxy/tls/pem.h"
#include "proxy/tls/ticket_keys.h"
#include "tests/fuzz/fuzz.h"

using namespace gatepost;
using fuzz::require;

namespace {

/// The path of a file that is only memory, with this text.
const std::string& file_with(std::string_view text) {
  static const int descriptor = memfd_create("input", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  require(ftruncate(descriptor, 0) == 0);
  require(pwrite(descriptor, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  return path;
}

void check_error(const Error& error, const std::string& path) {
  require(error.code == ErrorCode::config && error.detail.starts_with(path));
  require(error.detail.size() < path.size() + 1024);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string& path = file_with(fuzz::Input(data, size).rest());
  if (const auto keys = tls::read_ticket_keys(path); keys) {
    require(!keys->empty() && keys->size() <= tls::kMaxTicketKeys);
  } else {
    check_error(keys.error(), path);
  }
  if (const auto chain = tls::read_certificates(path); chain) {
    require(!chain->empty());
    for (const auto& certificate : *chain) static_cast<void>(tls::subject_of(*certificate));
  } else {
    check_error(chain.error(), path);
  }
  const auto keyed = tls::read_keyed_chain(path, "");
  if (!keyed) check_error(keyed.error(), path);
  require(ERR_peek_error() == 0);
  return 0;
}
