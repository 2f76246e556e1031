// How a Server ends: drained, or replaced by another process at an upgrade.

#include <csignal>
#include <utility>

#include "proxy/base/secret.h"
#include "proxy/process/handover.h"
#include "proxy/server/server.h"

namespace gatepost::server {

/// What the next process is to have, while workers are still being asked for their sockets.
struct Server::Cargo {
  std::map<std::string, std::vector<UniqueFd>> sockets;
  std::vector<tls::TicketKey> ticket_keys;
  std::size_t missing = 0;  // workers that have not answered
};

void Server::on_signal(int number) {
  switch (number) {
    case SIGHUP:
      static_cast<void>(reload());  // the log says it
      return;
    case SIGUSR2:
      static_cast<void>(begin_upgrade("SIGUSR2", {}));  // the log says it
      return;
    default:
      return on_terminate();
  }
}

void Server::on_terminate() {
  if (phase_ == Phase::draining) return loop_.stop();  // asked twice: now
  if (phase_ == Phase::succeeding) return stand_back("the new process was told to end");
  phase_ = Phase::draining;
  if (upgrade_) upgrade_->give_up("this process is to end");
  const Duration limit = snapshot_->config.timeouts.drain;
  log_.info("draining", {{"sessions", connections_.load()}, {"limit_ms", limit.count()}});
  service_manager_.stopping(limit);
  let_sessions_end(limit);
}

/// The process ends with the last of them. Told again, workers do what they are told last.
void Server::let_sessions_end(Duration limit) {
  drain_deadline_->start(limit);
  workers_draining_ = workers_.size();
  const unsigned ending = ++endings_;
  for (auto& worker : workers_) {
    auto drained = [this, ending] {
      loop_.post([this, ending] {
        if (ending == endings_ && --workers_draining_ == 0) loop_.stop();
      });
    };
    if (phase_ == Phase::draining) {
      worker->drain(std::move(drained));
    } else {
      worker->retire(std::move(drained));
    }
  }
}

Result<void> Server::begin_upgrade(std::string_view by, Upgraded done) {
  const auto refuse = [this](const Error& error) {
    upgrade_failed(error);
    return std::unexpected(error);
  };
  if (phase_ == Phase::succeeding) {
    return refuse({ErrorCode::limit, "this process has not taken over yet"});
  }
  if (phase_ != Phase::serving) {
    return refuse({ErrorCode::limit, "this process is about to end"});
  }
  if (!upgrade_) {
    return refuse(
        {ErrorCode::system, "the first process of a container ends it: replace the container"});
  }
  auto begun = upgrade_->begin([this, done = std::move(done)](Result<pid_t> outcome) mutable {
    cargo_.reset();
    if (outcome) {
      be_replaced(*outcome);
    } else {
      upgrade_failed(outcome.error());
    }
    if (done) done(outcome);
  });
  if (!begun) return refuse(begun.error());
  log_.info("upgrade_started", {{"program", starter_->program()}, {"by", by}});
  gather_cargo();
  return {};
}

/// Sockets are their workers', so each is asked for its own. One that does not turn does not
/// answer: the new process waits for it in vain, and the upgrade fails.
void Server::gather_cargo() {
  auto cargo = std::make_shared<Cargo>();
  cargo_ = cargo;
  // Keys of a file the next process reads itself.
  if (rotating_every_) cargo->ticket_keys = holdings_.tickets->all();
  cargo->missing = workers_.size() + 1;
  Worker::Sockets ours;
  if (admin_) {
    auto copy = admin_->copy_socket();
    if (!copy) return add_cargo(*cargo, std::unexpected(copy.error()));
    const auto address = Endpoint::parse(snapshot_->config.admin.address);
    ours.emplace_back(process::InheritedSockets::kAdmin + address.value_or(Endpoint()).to_string(),
                      std::move(*copy));
  }
  if (control_) {
    auto copy = control_->copy_socket();
    if (!copy) return add_cargo(*cargo, std::unexpected(copy.error()));
    ours.emplace_back(process::InheritedSockets::kControl + control_->bound().path,
                      std::move(*copy));
  }
  for (auto& worker : workers_) {
    worker->copy_sockets([this, asked = std::weak_ptr(cargo)](Result<Worker::Sockets> sockets) {
      loop_.post([this, asked, sockets = std::move(sockets)]() mutable {
        // Gone: what they were for is over.
        if (const auto wanted = asked.lock()) add_cargo(*wanted, std::move(sockets));
      });
    });
  }
  add_cargo(*cargo, std::move(ours));
}

void Server::add_cargo(Cargo& cargo, Result<Worker::Sockets> sockets) {
  if (!sockets) return upgrade_->give_up(sockets.error().detail);
  for (auto& [key, fd] : *sockets) cargo.sockets[key].push_back(std::move(fd));
  if (--cargo.missing > 0) return;
  std::vector<process::HandoverPacket> packets;
  for (auto& [key, fds] : cargo.sockets) {
    if (auto packed = process::pack_sockets(key, std::move(fds), packets); !packed) {
      return upgrade_->give_up(packed.error().detail);
    }
  }
  if (!cargo.ticket_keys.empty()) {
    std::string keys = process::pack_ticket_keys(cargo.ticket_keys);
    packets.push_back({process::HandoverPacket::What::ticket_keys, keys, {}});
    wipe(keys);
  }
  cargo_.reset();
  upgrade_->hand_over(std::move(packets));
}

void Server::upgrade_failed(const Error& error) {
  ++upgrades_failed_;
  log_.error("upgrade_failed",
             {{"problem", error.detail}, {"effect", "this process goes on as before"}});
}

void Server::be_replaced(pid_t successor) {
  phase_ = Phase::replaced;
  const Duration limit = snapshot_->config.timeouts.upgrade;
  log_.info("upgraded", {{"process", static_cast<std::int64_t>(successor)},
                         {"sessions", connections_.load()},
                         {"limit_ms", limit.count()}});
  service_manager_.succeeded_by(successor);
  if (admin_) admin_->stop_listening();
  if (admin_service_) admin_service_->end_events();
  if (control_) control_->stop_listening();
  listening_.clear();  // their paths are the other one's
  let_sessions_end(limit);
}

}  // namespace gatepost::server
