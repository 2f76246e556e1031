#include "proxy/upstream/pool.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "proxy/pop3/ascii.h"

namespace gatepost::upstream {

namespace {

/// A server that came up begins its slow start with this part of its share.
constexpr double kSlowStartBegin = 0.1;

/// FNV-1a, 64 bits.
constexpr std::uint64_t kFnvStart = 0xcbf29ce484222325U;
std::uint64_t fnv1a(std::string_view text, std::uint64_t hash) {
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3U;
  }
  return hash;
}

/// The finalizer of SplitMix64: FNV alone leaves similar texts similar in their upper bits.
std::uint64_t mix(std::uint64_t hash) {
  hash = (hash ^ (hash >> 30U)) * 0xbf58476d1ce4e5b9U;
  hash = (hash ^ (hash >> 27U)) * 0x94d049bb133111ebU;
  return hash ^ (hash >> 31U);
}

/// Above 0 and below 1, from user and server alone: the same in every process.
double lot(std::string_view upper_user, const Server& server) {
  std::uint64_t hash = fnv1a(upper_user, kFnvStart);
  hash = fnv1a(std::string_view("\0", 1), hash);
  hash = mix(fnv1a(server.address.to_string(), hash));
  return (static_cast<double>(hash >> 11U) + 0.5) * 0x1p-53;
}

bool is_down(const Server& server) { return server.state->health() == ServerState::Health::down; }

struct Candidate {
  const Server* server;
  bool down;
  std::uint32_t priority;
  double load;  // the smallest is asked first
  std::size_t order;
};

}  // namespace

Pool::Pool(const config::Pool& config, std::vector<Server> servers)
    : name_(config.name),
      servers_(std::move(servers)),
      balance_(config.balance),
      slow_start_(config.slow_start),
      attempts_(std::size_t{config.retries} + 1),
      health_check_(config.health_check),
      // So that many processes that start together do not all begin with the first server.
      turn_(std::random_device{}()) {}

/// Of the sessions, in relation to the other servers.
double Pool::share(const Server& server, Instant now) const {
  const double full = std::max(server.weight, 1U);
  const Instant since = server.state->up_since();
  if (slow_start_ <= Duration(0) || since == Instant{}) return full;
  const double part =
      static_cast<double>((now - since).count()) / static_cast<double>(slow_start_.count());
  return full * (kSlowStartBegin + (1 - kSlowStartBegin) * std::clamp(part, 0.0, 1.0));
}

std::optional<Pool::Choice> Pool::choose(std::string_view user,
                                         std::span<const Server* const> tried, Instant now) const {
  const bool by_user = balance_ == config::Balance::user_hash && !user.empty();
  const std::string upper_user = by_user ? pop3::to_upper(user) : std::string();
  const std::size_t turn = turn_.fetch_add(1, std::memory_order_relaxed);
  std::vector<Candidate> candidates;
  candidates.reserve(servers_.size());
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const Server& server = servers_[i];
    if (std::ranges::find(tried, &server) != tried.end()) continue;
    // Rendezvous hashing: every server draws a lot for the user, and the best one wins.
    const double load = by_user ? -std::log(lot(upper_user, server))
                                : static_cast<double>(server.state->sessions()) + 1;
    candidates.push_back({.server = &server,
                          .down = is_down(server),
                          .priority = server.priority,
                          .load = load / share(server, now),
                          .order = (i + turn) % servers_.size()});
  }
  std::ranges::sort(candidates, {}, [](const Candidate& candidate) {
    return std::tuple(candidate.down, candidate.priority, candidate.load, candidate.order);
  });
  for (const Candidate& candidate : candidates) {
    if (Lease lease = Lease::take(*candidate.server)) {
      return Choice{.server = candidate.server, .lease = std::move(lease)};
    }
  }
  return std::nullopt;
}

std::string Pool::explain(const Server& chosen, std::span<const Server* const> tried) const {
  std::string text = fmt::format("server {} of pool {}", chosen.address.to_string(), name_);
  if (servers_.size() == 1) return text.append(", the only one");
  text += balance_ == config::Balance::user_hash
              ? std::string(", by user_hash")
              : fmt::format(", by least_connections: {} sessions with this one",
                            chosen.state->sessions());
  if (is_down(chosen)) text += ", though it is down: nobody else is left";
  std::size_t others = 0;
  for (const Server& server : servers_) {
    if (&server == &chosen || std::ranges::find(tried, &server) != tried.end()) continue;
    if (++others > kMaxServersTold) continue;
    const std::uint32_t sessions = server.state->sessions();
    const bool full = server.max_connections > 0 && sessions >= server.max_connections;
    const std::string why = is_down(server) ? std::string("is down")
                            : full          ? fmt::format("is full: {} sessions", sessions)
                            : server.priority > chosen.priority
                                ? fmt::format("is a standby: priority {}", server.priority)
                                : fmt::format("has {} sessions", sessions);
    text += fmt::format("\nnot {}: it {}", server.address.to_string(), why);
  }
  if (others > kMaxServersTold) text += fmt::format("\nnor {} more", others - kMaxServersTold);
  return text;
}

std::string Pool::path() const {
  return name_ == "upstream" ? std::string("/upstream") : fmt::format("/pools/{}", name_);
}

std::optional<pop3::Capabilities> Pool::known_capabilities() const {
  std::optional<pop3::Capabilities> common;
  for (const Server& server : servers_) {
    const auto known = server.state->capabilities();
    if (!known && !is_down(server)) return std::nullopt;
    if (known) common = common ? common->common_with(*known) : *known;
  }
  return common;
}

}  // namespace gatepost::upstream
