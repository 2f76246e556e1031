// Whatever a client says first, it gets one of the certificates, or the handshake ends.

#include <memory>
#include <string>
#include <vector>

#include "proxy/tls/client_hello.h"
#include "proxy/tls/context.h"
#include "proxy/tls/identity_choice.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/tls/certificates.h"

using gatepost::fuzz::require;
using namespace gatepost;

namespace {

std::shared_ptr<const tls::Identity> identity(const testing::CertificateRequest& request) {
  const testing::TestFiles files;
  const testing::Issued issued = testing::self_signed(request);
  auto loaded = tls::Identity::load(
      {.certificate = files.write("both.pem", issued.certificate + issued.key), .key = ""});
  require(loaded.has_value());
  return *loaded;
}

struct Server {
  std::vector<std::shared_ptr<const tls::Identity>> identities = {
      identity({}), identity({.rsa = true}), identity({.dns = {"*.example.org"}})};
  bssl::UniquePtr<SSL_CTX> context =
      std::move(*tls::make_context(tls::Version::tls1_2, tls::Profile::legacy));
  tls::IdentityChoice choice{identities, *context, tls::signatures_of(tls::Profile::legacy)};
};

const Server& server() {
  static const Server instance;
  return instance;
}

ssl_select_cert_result_t choose(const SSL_CLIENT_HELLO* hello) {
  const tls::ClientOffer offer = tls::read_offer(*hello);
  require(offer.version <= TLS1_3_VERSION && 2 * offer.suites.size() <= hello->cipher_suites_len);
  const char* name = SSL_get_servername(hello->ssl, TLSEXT_NAMETYPE_host_name);
  const tls::LoadedIdentity& chosen = server().choice.choose(name != nullptr ? name : "", offer);
  require(chosen.use(hello->ssl));
  return ssl_select_cert_success;
}

// The body of a ClientHello as a message in records.
std::string records(std::string_view body) {
  const auto number = [](std::size_t n, int octets) {
    std::string out;
    for (int i = octets - 1; i >= 0; --i) out += static_cast<char>(n >> (8 * i) & 0xFF);
    return out;
  };
  const std::string message = "\x01" + number(body.size(), 3) + std::string(body);
  std::string out;
  for (std::size_t at = 0; at < message.size(); at += 4096) {
    const std::string piece = message.substr(at, 4096);
    out += "\x16\x03\x01" + number(piece.size(), 2) + piece;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  SSL_CTX* context = server().context.get();
  SSL_CTX_set_select_certificate_cb(context, choose);
  const bssl::UniquePtr<SSL> ssl(SSL_new(context));
  SSL_set_accept_state(ssl.get());
  const std::string wire = records({reinterpret_cast<const char*>(data), size});
  BIO* in = BIO_new_mem_buf(wire.data(), static_cast<int>(wire.size()));
  SSL_set_bio(ssl.get(), in, BIO_new(BIO_s_mem()));
  require(SSL_do_handshake(ssl.get()) != 1);
  ERR_clear_error();
  return 0;
}
