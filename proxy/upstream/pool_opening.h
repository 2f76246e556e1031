#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/upstream/opening.h"
#include "proxy/upstream/pool.h"

namespace gatepost::upstream {

/// Opens a connection to a server of a pool: asks one after the other, as the pool chooses, until
/// one lets itself be opened or the pool's attempts are used up. The owner is told from a callback,
/// never from inside the constructor or try_next(), also when no server can be asked at all: then
/// the error is `limit` (all are full) or `network` (there is none).
class PoolOpening final : Opening::Owner {
 public:
  /// `pool` outlives this; `user` may be "".
  PoolOpening(const Environment& environment, const config::Timeouts& timeouts, const Pool& pool,
              net::ClientFacts client, std::string_view user, Opening::Owner& owner,
              Opening::Capa capa = Opening::Capa::ask);
  ~PoolOpening();
  PoolOpening(const PoolOpening&) = delete;
  PoolOpening& operator=(const PoolOpening&) = delete;

  [[nodiscard]] bool finished() const { return finished_; }
  /// Once, when finished. The error is that of the last server, its name in front.
  [[nodiscard]] Result<Opened> take();
  /// The server asked last (null if none could be), and the place taken there.
  [[nodiscard]] const Server* server() const { return server_; }
  [[nodiscard]] Lease take_lease() { return std::move(lease_); }
  /// A server that let itself be opened but cannot log anybody in ([SYS/TEMP]): asks the next one
  /// as if this had failed to open. False when there is none; then nothing has changed.
  [[nodiscard]] bool try_next();
  /// Gives up and closes the connection, and gives the place at the server back; the owner is not
  /// told.
  void cancel();

 private:
  void on_opening_finished() override;
  [[nodiscard]] bool choose_next();
  void open();
  void on_next_turn();
  void note(std::string_view text) const;

  const Environment environment_;
  const config::Timeouts& timeouts_;
  const Pool& pool_;
  const net::ClientFacts client_;
  const std::string user_;
  const Opening::Capa capa_;
  Opening::Owner& owner_;
  std::vector<const Server*> tried_;
  const Server* server_ = nullptr;
  Lease lease_;
  std::unique_ptr<Opening> opening_;
  std::unique_ptr<Timer> next_turn_;  // the failed opening cannot be destroyed in its own callback
  bool finished_ = false;
  std::optional<Result<Opened>> outcome_;
};

}  // namespace gatepost::upstream
