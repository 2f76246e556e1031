#include "proxy/store/redis_opening.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "proxy/base/dns_name.h"

namespace gatepost::store {

namespace {

/// Errors of connections as those of a store.
ErrorCode store_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::protocol:
    case ErrorCode::timeout:
    case ErrorCode::limit:
    case ErrorCode::system:
      return code;
    default:
      return ErrorCode::closed;
  }
}

/// What Sentinels answer to get-master-addr-by-name: address and port.
std::optional<Endpoint> endpoint_of(const RedisReply& reply) {
  if (reply.kind != RedisReply::Kind::list || reply.items.size() != 2) return std::nullopt;
  Endpoint found;
  found.host = reply.items[0].text;
  const std::string& port = reply.items[1].text;
  const char* const end = port.data() + port.size();
  const auto read = std::from_chars(port.data(), end, found.port);
  const bool good_host = IpAddress::parse(found.host).has_value() || is_dns_name(found.host);
  if (read.ec != std::errc() || read.ptr != end || found.port == 0 || !good_host) {
    return std::nullopt;
  }
  return found;
}

/// The value of a name in a flat list of both, "" if it is not there.
std::string_view value_in(const RedisReply& pairs, std::string_view name) {
  for (std::size_t i = 0; i + 1 < pairs.items.size(); i += 2) {
    if (pairs.items[i].text == name) return pairs.items[i + 1].text;
  }
  return {};
}

constexpr std::string_view kNoFile =
    "Redis keeps no append-only file (appendonly is no): what it was told may be forgotten";
constexpr std::string_view kLateFile =
    "Redis writes its file later (appendfsync is not always): what it was told last may be "
    "forgotten";

}  // namespace

RedisOpening::RedisOpening(const RedisTools& tools, std::shared_ptr<const RedisAccess> access,
                           std::size_t first_sentinel, Done done)
    : tools_(tools),
      access_(std::move(access)),
      done_(std::move(done)),
      alarm_(tools.timers.make_timer([this] { on_alarm(); })),
      deadline_(tools.timers.now() + access_->config.connect_timeout),
      sentinel_(first_sentinel) {
  const config::Redis& config = access_->config;
  if (config.addresses.empty()) {
    finish(fail(ErrorCode::system, "Redis: no address"));
  } else if (config.sentinel_master.empty()) {
    go_to(Peer::server, config.addresses.front());
  } else {
    sentinels_left_ = config.addresses.size() - 1;
    ask_sentinel();
  }
}

void RedisOpening::ask_sentinel() {
  sentinel_ %= access_->config.addresses.size();
  go_to(Peer::sentinel, access_->config.addresses[sentinel_]);
}

void RedisOpening::go_to(Peer peer, const Endpoint& target) {
  peer_ = peer;
  target_ = target;
  line_.reset();
  greeted_ = false;
  questions_.clear();
  Duration limit = std::max(deadline_ - tools_.timers.now(), Duration(1));
  if (peer == Peer::sentinel) {
    // One that does not answer leaves time for the others, and for the master.
    const auto shares = static_cast<Duration::rep>(access_->config.addresses.size() + 1);
    limit = std::min(limit, std::max(access_->config.connect_timeout / shares, Duration(1)));
  }
  alarm_->start(limit);
  connecting_ = tools_.connector.connect(target_, limit,
                                         [this](auto made) { on_connected(std::move(made)); });
}

void RedisOpening::on_connected(Result<std::unique_ptr<net::Transport>> made) {
  if (made && access_->tls) made = access_->tls->wrap(*std::move(made), tools_.pool);
  if (!made) return peer_failed(made.error());
  RedisLine::Owner& owner = *this;
  line_ = std::make_unique<RedisLine>(*std::move(made), tools_, owner);
}

void RedisOpening::on_line() {
  while (!outcome_) {
    if (line_->established() && !greeted_) greet();
    auto reply = line_->next();
    if (!reply) return peer_failed(reply.error());
    if (!*reply) {
      // A handshake may have ended in next(), and nobody would say so again.
      if (line_->established() && !greeted_) continue;
      return;
    }
    if (questions_.empty()) return peer_failed({ErrorCode::protocol, "it speaks unasked"});
    const Question question = questions_.front();
    questions_.pop_front();
    if (auto heard = hear(question, **reply); !heard) return peer_failed(heard.error());
    if (questions_.empty()) return peer_done();
  }
}

void RedisOpening::ask(Question question, const std::vector<std::string_view>& words) {
  questions_.push_back(question);
  std::string command = redis_command(words);
  if (question == Question::auth) {
    line_->send_secret(command);
    wipe(command);
  } else {
    line_->send(command);
  }
}

void RedisOpening::greet() {
  greeted_ = true;
  const config::Redis& config = access_->config;
  const bool server = peer_ == Peer::server;
  const std::string_view password =
      (server ? access_->password : access_->sentinel_password).reveal();
  if (!password.empty() && server && !config.user.empty()) {
    ask(Question::auth, {"AUTH", config.user, password});
  } else if (!password.empty()) {
    ask(Question::auth, {"AUTH", password});
  }
  if (!server) {
    return ask(Question::master, {"SENTINEL", "get-master-addr-by-name", config.sentinel_master});
  }
  if (config.database != 0) {
    const std::string number = std::to_string(config.database);
    ask(Question::select, {"SELECT", number});
  }
  ask(Question::role, {"ROLE"});
  ask(Question::append_config, {"CONFIG", "GET", "append*"});
  ask(Question::info, {"INFO", "persistence"});
  ask(Question::ping, {"PING"});
}

Result<void> RedisOpening::hear(Question question, const RedisReply& reply) {
  using Kind = RedisReply::Kind;
  switch (question) {
    case Question::auth:
      if (reply.is_error()) {
        // Not its text: some servers repeat what they were sent.
        return fail(ErrorCode::system, fmt::format("AUTH was refused ({})", reply.error_word()));
      }
      [[fallthrough]];
    case Question::select:
      if (reply.is_error()) return std::unexpected(error_of(reply));
      return reply.kind == Kind::status ? Result<void>() : not_an_answer("AUTH or SELECT");
    case Question::master:
      if (reply.is_error()) return std::unexpected(error_of(reply));
      if (reply.kind == Kind::nothing) {
        return fail(ErrorCode::closed,
                    fmt::format("the Sentinel does not know {}", access_->config.sentinel_master));
      }
      if (const auto found = endpoint_of(reply)) {
        master_ = *found;
        return {};
      }
      return not_an_answer("SENTINEL get-master-addr-by-name");
    case Question::role:
      return hear_role(reply);
    case Question::append_config:
      // May be forbidden; then the next answer says less, but something.
      if (value_in(reply, "appendonly") == "no") append_warning_ = kNoFile;
      if (value_in(reply, "appendonly") == "yes" && value_in(reply, "appendfsync") != "always") {
        append_warning_ = kLateFile;
      }
      return {};
    case Question::info:
      if (reply.text.find("aof_enabled:0") != std::string::npos) append_warning_ = kNoFile;
      return {};
    case Question::ping:
      // Whoever is still reading its file says LOADING to this.
      if (means_another_server(reply)) return std::unexpected(error_of(reply));
      return {};
  }
  return {};
}

Result<void> RedisOpening::hear_role(const RedisReply& reply) {
  if (reply.is_error()) {
    // Forbidden (NOPERM): a server that was named is taken as it is, one that was found is not.
    if (reply.error_word() == "NOPERM" && access_->config.sentinel_master.empty()) return {};
    return std::unexpected(error_of(reply));
  }
  if (reply.kind != RedisReply::Kind::list || reply.items.empty()) return not_an_answer("ROLE");
  const std::string& role = reply.items.front().text;
  if (role == "master") return {};
  if (role == "slave") return fail(ErrorCode::closed, "it is a replica");
  if (role == "sentinel") return fail(ErrorCode::system, "it is a Sentinel");
  return not_an_answer("ROLE");
}

void RedisOpening::peer_done() {
  if (peer_ == Peer::sentinel) return go_to(Peer::server, master_);
  finish(Opened{std::move(line_), append_warning_, sentinel_});
}

void RedisOpening::peer_failed(Error error) {
  const std::string who = peer_ == Peer::sentinel ? "Sentinel" : "Redis";
  Error named{store_code(error.code),
              fmt::format("{} {}: {}", who, target_.to_string(), error.detail)};
  if (peer_ == Peer::sentinel && sentinels_left_ > 0 && tools_.timers.now() < deadline_) {
    --sentinels_left_;
    ++sentinel_;
    return ask_sentinel();
  }
  finish(std::unexpected(std::move(named)));
}

void RedisOpening::finish(Result<Opened> outcome) {
  outcome_.emplace(std::move(outcome));
  alarm_->start(Duration(0));  // not here: this may be the call of somebody who goes on
}

void RedisOpening::on_alarm() {
  if (!outcome_) {
    connecting_.reset();
    return peer_failed({ErrorCode::timeout, "no answer in time"});
  }
  auto done = std::move(done_);
  auto outcome = std::move(*outcome_);
  done(std::move(outcome));  // the last: this may be gone
}

}  // namespace gatepost::store
