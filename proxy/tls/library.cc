#include "proxy/tls/library.h"

#include <fmt/format.h>

#include "proxy/tls/openssl.h"

namespace gatepost::tls {

std::string library_name() { return fmt::format("BoringSSL API {}", BORINGSSL_API_VERSION); }

}  // namespace gatepost::tls
