#include "proxy/tls/server_context.h"

#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proxy/tls/context.h"
#include "proxy/tls/pem.h"
#include "proxy/tls/transport.h"

namespace gatepost::tls {

namespace {

using SharedKeys = std::shared_ptr<const TicketKeys>;

int choose_alpn(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* chosen_size,
                const unsigned char* offered, unsigned offered_size, void* /*unused*/) {
  unsigned char* found = nullptr;
  const int result = SSL_select_next_proto(&found, chosen_size, kAlpnPop3.data(), kAlpnPop3.size(),
                                           offered, offered_size);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Connections may outlive the ServerContext, so the library's own context keeps the keys.
void drop_keys(void* /*parent*/, void* keys, CRYPTO_EX_DATA* /*data*/, int /*index*/,
               long /*number*/, void* /*pointer*/) {
  delete static_cast<SharedKeys*>(keys);
}

int keys_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, drop_keys);
  return index;
}

bool start_cipher(const TicketKey& key, const std::uint8_t* iv, EVP_CIPHER_CTX* cipher,
                  HMAC_CTX* mac, int encrypt) {
  return HMAC_Init_ex(mac, key.mac.data(), key.mac.size(), EVP_sha256(), nullptr) == 1 &&
         EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv, encrypt) == 1;
}

// The answers are BoringSSL's: 1 done, 2 done but renew, 0 a ticket of no use, -1 give up.
int ticket_key(SSL* ssl, std::uint8_t* name, std::uint8_t* iv, EVP_CIPHER_CTX* cipher,
               HMAC_CTX* mac, int encrypt) {
  const auto& keys =
      **static_cast<SharedKeys*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), keys_index()));
  if (encrypt == 1) {
    const TicketKey key = keys.current();
    std::ranges::copy(key.name, name);
    RAND_bytes(iv, EVP_MAX_IV_LENGTH);
    return start_cipher(key, iv, cipher, mac, 1) ? 1 : -1;
  }
  const auto found =
      keys.find(std::span<const std::uint8_t, TicketKey::kNameSize>(name, TicketKey::kNameSize));
  if (!found) return 0;
  if (!start_cipher(found->key, iv, cipher, mac, 0)) return -1;
  return found->renew ? 2 : 1;
}

Result<void> use_identity(SSL_CTX* ctx, const Identity& identity, const std::string& file) {
  ERR_clear_error();
  bool used = SSL_CTX_use_certificate(ctx, identity.chain.front().get()) == 1 &&
              SSL_CTX_use_PrivateKey(ctx, identity.key.get()) == 1;
  for (std::size_t i = 1; i < identity.chain.size(); ++i) {
    used = used && SSL_CTX_add1_chain_cert(ctx, identity.chain[i].get()) == 1;
  }
  if (used) return {};
  return fail(ErrorCode::config,
              fmt::format("{}: the certificate cannot be used: {}", file, newest_reason()));
}

bool use_tickets(SSL_CTX* ctx, const SharedKeys& keys) {
  if (!keys) {
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    return true;
  }
  auto shared = std::make_unique<SharedKeys>(keys);
  if (SSL_CTX_set_ex_data(ctx, keys_index(), shared.get()) != 1) return false;
  static_cast<void>(shared.release());
  return SSL_CTX_set_tlsext_ticket_key_cb(ctx, ticket_key) == 1;
}

class Server final : public ServerContext {
 public:
  explicit Server(bssl::UniquePtr<SSL_CTX> context) : context_(std::move(context)) {}

  Result<std::unique_ptr<net::Transport>> wrap(std::unique_ptr<net::Transport>&& plain,
                                               BlockPool& pool) const override {
    if (!plain->received().empty()) {
      return fail(ErrorCode::protocol, "the client sent something before TLS was started");
    }
    auto ssl = make_connection(context_.get());
    if (!ssl) return std::unexpected(ssl.error());
    SSL_set_accept_state(ssl->get());
    return std::make_unique<TlsTransport>(std::move(plain), std::move(*ssl), pool,
                                          TlsTransport::kServerReceiveLimit);
  }

 private:
  bssl::UniquePtr<SSL_CTX> context_;
};

}  // namespace

Result<std::shared_ptr<const ServerContext>> ServerContext::create(const ServerOptions& options) {
  auto identity = load_identity(options.certificate_file, options.key_file);
  if (!identity) return std::unexpected(identity.error());
  auto context = make_context(options.min_version);
  if (!context) return std::unexpected(context.error());
  SSL_CTX* ctx = context->get();
  if (auto used = use_identity(ctx, *identity, options.certificate_file); !used) {
    return std::unexpected(used.error());
  }
  SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, nullptr);
  if (!use_tickets(ctx, options.tickets)) {
    return fail(ErrorCode::system, "no memory for a TLS context");
  }
  return std::make_shared<Server>(std::move(*context));
}

}  // namespace gatepost::tls
