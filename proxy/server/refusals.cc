#include "proxy/server/refusals.h"

#include <utility>

#include "proxy/pop3/reply.h"

namespace gatepost::server {

namespace {

/// "internal_error", fatal: the only alert of RFC 8446 section 6.2 that lays nothing to the
/// client's charge. Outside any handshake it may be sent in clear.
constexpr std::string_view kTlsAlert{"\x15\x03\x01\x00\x02\x02\x50", 7};

}  // namespace

void Refusals::add(std::unique_ptr<net::Transport> client, config::ListenerTls tls,
                   std::string_view why, Instant now) {
  if (tls == config::ListenerTls::implicit) {
    client->send(ByteChain(pool_, kTlsAlert));
  } else {
    client->send(ByteChain(pool_, pop3::err(pop3::ResponseCode::sys_temp, why)));
  }
  client->close(net::CloseMode::flush);
  // Closed now, what the client has said already would make it a reset, which overtakes the words.
  if (refused_.size() < kMaxRefused) refused_.push_back({now, std::move(client)});
}

void Refusals::sweep(Instant now) {
  std::erase_if(refused_, [now](const Refused& refused) {
    return refused.client->end() || now - refused.since > kTimeToRead;
  });
}

}  // namespace gatepost::server
