#include "tests/fuzz/session_world.h"

#include <algorithm>
#include <utility>

#include "proxy/pop3/ascii.h"
#include "proxy/pop3/reply.h"
#include "proxy/pop3/sasl.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/session_oracle.h"

namespace gatepost::fuzz {

namespace {

using testing::WireOptions;

/// Kept from run to run: most of the time would go there.
BlockPool& pool() {
  static BlockPool instance;
  return instance;
}

constexpr std::size_t kMaxClientUnsent = 3 * session::Session::kMaxUnsent;
constexpr std::size_t kMaxUpstreamUnsent = std::size_t{64} * 1024;
constexpr std::size_t kMaxBlocks = 64;

std::string upper_last_line(std::string_view text) {
  if (!text.ends_with("\r\n")) return {};
  text.remove_suffix(2);
  const std::size_t lf = text.rfind('\n');
  text.remove_prefix(lf == std::string_view::npos ? 0 : lf + 1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return pop3::to_upper(text);
}

}  // namespace

/// Lines that are one line, hold no control character and not the secret.
class World::CheckedLog final : public Log {
 public:
  void write(LogLevel level, std::string_view event,
             std::initializer_list<LogField> fields) override {
    const std::string line = format_log_line(LogFormat::text, "now", level, event, fields);
    require(line.ends_with('\n') && line.size() < 20 * kMaxValue);
    require(std::ranges::none_of(std::string_view(line).substr(0, line.size() - 1),
                                 [](char c) { return pop3::is_control(c) || c == '\t'; }));
    static const std::string encoded = pop3::base64_encode(kSecret);
    require(!line.contains(kSecret));
    for (const LogField& field : fields) {
      const auto* const text = std::get_if<std::string_view>(&field.value);
      // Whoever puts it into the user name wants to be called so.
      require(text == nullptr || field.key == "user" || !text->contains(encoded));
    }
    if (event == "session") ++sessions;
  }
  std::size_t sessions = 0;
};

World::World(std::string_view flags)
    : flags_(flags),
      connector_(pool()),
      log_(std::make_unique<CheckedLog>()),
      filters_(std::make_unique<testing::FilterHost>(timers_, connector_, pool(), *log_)),
      retention_(std::make_unique<testing::RetentionFixture>(timers_, filters_->background, *log_)),
      services_{timers_,        connector_,       pool(),
                *log_,          counters_,        guard_,
                filters_->host, retention_->host, filters::inspection_maker(filters_->host),
                journal_} {
  setup(flags);
  WireOptions wire;
  wire.read_in_settle = has('r');
  wire.receive_limit = 4096;
  wire.on_send = [this](std::string_view text) { said_to_client(text); };
  net::ClientFacts facts;
  facts.address = wire.address;
  facts.local = wire.local;
  if (has('h')) facts.hops = 1;
  testing::MemoryConnection connection = testing::make_memory_transport(pool(), wire);
  client_ = connection.peer;
  session::Session::Home& home = *this;
  session_ = std::make_unique<session::Session>("s1", services_, settings_,
                                                std::move(connection.transport), facts, home);
  handshakes_ = client_tls_->started();
  attempts_ = connector_.started();
}

World::~World() {
  session_.reset();
  filters_->background.run_all();
  require(connector_.pending() == 0 && timers_.armed() == 0);
  require(pool().held_blocks() == 0);
  require(std::ranges::all_of(states_, [](const auto& state) { return state->sessions() == 0; }));
}

/// s: STLS for clients; i: TLS from the first byte; u, U: the same upstream; a: APOP;
/// x: XCLIENT for clients; X: for upstream; h: no hops left; 2: two servers; f: users get another
/// name; g: failed logins cost time; o: no initial response; p, P: PROXY header upstream;
/// r: settle() reads; k: the session is destroyed at the end; c: messages go through a chain.
void World::setup(std::string_view flags) {
  session::Settings& s = *settings_;
  s.listener = "fuzz";
  s.implementation = "Gatepost";
  s.client_tls_mode = has('s')   ? config::ListenerTls::starttls
                      : has('i') ? config::ListenerTls::implicit
                                 : config::ListenerTls::none;
  if (has('s') || has('i')) s.client_tls = client_tls_;
  s.xclient = has('x');
  s.trusted_networks = {*IpNetwork::parse("0.0.0.0/32")};
  s.apop = has('a');
  s.limits.bad_commands = 3;
  if (has('g')) s.limits.free_failed_logins = 0;
  guard_.configure(s.limits);

  if (has('c')) {
    filters::Chain chain = filters_->scanning_chain();
    config::action_for(chain.config.policy, filters::Cause::infected) = config::Action::refuse;
    chain.config.waiting.deadline = Duration(60'000);
    s.chain = std::make_shared<const filters::Chain>(std::move(chain));
  }

  std::vector<upstream::Server> servers(has('2') ? 2 : 1);
  for (upstream::Server& server : servers) {
    server.address = {.host = "pop.example", .port = 110, .path = {}};
    server.security = has('u')   ? upstream::Security::stls
                      : has('U') ? upstream::Security::implicit
                                 : upstream::Security::none;
    if (server.security != upstream::Security::none) server.tls = upstream_tls_;
    server.xclient = has('X');
    server.initial_response = !has('o');
    if (has('p')) server.proxy_protocol = config::ProxyProtocol::v1;
    if (has('P')) server.proxy_protocol = config::ProxyProtocol::v2;
    server.state = std::make_shared<upstream::ServerState>(config::HealthCheck());
    states_.push_back(server.state);
  }
  config::Pool settings;
  settings.name = "pool";
  upstream::Route route;
  route.conditions.name = "all";
  if (has('f')) route.form = upstream::UserForm("{local}%{domain}", true, "example.org");
  route.pool = std::make_shared<const upstream::Pool>(settings, std::move(servers));
  s.router = std::make_shared<const upstream::Router>(std::vector{std::move(route)});
  require(flags.size() <= 64);
}

void World::on_session_ended(session::Session& /*session*/) {
  require(!ended_);
  ended_ = true;
}

std::string_view World::delivered_by_client() const {
  return std::string_view(client_said_).substr(0, client_said_.size() - client_->undelivered());
}

void World::said_to_client(std::string_view text) {
  const bool in = counters_.logins[session::LoginResult::ok].get() > 0;
  if (!login_) {
    judge_own_reply(text);
    ++own_replies_;
  }
  client_heard_ += text;
  if (in && !login_) client_is_in(text);
}

/// The line that tells the client that it is logged in has just been queued.
void World::client_is_in(std::string_view reply) {
  Upstream* upstream = nullptr;
  for (const auto& candidate : upstreams_) {
    if (!candidate->open()) continue;
    require(upstream == nullptr);
    upstream = candidate.get();
  }
  require(upstream != nullptr && reply.starts_with("+OK"));
  // Upstream said so, and nothing behind it yet.
  const std::string_view said = std::string_view(upstream->said).substr(0, upstream->delivered());
  require(upstream->peer->transport()->received().empty() && said.ends_with("\r\n"));
  std::string_view last = said.substr(0, said.size() - 2);
  const std::size_t lf = last.rfind('\n');
  last.remove_prefix(lf == std::string_view::npos ? 0 : lf + 1);
  const auto status = pop3::parse_status(last);
  require(status && status->ok && status->wire() == reply);
  const std::size_t unread = client_->undelivered() + client_->transport()->received().size();
  login_ = Login{client_said_.size() - unread, upstream->heard.size(), said.size(),
                 client_heard_.size(), upstream};
}

void World::said_to_upstream(Upstream& upstream, std::string_view text) {
  upstream.heard += text;
  if (upstream.heard.contains(kSecret)) {
    // Never in clear where TLS is asked for.
    require(!has('s') || client_tls_established_);
    require((!has('u') && !has('U')) || upstream_tls_established_ > 0);
  }
  const bool header = upstream.heard.size() == text.size() && (has('p') || has('P'));
  if (header) return;
  // Whole lines, one or (where the server is known to pipeline) several.
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = rest.find("\r\n");
    require(end != std::string_view::npos && !pop3::breaks_lines(rest.substr(0, end)));
    rest.remove_prefix(end + 2);
  }
  if (!login_) return;
  require(&upstream == login_->upstream);
  if (text != "QUIT\r\n") return;
  // QUIT deletes: all answers have left.
  require(client_->transport()->unsent() == 0 && client_->total_sent() == client_heard_.size());
  if (has('c')) return;
  const Verdict verdict = judge({std::string_view(client_said_).substr(login_->from_client),
                                 std::string_view(upstream.heard).substr(login_->to_upstream),
                                 std::string_view(upstream.said).substr(login_->from_upstream),
                                 std::string_view(client_heard_).substr(login_->to_client),
                                 settings_->limits.bad_commands, false});
  require(verdict.answered + 1 == verdict.commands && !verdict.mid_reply);
}

/// Holds at every moment between two calls.
void World::check_step() {
  if (client_->transport() != nullptr) {
    require(client_->transport()->unsent() <= kMaxClientUnsent);
    require(client_->transport()->received().size() <= 2 * std::size_t{65536});
  }
  for (const auto& upstream : upstreams_) {
    if (upstream->peer->transport() == nullptr) continue;
    require(upstream->peer->transport()->unsent() <= kMaxUpstreamUnsent);
  }
  require(pool().held_blocks() <= kMaxBlocks);
  require(ended_ || session_->waits_for() != 0);
  if (!login_) check_before_login();
  if (has('c')) check_chain();
}

/// Of a message the client sees nothing that was not found clean before.
void World::check_chain() const {
  std::string_view rest = client_heard_;
  for (std::size_t at = 0; (at = rest.find(kInMessage)) != std::string_view::npos;) {
    rest.remove_prefix(at);
    const std::size_t end = rest.find(';');
    const std::string_view name = rest.substr(0, end);
    const auto seen = [name](const std::string& clean) { return clean.starts_with(name); };
    require(std::ranges::any_of(clean_, seen));
    rest.remove_prefix(kInMessage.size());
  }
  // Half a message must not look whole.
  const std::size_t last = client_heard_.rfind("+OK Message follows\r\n");
  const bool half =
      last != std::string::npos && client_heard_.find("\r\n.\r\n", last) == std::string::npos;
  require(!half || !client_->saw_fin());
}

void World::check_before_login() {
  const std::string_view said = delivered_by_client();
  if (client_tls_->started() > handshakes_) {
    handshakes_ = client_tls_->started();
    // What came with STLS was in clear, what comes later is in TLS.
    if (!has('r')) require(upper_last_line(said) == "STLS");
    tls_from_ = said.size();
  }
  if (connector_.started() > attempts_) {
    attempts_ = connector_.started();
    // Nothing from before TLS makes a login.
    const std::string text = pop3::to_upper(said.substr(has('r') ? 0 : tls_from_));
    require(has('a') || text.contains("USER ") || text.contains("APOP ") || text.contains("AUTH "));
  }
  // The greeting and the last words, one answer or challenge to a line each.
  const auto lines = static_cast<std::size_t>(std::ranges::count(said, '\n'));
  require(own_replies_ <= lines + 2);
  if (!client_heard_.empty()) require(!client_heard_.contains(kSecret));
}

void World::check_after_login(bool at_rest) {
  Upstream& upstream = *login_->upstream;
  if (has('c')) return require(upstream.heard.contains("QUIT\r\n") || !upstream.peer->saw_fin());
  const bool over = ended_ || session_->state() == session::SessionState::closing;
  const Verdict verdict =
      judge({std::string_view(client_said_).substr(login_->from_client),
             std::string_view(upstream.heard).substr(login_->to_upstream),
             std::string_view(upstream.said)
                 .substr(login_->from_upstream, upstream.delivered() - login_->from_upstream),
             std::string_view(client_heard_).substr(login_->to_client),
             settings_->limits.bad_commands, over});
  require(counters_.messages_retrieved.get() == verdict.messages);
  // Half a message must not look whole, and nobody but QUIT's answer ends upstream in order.
  require(!verdict.mid_reply || !over || !client_->saw_fin());
  require(verdict.quit_answered || !upstream.peer->saw_fin());
  const bool pipelining = pop3::to_upper(upstream.said).contains("PIPELINING");
  require(verdict.commands - verdict.answered <= (pipelining ? settings_->limits.pipeline : 1));
  if (at_rest && !over && session_->state() == session::SessionState::transaction) {
    require(verdict.up_to_date);
  }
}

}  // namespace gatepost::fuzz
