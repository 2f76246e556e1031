#include "proxy/session/session_facts.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

#include "proxy/session/session.h"

namespace gatepost::session {

namespace {

/// "client upstream": what a session waits for, in words.
std::string words_for(std::uint16_t waits) {
  constexpr std::array<std::pair<std::uint16_t, std::string_view>, 9> kWords = {
      {{kClientInput, "client"},
       {kClientDrain, "client_reading"},
       {kUpstreamLogin, "upstream_login"},
       {kUpstreamReply, "upstream"},
       {kClientEnd, "client_end"},
       {kOwnTurn, "turn"},
       {kDelay, "delay"},
       {kVerdict, "verdict"},
       {kStores, "stores"}}};
  std::string text;
  for (const auto& [bit, word] : kWords) {
    if ((waits & bit) == 0) continue;
    if (!text.empty()) text += ' ';
    text += word;
  }
  return text;
}

std::string command_of(const Exchange& exchange) {
  std::string text(pop3::to_string(exchange.verb));
  if (exchange.message != 0) text += fmt::format(" {}", exchange.message);
  return text;
}

}  // namespace

SessionFacts Session::facts() const {
  const upstream::Route* route = lobby_ ? lobby_->desk.route() : route_;
  const upstream::Server* server = lobby_ ? lobby_->desk.server() : server_;
  const Instant now = services_.timers.now();
  const std::string peer = client_->peer().to_string();
  SessionFacts facts;
  facts.id = id_;
  facts.listener = settings_->listener;
  facts.client = facts_.address.to_string();
  if (peer != facts.client) facts.via = peer;
  facts.user = user_;
  facts.device = device_;
  if (!user_.empty()) facts.mechanism = lobby_ ? lobby_->authorization.method() : method_;
  if (route != nullptr) {
    facts.route = route->conditions.name;
    facts.pool = route->pool->name();
  }
  if (server != nullptr) facts.upstream = server->address.to_string();
  facts.tls = !facts_.secure ? "none" : facts_.tls_version.empty() ? "other" : facts_.tls_version;
  facts.cipher = facts_.tls_cipher;
  facts.server_name = facts_.server_name;
  facts.certificate = facts_.certificate;
  facts.state = to_string(state_);
  if (!ledger_.empty()) facts.doing = command_of(ledger_.front());
  facts.waits_for = words_for(waits_for());
  if (chain_) facts.chain = chain_->config.name;
  if (policy_) facts.policy = policy_->config.name;
  facts.age = now - started_;
  facts.idle = now - client_moved_;
  facts.commands = commands_;
  facts.messages = messages_;
  facts.octets_in = octets_in_;
  facts.octets_out = octets_out_;
  facts.failed_logins = failed_logins_;
  facts.logged_in = state_ == State::transaction || state_ == State::update;
  return facts;
}

void Session::write_log() const {
  const SessionFacts facts = this->facts();
  services_.log.info("session", {{"id", facts.id},
                                 {"listener", facts.listener},
                                 {"client", facts.client},
                                 {"via", facts.via},
                                 {"user", facts.user},
                                 {"mechanism", facts.mechanism},
                                 {"route", facts.route},
                                 {"pool", facts.pool},
                                 {"upstream", facts.upstream},
                                 {"tls", facts.tls},
                                 {"cipher", facts.cipher},
                                 {"sni", facts.server_name},
                                 {"certificate", facts.certificate},
                                 {"reason", to_string(reason_)},
                                 {"problem", problem_},
                                 {"commands", facts.commands},
                                 {"messages", facts.messages},
                                 {"octets_in", facts.octets_in},
                                 {"octets_out", facts.octets_out},
                                 {"failed_logins", facts.failed_logins},
                                 {"duration_ms", facts.age.count()}});
}

}  // namespace gatepost::session
