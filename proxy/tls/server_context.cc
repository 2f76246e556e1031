#include "proxy/tls/server_context.h"

#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "proxy/base/dns_name.h"
#include "proxy/tls/client_hello.h"
#include "proxy/tls/context.h"
#include "proxy/tls/identity_choice.h"
#include "proxy/tls/pem.h"
#include "proxy/tls/transport.h"

namespace gatepost::tls {

namespace {

using Digest = std::array<std::uint8_t, SHA256_DIGEST_LENGTH>;

// What the callbacks of the library need.
struct State {
  IdentityChoice choice;
  std::shared_ptr<const TicketKeys> keys;
  Digest session_context;  // of all that a session must not cross, but for the server's name
};

int choose_alpn(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* chosen_size,
                const unsigned char* offered, unsigned offered_size, void* /*unused*/) {
  unsigned char* found = nullptr;
  const int result = SSL_select_next_proto(&found, chosen_size, kAlpnPop3.data(), kAlpnPop3.size(),
                                           offered, offered_size);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Connections may outlive the ServerContext, so the library's own context keeps the state.
void drop_state(void* /*parent*/, void* state, CRYPTO_EX_DATA* /*data*/, int /*index*/,
                long /*number*/, void* /*pointer*/) {
  delete static_cast<State*>(state);
}

int state_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, drop_state);
  return index;
}

const State& state_of(const SSL* ssl) {
  return *static_cast<const State*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), state_index()));
}

// A session of one name is none of another (RFC 6066 section 3).
bool bind_session(SSL* ssl, const Digest& context, const std::string& server_name) {
  SHA256_CTX hash;
  Digest bound{};
  SHA256_Init(&hash);
  SHA256_Update(&hash, context.data(), context.size());
  SHA256_Update(&hash, server_name.data(), server_name.size());
  SHA256_Final(bound.data(), &hash);
  return SSL_set_session_id_context(ssl, bound.data(), bound.size()) == 1;
}

ssl_select_cert_result_t choose_identity(const SSL_CLIENT_HELLO* hello) {
  SSL* ssl = hello->ssl;
  const State& state = state_of(ssl);
  const char* sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  const std::string name = lower_dns_name(sni != nullptr ? sni : "");
  const LoadedIdentity& chosen = state.choice.choose(name, read_offer(*hello));
  // The library compares key and certificate each time: not for what the context has already.
  const bool usual = &chosen == &state.choice.usual();
  const bool ready = (usual ? chosen.staple(ssl) : chosen.use(ssl)) && chosen.note_choice(ssl) &&
                     bind_session(ssl, state.session_context, name);
  return ready ? ssl_select_cert_success : ssl_select_cert_error;
}

bool start_cipher(const TicketKey& key, const std::uint8_t* iv, EVP_CIPHER_CTX* cipher,
                  HMAC_CTX* mac, int encrypt) {
  return HMAC_Init_ex(mac, key.mac.data(), key.mac.size(), EVP_sha256(), nullptr) == 1 &&
         EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv, encrypt) == 1;
}

// The answers are BoringSSL's: 1 done, 2 done but renew, 0 a ticket of no use, -1 give up.
int ticket_key(SSL* ssl, std::uint8_t* name, std::uint8_t* iv, EVP_CIPHER_CTX* cipher,
               HMAC_CTX* mac, int encrypt) {
  const TicketKeys& keys = *state_of(ssl).keys;
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

// Called for each certificate of a chain that stands so far.
int check_subject(int ok, X509_STORE_CTX* context) {
  if (ok != 1 || X509_STORE_CTX_get_error_depth(context) != 0) return ok;
  const X509* leaf = X509_STORE_CTX_get_current_cert(context);
  if (leaf == nullptr || subject_of(*leaf).size() <= kMaxSubject) return ok;
  X509_STORE_CTX_set_error(context, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

Result<void> trust_clients_of(SSL_CTX* ctx, const std::string& ca_file, SHA256_CTX& hash) {
  const auto authorities = read_certificates(ca_file);
  if (!authorities) return std::unexpected(authorities.error());
  bssl::UniquePtr<STACK_OF(X509_NAME)> names(sk_X509_NAME_new_null());
  X509_STORE* store = SSL_CTX_get_cert_store(ctx);
  for (const auto& authority : *authorities) {
    Digest digest{};
    bssl::UniquePtr<X509_NAME> name(X509_NAME_dup(X509_get_subject_name(authority.get())));
    if (!names || !name || X509_STORE_add_cert(store, authority.get()) != 1 ||
        X509_digest(authority.get(), EVP_sha256(), digest.data(), nullptr) != 1 ||
        !bssl::PushToStack(names.get(), std::move(name))) {
      return fail(ErrorCode::config,
                  fmt::format("{}: cannot be used as CA file ({})", ca_file, newest_reason()));
    }
    SHA256_Update(&hash, digest.data(), digest.size());
  }
  SSL_CTX_set_client_CA_list(ctx, names.release());
  return {};
}

Result<void> ask_for_certificate(SSL_CTX* ctx, const ServerOptions& options, SHA256_CTX& hash) {
  if (options.client_certificates == PeerCertificate::off) return {};
  if (auto trusted = trust_clients_of(ctx, options.client_ca_file, hash); !trusted) return trusted;
  X509_VERIFY_PARAM* parameters = SSL_CTX_get0_param(ctx);
  // The CA file may hold the issuing CA only.
  if (X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_CLIENT) != 1 ||
      X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN) != 1) {
    return fail(ErrorCode::system, "no memory for a TLS context");
  }
  const bool required = options.client_certificates == PeerCertificate::required;
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     check_subject);
  return {};
}

// Both sides of a session must have wanted the same of each other.
Result<Digest> demand(SSL_CTX* ctx, const ServerOptions& options) {
  SHA256_CTX hash;
  SHA256_Init(&hash);
  const std::array what = {static_cast<std::uint8_t>(options.profile),
                           static_cast<std::uint8_t>(options.client_certificates)};
  SHA256_Update(&hash, what.data(), what.size());
  if (auto asked = ask_for_certificate(ctx, options, hash); !asked) {
    return std::unexpected(asked.error());
  }
  Digest digest{};
  SHA256_Final(digest.data(), &hash);
  return digest;
}

bool use_state(SSL_CTX* ctx, std::unique_ptr<State> state) {
  if (!state->choice.usual().use_for_all(ctx)) return false;
  if (state->keys) {
    if (SSL_CTX_set_tlsext_ticket_key_cb(ctx, ticket_key) != 1) return false;
  } else {
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
  }
  if (SSL_CTX_set_ex_data(ctx, state_index(), state.get()) != 1) return false;
  const Digest& session_context = state.release()->session_context;
  SSL_CTX_set_select_certificate_cb(ctx, choose_identity);
  return SSL_CTX_set_session_id_context(ctx, session_context.data(), session_context.size()) == 1;
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
  if (options.identities.empty()) {
    return fail(ErrorCode::config, "a TLS server needs a certificate");
  }
  auto context = make_context(options.min_version, options.profile);
  if (!context) return std::unexpected(context.error());
  SSL_CTX* ctx = context->get();
  SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, nullptr);
  const std::span<const std::uint16_t> signatures = signatures_of(options.profile);
  auto session_context = demand(ctx, options);
  ERR_clear_error();
  if (!session_context) return std::unexpected(session_context.error());
  auto state = std::make_unique<State>(IdentityChoice(options.identities, *ctx, signatures),
                                       options.tickets, *session_context);
  if (!use_state(ctx, std::move(state)) ||
      SSL_CTX_set_signing_algorithm_prefs(ctx, signatures.data(), signatures.size()) != 1) {
    ERR_clear_error();
    return fail(ErrorCode::system, "no memory for a TLS context");
  }
  return std::make_shared<Server>(std::move(*context));
}

}  // namespace gatepost::tls
