#include "proxy/session/session_state.h"

#include <array>
#include <cstddef>

namespace gatepost::session {

namespace {

using State = SessionState;

constexpr std::uint16_t bit(State state) {
  return static_cast<std::uint16_t>(1U << static_cast<unsigned>(state));
}

/// Where a session may go from each state.
constexpr std::array<std::uint16_t, static_cast<std::size_t>(State::count_)> kTransitions = [] {
  constexpr unsigned kEnd = bit(State::closing) | bit(State::ended);
  std::array<std::uint16_t, static_cast<std::size_t>(State::count_)> table{};
  const auto allow = [&table](State from, unsigned to) {
    table[static_cast<std::size_t>(from)] = static_cast<std::uint16_t>(to | kEnd);
  };
  const unsigned asking = bit(State::delayed) | bit(State::login);
  allow(State::implicit_handshake, bit(State::opening) | bit(State::authorization));
  allow(State::opening, bit(State::authorization));
  allow(State::authorization, bit(State::implicit_handshake) | bit(State::opening) |
                                  bit(State::stls_handshake) | bit(State::sasl) | asking);
  allow(State::stls_handshake, bit(State::authorization));
  allow(State::sasl, bit(State::authorization) | asking);
  allow(State::relay, bit(State::authorization) | asking);
  allow(State::delayed, bit(State::login));
  allow(State::login, bit(State::relay) | bit(State::authorization) | bit(State::transaction));
  allow(State::transaction, bit(State::update));
  allow(State::update, 0);
  table[static_cast<std::size_t>(State::closing)] = bit(State::ended);
  return table;
}();

}  // namespace

bool may_follow(SessionState from, SessionState to) {
  return (kTransitions[static_cast<std::size_t>(from)] & bit(to)) != 0;
}

std::string_view to_string(SessionState state) {
  switch (state) {
    case State::implicit_handshake:
    case State::stls_handshake:
      return "handshake";
    case State::opening:
      return "opening";
    case State::authorization:
      return "authorization";
    case State::sasl:
      return "sasl";
    case State::relay:
      return "relay";
    case State::delayed:
      return "delayed";
    case State::login:
      return "login";
    case State::transaction:
      return "transaction";
    case State::update:
      return "update";
    case State::closing:
      return "closing";
    case State::ended:
    case State::count_:
      return "ended";
  }
  return "ended";
}

}  // namespace gatepost::session
