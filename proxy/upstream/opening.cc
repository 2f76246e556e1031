#include "proxy/upstream/opening.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "proxy/net/proxy_protocol.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::upstream {

using pop3::ClientCodec;
using pop3::Expected;
using pop3::ReplyShape;

namespace {

std::string proxy_header(config::ProxyProtocol version, const net::ClientFacts* client) {
  if (version == config::ProxyProtocol::off) return {};
  net::ClientFacts nobody;  // without an IP address: the header speaks of no client
  nobody.address.unix_socket = true;
  nobody.local.unix_socket = true;
  const net::ClientFacts& facts = client != nullptr ? *client : nobody;
  return version == config::ProxyProtocol::v1 ? net::proxy_header_v1(facts)
                                              : net::proxy_header_v2(facts);
}

pop3::Xclient xclient_of(const net::ClientFacts& client) {
  pop3::Xclient xclient;
  if (!client.address.unix_socket) {
    xclient.address = client.address.ip;
    xclient.port = client.address.port;
  }
  if (!client.local.unix_socket) {
    xclient.local_address = client.local.ip;
    xclient.local_port = client.local.port;
  }
  xclient.session = client.session_id;
  xclient.server_name = client.server_name;
  xclient.secure = client.secure;
  xclient.forward = client.forwarded;
  xclient.hops = client.hops > 0 ? static_cast<std::uint8_t>(client.hops - 1) : std::uint8_t{0};
  return xclient;
}

/// A receiver refuses a TTL below (see pop3::parse_xclient).
constexpr std::uint8_t kFewestHops = 2;

}  // namespace

Opening::Opening(const Environment& environment, const config::Timeouts& timeouts,
                 const Server& server, const net::ClientFacts* client, Owner& owner, Capa capa)
    : environment_(environment),
      timeouts_(timeouts),
      server_(server),
      owner_(owner),
      has_client_(client != nullptr),
      capa_(capa),
      proxy_header_(proxy_header(server.proxy_protocol, client)),
      timer_(environment.timers.make_timer([this] {
        give_up(ErrorCode::timeout, fmt::format("{}: no answer in time", step()));
        owner_.on_opening_finished();
      })),
      started_(environment.timers.now()) {
  if (server.xclient && client != nullptr) xclient_ = xclient_of(*client);
  if (environment_.tap != nullptr) leg_ = environment_.tap->connecting(server_.address);
  connecting_ =
      environment_.connector.connect(server_.address, timeouts_.upstream_connect,
                                     [this](auto transport) { connected(std::move(transport)); });
}

Opening::~Opening() = default;

void Opening::connected(Result<std::unique_ptr<net::Transport>> transport) {
  if (!transport) {
    if (environment_.tap != nullptr) environment_.tap->failed(leg_, transport.error());
    give_up(transport.error().code, "connect: " + transport.error().detail);
    return owner_.on_opening_finished();
  }
  transport_ = std::move(*transport);
  if (environment_.tap != nullptr) environment_.tap->connected(leg_);
  if (!proxy_header_.empty()) {
    transport_->send(ByteChain(environment_.pool, proxy_header_));
    told_of_client_ = has_client_;
  }
  if (server_.security != Security::implicit) listen();
  transport_->set_observer(this);
  if (server_.security == Security::implicit) {
    // upstream_connect is for both.
    const Duration used = environment_.timers.now() - started_;
    enter(State::tls, std::max(timeouts_.upstream_connect - used, Duration(1)));
    wrap_in_tls();
  } else {
    expect_greeting();
  }
  pump();
}

void Opening::pump() {
  do {
    if (finished()) break;
    if ((state_ == State::tls || state_ == State::stls_tls) && transport_->established()) {
      on_tls_established();
    }
    while (!finished() && transport_->established() && read_event()) {
    }
    if (finished()) break;
    if (transport_->end() && transport_->received().empty()) {
      const Error why = *transport_->end();
      if (environment_.tap != nullptr && !transport_->established()) {
        environment_.tap->failed(leg_, why);
      }
      give_up(why.code, fmt::format("{}: {}: {}", step(), to_string(why.code), why.detail));
      break;
    }
  } while (transport_->settle());
  // The owner may destroy this.
  if (finished()) owner_.on_opening_finished();
}

bool Opening::read_event() {
  switch (codec_.next(transport_->received())) {
    case ClientCodec::Event::need_data:
      return false;
    case ClientCodec::Event::continuation:
      give_up(ErrorCode::protocol, "protocol: challenge out of turn");
      return false;
    case ClientCodec::Event::protocol_error:
      give_up(ErrorCode::protocol, "protocol: " + codec_.error());
      return false;
    case ClientCodec::Event::body_data:
      capa_body_ += codec_.take_body().to_string();
      if (capa_body_.size() > kMaxCapaBody) {
        give_up(ErrorCode::protocol, "protocol: endless CAPA reply");
      }
      return true;
    case ClientCodec::Event::body_end:
      on_capabilities();
      return true;
    case ClientCodec::Event::status:
      on_status();
      return true;
  }
  std::unreachable();
}

void Opening::on_status() {
  const pop3::Status& status = codec_.status();
  switch (state_) {
    case State::greeting:
      return on_greeting();
    case State::stls:
      if (!status.ok) {
        return give_up(ErrorCode::refused, "upstream refuses STLS: -ERR " + status.text);
      }
      enter(State::stls_tls, timeouts_.upstream_connect);
      return wrap_in_tls();
    case State::xclient:
      return on_introduced();
    case State::capa:
      if (!status.ok) on_capabilities();  // an old server: no CAPA at all
      return;
    case State::connecting:
    case State::tls:
    case State::stls_tls:
    case State::finished:
      return give_up(ErrorCode::protocol, "protocol: reply out of turn");
  }
}

void Opening::expect_greeting() {
  connect_time_ = environment_.timers.now() - started_;
  enter(State::greeting, timeouts_.upstream_greeting);
  codec_.expect({});
}

void Opening::on_greeting() {
  const pop3::Status& status = codec_.status();
  if (!status.ok) return give_up(ErrorCode::refused, "greeting: -ERR " + status.text);
  timestamp_ = pop3::greeting_timestamp(status.text);
  greeting_ = status.text;
  if (!timestamp_.empty()) greeting_.erase(greeting_.find(timestamp_), timestamp_.size());
  offers_xclient_ = pop3::greeting_offers_xclient(status.text);
  if (server_.security != Security::stls) return introduce();
  enter(State::stls, timeouts_.upstream_login);
  send("STLS\r\n", {});
}

void Opening::on_tls_established() {
  if (environment_.tap != nullptr) environment_.tap->secured(leg_, *transport_->tls());
  listen();
  transport_->set_observer(this);
  if (state_ == State::tls) return expect_greeting();
  // There is no second greeting. What CAPA said in clear would have to be forgotten (RFC 2595
  // section 4): it was not asked.
  introduce();
}

/// Says who the client is, where that is wanted, and asks for the capabilities: in one write, as
/// Dovecot does itself. Both speak of the connection as clients will log in on it.
void Opening::introduce() {
  if (xclient_ && !offers_xclient_) warning_ = "XCLIENT: the greeting does not offer it to us";
  if (xclient_ && offers_xclient_) {
    if (xclient_->hops < kFewestHops) {
      return give_up(ErrorCode::limit, "XCLIENT: too many hops, is this a loop?");
    }
    enter(State::xclient, timeouts_.upstream_login);
    send(pop3::xclient_line(*xclient_), {});
    told_of_client_ = true;
  } else if (leave_unconfirmed()) {
    return;
  } else {
    enter(State::capa, timeouts_.upstream_login);
  }
  send("CAPA\r\n", {.shape = ReplyShape::multi, .form = pop3::DotDecoder::Form::unstuffed});
}

void Opening::on_introduced() {
  const pop3::Status& status = codec_.status();
  if (!status.ok) {
    return give_up(ErrorCode::refused, "upstream refused XCLIENT: -ERR " + status.text);
  }
  // Dovecot's answer to a peer that is not among its login_trusted_networks. Logins work all the
  // same, with our address in place of the client's.
  if (pop3::to_upper(status.text).contains("NOT FROM TRUSTED IP")) {
    warning_ = "XCLIENT: " + status.text;
  }
  enter(State::capa, timeouts_.upstream_login);
}

/// Where the server pipelines, CAPA costs no turn of its own: it goes with the first command of the
/// login, and its answer comes before that one's. A server that was exchanged meanwhile must have
/// given the same greeting to get there.
bool Opening::leave_unconfirmed() {
  if (capa_ != Capa::later) return false;
  auto known = server_.state->capabilities_behind(greeting_, environment_.timers.now());
  const bool enough =
      known && known->has("PIPELINING") && (known->has_sasl("PLAIN") || known->has("USER"));
  if (!enough) return false;
  if (nothing_ahead()) opened(std::move(known), true);
  return true;
}

void Opening::on_capabilities() {
  if (!nothing_ahead()) return;
  opened(server_.state->learned(capa_body_, greeting_), false);
}

void Opening::opened(std::shared_ptr<const pop3::Capabilities> capabilities, bool unconfirmed) {
  Opened opened;
  opened.capabilities = std::move(capabilities);
  opened.unconfirmed = unconfirmed;
  std::string().swap(capa_body_);
  opened.timestamp = std::move(timestamp_);
  opened.connect_time = connect_time_;
  opened.warning = std::move(warning_);
  transport_->set_observer(nullptr);
  opened.transport = std::move(transport_);
  opened.codec = std::move(codec_);
  finish(std::move(opened));
}

/// The tap hears the connection as it stands now: before TLS, or inside it.
void Opening::listen() {
  transport_ = net::listen_to(std::move(transport_), environment_.tap, leg_);
}

void Opening::wrap_in_tls() {
  if (environment_.tap != nullptr) transport_ = net::without_tap(std::move(transport_));
  auto wrapped = server_.tls->wrap(std::move(transport_), environment_.pool);
  if (!wrapped) return give_up(wrapped.error().code, "TLS: " + wrapped.error().detail);
  transport_ = std::move(*wrapped);
  transport_->set_observer(this);
}

void Opening::enter(State state, Duration deadline) {
  state_ = state;
  timer_->start(deadline);
}

/// The answer to what is sent next cannot be here yet: what is, was sent to be taken for it.
bool Opening::nothing_ahead() {
  if (transport_->received().empty() && !codec_.mid_reply()) return true;
  give_up(ErrorCode::protocol, "protocol: reply that nobody asked for");
  return false;
}

void Opening::send(std::string_view line, Expected expected) {
  if (finished() || !nothing_ahead()) return;
  codec_.expect(expected);
  transport_->send(ByteChain(environment_.pool, line));
}

/// What was being waited for, for the log.
std::string_view Opening::step() const {
  switch (state_) {
    case State::connecting:
      return "connect";
    case State::tls:
    case State::stls_tls:
      return "TLS";
    case State::greeting:
      return "greeting";
    case State::stls:
      return "STLS";
    case State::xclient:
      return "XCLIENT";
    case State::capa:
      return "CAPA";
    case State::finished:
      return "finished";
  }
  std::unreachable();
}

void Opening::cancel() {
  if (finished()) return;
  timer_->stop();
  connecting_.reset();
  if (transport_) {
    transport_->set_observer(nullptr);
    transport_->close(net::CloseMode::abort);
  }
  outcome_ = gatepost::fail(ErrorCode::closed, "given up");
  state_ = State::finished;
}

void Opening::give_up(ErrorCode code, std::string problem) {
  finish(gatepost::fail(code, std::move(problem)));
}

/// Whether a failure says something about the server. One of our own does not, nor does a server
/// that turns one client away: else a client that it knows for its attempts could bring it down.
bool Opening::is_servers_fault(ErrorCode code) const {
  switch (code) {
    case ErrorCode::system:
    case ErrorCode::limit:
    case ErrorCode::config:
      return false;
    case ErrorCode::timeout:
      return true;
    case ErrorCode::protocol:
    case ErrorCode::closed:
    case ErrorCode::truncated:
    case ErrorCode::refused:
    case ErrorCode::network:
    case ErrorCode::tls:
      return !told_of_client_;
  }
  std::unreachable();
}

/// The owner is told at the end of the turn.
void Opening::finish(Result<Opened> outcome) {
  timer_->stop();
  connecting_.reset();
  const Instant now = environment_.timers.now();
  if (outcome) {
    server_.state->succeeded(now);
  } else if (is_servers_fault(outcome.error().code)) {
    server_.state->failed(now);
  }
  if (transport_) {
    transport_->set_observer(nullptr);
    transport_->close(net::CloseMode::flush);
  }
  outcome_.emplace(std::move(outcome));
  state_ = State::finished;
}

}  // namespace gatepost::upstream
