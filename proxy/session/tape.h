#pragma once

#include <string_view>

#include "proxy/net/tap.h"
#include "proxy/session/counters.h"
#include "proxy/upstream/router.h"

namespace gatepost::session {

/// Takes one session down: what its connections say (net::Tap), and what else decides how it goes.
class Tape : public net::Tap {
 public:
  /// The client wants to log in so; the name as it said it.
  virtual void named(std::string_view user) = 0;
  /// That login goes this way. Null: there is no server for it.
  virtual void routed(const upstream::Route* route) = 0;
  /// A login succeeded, for this account.
  virtual void logged_in(std::string_view account) = 0;
  /// The gateway told the session to come to its end, or ended it.
  virtual void drained() = 0;
  virtual void cut(EndReason reason) = 0;
  /// The session's last word.
  virtual void over(EndReason reason) = 0;
};

}  // namespace gatepost::session
