#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/base/timer.h"
#include "proxy/base/unique_fd.h"
#include "proxy/process/inherited_sockets.h"
#include "proxy/tls/ticket_keys.h"

namespace gatepost::process {

/// The process that this one follows at an upgrade, if it follows one. That process may have been
/// broken into, and this one may be root: nothing that it hands over is taken on trust.
class Predecessor {
 public:
  /// The variable that holds the number of the descriptor that leads there.
  static constexpr const char* kVariable = "GATEPOST_INHERIT";
  /// It has so long to hand everything over.
  static constexpr Duration kPatience{20'000};

  /// None.
  Predecessor() = default;
  /// None without kVariable, which is removed from the environment. Fails with `config` when what
  /// it says is not the way to another process.
  [[nodiscard]] static Result<Predecessor> find();

  [[nodiscard]] bool exists() const { return way_.get() >= 0; }
  /// Waits for all that is handed over. Fails with `protocol`, `closed` or `timeout`. Does nothing
  /// without one.
  [[nodiscard]] Result<void> receive(Duration patience = kPatience);

  /// What was handed over.
  [[nodiscard]] InheritedSockets& sockets() { return sockets_; }
  /// The current one first; none when they are in a file.
  [[nodiscard]] const std::vector<tls::TicketKey>& ticket_keys() const { return ticket_keys_; }

  /// This process serves now; the other one stops. The end of what they have to say.
  void say_ready();
  /// This process gives up, and the other one goes on. Without one, or after say_ready(), nobody is
  /// told.
  void say_failed(std::string_view why);

 private:
  void say(std::uint32_t what, std::string_view text);

  UniqueFd way_;
  InheritedSockets sockets_;
  std::vector<tls::TicketKey> ticket_keys_;
};

/// As a packet holds them; to be wiped.
[[nodiscard]] std::string pack_ticket_keys(const std::vector<tls::TicketKey>& keys);
/// Nothing for what holds none, or half of one.
[[nodiscard]] std::vector<tls::TicketKey> unpack_ticket_keys(std::string_view packed);

}  // namespace gatepost::process
