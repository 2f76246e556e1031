#include <utility>

#include <fmt/format.h>

#include "proxy/upstream/pool_opening.h"

namespace gatepost::upstream {

PoolOpening::PoolOpening(const Environment& environment, const config::Timeouts& timeouts,
                         const Pool& pool, net::ClientFacts client, std::string_view user,
                         Opening::Owner& owner, Opening::Capa capa)
    : environment_(environment),
      timeouts_(timeouts),
      pool_(pool),
      client_(std::move(client)),
      user_(user),
      capa_(capa),
      owner_(owner),
      next_turn_(environment.timers.make_timer([this] { on_next_turn(); })) {
  if (choose_next()) {
    open();
  } else {
    next_turn_->start(Duration(0));
  }
}

PoolOpening::~PoolOpening() = default;

/// Takes a place at the next server; false leaves everything as it was.
bool PoolOpening::choose_next() {
  if (tried_.size() >= pool_.attempts()) return false;
  auto choice = pool_.choose(user_, tried_, environment_.timers.now());
  if (!choice) return false;
  server_ = choice->server;
  lease_ = std::move(choice->lease);
  if (environment_.page != nullptr) note(pool_.explain(*server_, tried_));
  tried_.push_back(server_);
  return true;
}

void PoolOpening::open() {
  Opening::Owner& self = *this;
  opening_ = std::make_unique<Opening>(environment_, timeouts_, *server_, &client_, self, capa_);
}

void PoolOpening::note(std::string_view text) const {
  if (environment_.page != nullptr) {
    environment_.page->note(Decision::About::upstream, text, pool_.path());
  }
}

void PoolOpening::on_next_turn() {
  if (server_ != nullptr) return open();
  note(pool_.servers().empty() ? "no server is known" : "every server is full");
  outcome_ = pool_.servers().empty()
                 ? gatepost::fail(ErrorCode::network,
                                  fmt::format("pool {}: no server is known", pool_.name()))
                 : gatepost::fail(ErrorCode::limit,
                                  fmt::format("pool {}: every server is full", pool_.name()));
  finished_ = true;
  owner_.on_opening_finished();
}

void PoolOpening::on_opening_finished() {
  Result<Opened> result = opening_->take();
  if (!result) {
    lease_ = Lease();
    const std::string name = server_->address.to_string();
    note(fmt::format("{} cannot be used: {}", name, result.error().detail));
    if (choose_next()) return next_turn_->start(Duration(0));
    result.error().detail = fmt::format("{}: {}", name, result.error().detail);
  }
  outcome_.emplace(std::move(result));
  finished_ = true;
  // The owner may destroy this.
  owner_.on_opening_finished();
}

Result<Opened> PoolOpening::take() { return std::move(*outcome_); }

bool PoolOpening::try_next() {
  if (!finished_ || server_ == nullptr || !choose_next()) return false;
  finished_ = false;
  outcome_.reset();
  next_turn_->start(Duration(0));
  return true;
}

void PoolOpening::cancel() {
  if (finished_) return;
  next_turn_->stop();
  if (opening_) opening_->cancel();
  lease_ = Lease();
  outcome_ = gatepost::fail(ErrorCode::closed, "given up");
  finished_ = true;
}

}  // namespace gatepost::upstream
