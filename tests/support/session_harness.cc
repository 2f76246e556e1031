#include "tests/support/session_harness.h"

#include <utility>

namespace gatepost::testing {

namespace {

constexpr std::size_t kMaxTurns = 10'000'000;

std::string at(const std::source_location& where) {
  const std::string file = where.file_name();
  return file.substr(file.rfind('/') + 1) + ':' + std::to_string(where.line()) + ": ";
}

/// Takes `text` off what `peer` received; what came beyond stays.
void expect_text(MemoryPeer* peer, std::string_view text, const char* who,
                 const std::source_location& where) {
  ASSERT_NE(peer, nullptr) << at(where) << who << " is not connected";
  const std::string sent = peer->take_sent();
  EXPECT_EQ(sent.substr(0, text.size()), text) << at(where) << who << " got something else";
  if (sent.size() > text.size()) peer->put_back(sent.substr(text.size()));
}

}  // namespace

class SessionHarness::Owner final : public session::Session::Home {
 public:
  void on_session_ended(session::Session& /*session*/) override {
    EXPECT_FALSE(ended) << "ended twice";
    ended = true;
  }
  bool ended = false;
};

SessionHarness::SessionHarness(RunMode mode)
    : mode_(mode),
      services_{timers,       connector,      pool,
                log,          counters,       guard,
                filters.host, retention.host, filters::inspection_maker(filters.host),
                journal},
      owner_(std::make_unique<Owner>()) {
  settings.listener = "test";
  pool_settings.name = "pool";
  server = make_server("pop.example");
  facts.address = wire().address;
  facts.local = wire().local;
  guard.configure(settings.limits);
}

upstream::Server SessionHarness::make_server(std::string host) {
  upstream::Server server;
  server.address = {.host = std::move(host), .port = 110, .path = {}};
  server.state = std::make_shared<upstream::ServerState>(config::HealthCheck());
  return server;
}

std::shared_ptr<const upstream::Pool> SessionHarness::make_pool(
    std::vector<upstream::Server> servers, config::Pool settings) {
  if (settings.name.empty()) settings.name = servers.front().address.host;
  return std::make_shared<const upstream::Pool>(settings, std::move(servers));
}

void SessionHarness::teach(const upstream::Server& server, std::string_view capabilities) {
  server.state->learned(capabilities);
}

SessionHarness::~SessionHarness() {
  const bool check = !killed_ && !ignore_rest_;
  session_.reset();
  EXPECT_EQ(connector.pending(), 0U) << "a connection attempt goes on";
  EXPECT_EQ(timers.armed(), 0U) << "a timer goes on";
  if (check && client_) {
    EXPECT_EQ(client_->sent(), "") << "the client got more than expected";
  }
  if (check && upstream_) {
    EXPECT_EQ(upstream_->sent(), "") << "upstream got more than expected";
  }
}

WireOptions SessionHarness::wire() {
  WireOptions options;
  options.deliver_sizes = [this] { return mode_.chopping.next(); };
  options.accept_per_turn = mode_.accept_per_turn;
  options.read_in_settle = mode_.read_in_settle;
  return options;
}

void SessionHarness::start(Where /*where*/) {
  server.tls = server.security == upstream::Security::none ? nullptr : upstream_tls;
  if (routes.empty()) {
    std::vector<upstream::Server> servers = {server};
    servers.insert(servers.end(), more_servers.begin(), more_servers.end());
    routes.emplace_back().conditions.name = "all";
    routes.back().pool = make_pool(std::move(servers), pool_settings);
  }
  settings.router = std::make_shared<const upstream::Router>(routes);
  if (settings.client_tls_mode != config::ListenerTls::none) settings.client_tls = client_tls;
  if (chain_) settings.chain = std::make_shared<const filters::Chain>(*chain_);
  WireOptions options = wire();
  options.fail_send_at = mode_.client_fails_at;
  MemoryConnection connection = make_memory_transport(pool, std::move(options));
  client_ = connection.peer;
  const auto given = std::make_shared<const session::Settings>(settings);
  const session::Services& services = services_for ? services_for(services_, *given) : services_;
  session_ = std::make_unique<session::Session>("s1", services, given,
                                                std::move(connection.transport), facts, *owner_);
  run();
}

void SessionHarness::client(std::string_view text) {
  if (killed_) return;
  client_->deliver(text);
  run();
}

void SessionHarness::expect_client(std::string_view text, Where where) {
  if (!killed_) expect_text(client_.get(), text, "client", where);
}

std::string SessionHarness::expect_client_line(std::string_view prefix, Where where) {
  if (killed_) return {};
  const std::string sent = client_->take_sent();
  const std::size_t end = sent.find("\r\n");
  if (end == std::string::npos) {
    ADD_FAILURE() << at(where) << "client got no line but '" << sent << "'";
    return {};
  }
  client_->put_back(sent.substr(end + 2));
  EXPECT_EQ(sent.substr(0, prefix.size()), prefix) << at(where) << "client got something else";
  return sent.substr(0, end + 2);
}

void SessionHarness::client_says_and_gets(std::string_view command, std::string_view reply,
                                          Where where) {
  client(command);
  expect_client(reply, where);
}

void SessionHarness::client_ends(ErrorCode code) {
  if (killed_) return;
  client_->end(code);
  run();
}

void SessionHarness::upstream_accepts(Where where) {
  if (killed_) return;
  ASSERT_EQ(connector.pending(), 1U) << at(where) << "the session does not connect";
  WireOptions options = wire();
  options.fail_send_at = mode_.upstream_fails_at;
  upstream_ = connector.accept(std::move(options));
  moved();
  run();
}

void SessionHarness::upstream_refuses(ErrorCode code, Where where) {
  if (killed_) return;
  ASSERT_EQ(connector.pending(), 1U) << at(where) << "the session does not connect";
  connector.fail(code);
  moved();
  run();
}

void SessionHarness::upstream(std::string_view text) {
  if (killed_ || !upstream_) return;
  upstream_->deliver(text);
  run();
}

void SessionHarness::upstream_expects(std::string_view text, Where where) {
  if (!killed_) expect_text(upstream_.get(), text, "upstream", where);
}

void SessionHarness::upstream_expects_nothing(Where where) {
  if (killed_ || !upstream_) return;
  EXPECT_EQ(upstream_->sent(), "") << at(where);
}

void SessionHarness::upstream_ends(ErrorCode code) {
  if (killed_ || !upstream_) return;
  upstream_->end(code);
  run();
}

void SessionHarness::expect_upstream_aborted(Where where) {
  if (killed_) return;
  upstream_expects_nothing(where);
  EXPECT_TRUE(upstream_->saw_reset()) << at(where) << "upstream was not aborted";
}

void SessionHarness::expect_upstream_closed(Where where) {
  if (killed_) return;
  upstream_expects_nothing(where);
  EXPECT_TRUE(upstream_->saw_fin()) << at(where) << "upstream was not closed in order";
}

filters::Chain& SessionHarness::use_chain() {
  return chain_ ? *chain_ : chain_.emplace(filters.scanning_chain());
}

void SessionHarness::scanner_says(filters::Verdict verdict, Where where) {
  if (killed_) return;
  ASSERT_FALSE(filters.hand->scans.empty()) << at(where) << "nothing is scanned";
  filters.hand->answer(std::move(verdict));
  moved();
  run();
}

std::string SessionHarness::scanned_text() const {
  return filters.hand->scans.empty() ? std::string() : filters.hand->text();
}

void SessionHarness::expect_scans(std::size_t count, Where where) const {
  if (killed_) return;
  EXPECT_EQ(filters.hand->scans.size(), count) << at(where);
}

void SessionHarness::client_handshake(Where where) {
  if (killed_) return;
  ASSERT_EQ(client_tls->pending(), 1U) << at(where) << "no handshake with the client";
  client_tls->establish();
  moved();
  run();
}

void SessionHarness::upstream_handshake(Where where) {
  if (killed_) return;
  ASSERT_EQ(upstream_tls->pending(), 1U) << at(where) << "no handshake with upstream";
  upstream_tls->establish();
  moved();
  run();
}

void SessionHarness::log_in(std::string_view capabilities, Where where) {
  log_in_held(capabilities, where);
  expect_client("+OK joe has 3 messages\r\n", where);
}

void SessionHarness::log_in_held(std::string_view capabilities, Where where) {
  client("USER joe\r\n");
  expect_client_line("+OK", where);
  client("PASS secret word\r\n");
  upstream_accepts(where);
  upstream("+OK ready\r\n");
  upstream_expects("CAPA\r\n", where);
  upstream(capabilities.empty() ? "-ERR what?\r\n"
                                : "+OK here\r\n" + std::string(capabilities) + ".\r\n");
  upstream_expects("USER joe\r\n", where);
  upstream("+OK\r\n");
  upstream_expects("PASS secret word\r\n", where);
  upstream("+OK joe has 3 messages\r\n");
}

void SessionHarness::advance(Duration by) {
  if (killed_) return;
  timers.advance(by);
  moved();
  run();
}

void SessionHarness::moved() {
  if (killed_) return;
  ++turns_;
  reap();
  if (cut_short_) return;
  if (turns_ == mode_.kill_after || send_failed()) meet_fate();
}

bool SessionHarness::send_failed() const {
  const auto failed = [](const std::shared_ptr<MemoryPeer>& peer) {
    return peer && peer->total_sent() >= peer->options.fail_send_at;
  };
  return failed(client_) || failed(upstream_);
}

void SessionHarness::meet_fate() {
  cut_short_ = true;
  if (mode_.fate == Fate::killed && !send_failed()) return kill();
  if (mode_.fate == Fate::client_broken) client_->break_now();
  if (mode_.fate == Fate::upstream_broken && upstream_) upstream_->break_now();
  if (mode_.fate == Fate::alarm) timers.advance(timers.next().value_or(Duration(0)));
  reap();
  run();
  client_->end();
  if (upstream_) upstream_->end();
  run();
  for (int i = 0; i < 20 && !ended(); ++i) {
    if (connector.pending() > 0) {
      connector.fail(ErrorCode::timeout);
    } else {
      timers.advance(timers.next().value_or(Duration(0)));
    }
    reap();
    run();
  }
  EXPECT_TRUE(ended()) << "the session survives both its connections";
  EXPECT_EQ(counters.sessions_active.get(), 0U);
  EXPECT_EQ(log.count(" session "), 1U);
  kill();
}

void SessionHarness::reap() {
  if (owner_->ended) session_.reset();
}

bool SessionHarness::turn() {
  bool any = false;
  for (const auto& peer : {client_, upstream_}) {
    if (killed_ || !peer || !peer->turn()) continue;
    moved();
    any = true;
  }
  if (!killed_ && session_ && (session_->waits_for() & session::Session::kOwnTurn) != 0) {
    timers.advance(session::Session::kTurn);
    moved();
    any = true;
  }
  if (!killed_ && filters.background.turn()) {
    moved();
    any = true;
  }
  if (!killed_ && timers.next() == Duration(0)) {
    timers.advance(Duration(0));
    moved();
    any = true;
  }
  reap();
  return any && !killed_;
}

void SessionHarness::run() {
  for (std::size_t i = 0; i < kMaxTurns; ++i) {
    if (!turn()) return;
  }
  ADD_FAILURE() << "the session does not come to rest";
}

void SessionHarness::expect_ended(session::EndReason reason, Where where) {
  if (killed_) return;
  if (session_ && session_->state() == session::Session::State::closing) {
    EXPECT_TRUE(client_->saw_fin()) << at(where) << "the client sees no end";
    client_->end();
    run();
  }
  EXPECT_TRUE(ended()) << at(where) << "the session goes on";
  EXPECT_EQ(counters.sessions_ended[reason].get(), 1U) << at(where) << log.find(" session ");
  EXPECT_EQ(counters.sessions_active.get(), 0U) << at(where);
  EXPECT_EQ(log.count(" session "), 1U) << at(where);
}

void SessionHarness::expect_alive(Where where) const {
  if (killed_) return;
  EXPECT_FALSE(ended()) << at(where) << log.find(" session ");
}

void SessionHarness::kill() {
  session_.reset();
  killed_ = true;
  filters.background.run_all();
  EXPECT_EQ(connector.pending(), 0U) << "a connection attempt survives the session";
  EXPECT_EQ(timers.armed(), 0U) << "a timer survives the session";
  EXPECT_EQ(pool->held_blocks(), 0U) << "a block survives the session";
}

bool SessionHarness::ended() const { return owner_->ended; }

void for_each_run(const std::function<void(SessionHarness&)>& transcript) {
  using Kind = Chopping::Kind;
  std::size_t turns = 0;
  const auto run = [&](RunMode mode, const std::string& name) {
    if (::testing::Test::HasFailure()) return;  // one report is enough
    const ::testing::ScopedTrace trace(__FILE__, __LINE__, name);
    SessionHarness harness(mode);
    transcript(harness);
    turns = harness.turns();
  };
  const auto kill_everywhere = [&](Kind kind, const std::string& name) {
    const std::size_t total = turns;
    const std::size_t stride = 1 + total / 40;
    for (std::size_t k = 1; k <= total; k += stride) {
      run({.chopping = Chopping(kind), .kill_after = k}, name + std::to_string(k));
    }
  };
  run({}, "whole");
  kill_everywhere(Kind::whole, "whole, killed after turn ");
  run({.chopping = Chopping(Kind::bytes)}, "byte by byte");
  kill_everywhere(Kind::bytes, "byte by byte, killed after turn ");
  run({.chopping = Chopping(Kind::bytes), .accept_per_turn = 1}, "byte by byte both ways");
  run({.read_in_settle = true}, "settle() reads");
  run({.chopping = Chopping(Kind::bytes), .read_in_settle = true}, "settle() reads bytes");
  for (std::size_t i = 0; i < 10; ++i) {
    run({.chopping = Chopping(Kind::random, i), .accept_per_turn = i % 2 == 0 ? 7U : 1'000U},
        "random split " + std::to_string(i) + ", " + Random::name());
  }
}

}  // namespace gatepost::testing
