// Any file is an OCSP response that calls the certificate good, or an error that says why not.

#include <chrono>

#include "proxy/tls/ocsp.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/tls/certificates.h"

using gatepost::fuzz::require;
using namespace gatepost;

namespace {

// The first certificate of the first authority: the seeds know its number.
const X509& leaf() {
  static const bssl::UniquePtr<X509> instance = [] {
    const std::string pem = testing::Authority().issue().certificate;
    const bssl::UniquePtr<BIO> in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    return bssl::UniquePtr<X509>(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
  }();
  return *instance;
}

// Between thisUpdate and nextUpdate of the seeds.
constexpr std::chrono::system_clock::time_point kNow{std::chrono::seconds(1795464183)};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto until = tls::check_ocsp({reinterpret_cast<const char*>(data), size}, leaf(), kNow);
  require(until || !until.error().detail.empty());
  require(ERR_peek_error() == 0);
  return 0;
}
