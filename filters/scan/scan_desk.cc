#include "filters/scan/scan_desk.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "filters/scan/scanner_seat.h"

namespace gatepost::filters {

/// One judgement under way.
struct ScanDesk::Panel {
  Judgement judgement;
  std::size_t missing = 0;
  Done done;
  std::vector<Ticket> tickets;
};

ScanDesk::ScanDesk(const ScannerTools& tools, Log& log, Maker maker)
    : tools_(tools), log_(log), maker_(maker ? std::move(maker) : Maker(make_scanner)) {}

ScanDesk::~ScanDesk() = default;

void ScanDesk::apply(const Kinds& kinds) {
  wanted_ = kinds;
  for (const auto& kind : kinds) static_cast<void>(seat(kind));
  std::erase_if(seats_, [this](const auto& entry) {
    return entry.second->idle() && std::ranges::find(wanted_, entry.first) == wanted_.end();
  });
}

ScannerSeat& ScanDesk::seat(const std::shared_ptr<const ScannerKind>& kind) {
  auto& seat = seats_[kind];
  if (!seat) seat = std::make_unique<ScannerSeat>(kind, maker_(*kind, tools_), tools_, log_);
  return *seat;
}

Ticket ScanDesk::judge(const Kinds& kinds, const ScanJob& job, Duration limit, Done done) {
  auto panel = std::make_shared<Panel>();
  panel->done = std::move(done);
  panel->missing = kinds.size();
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    panel->judgement.trail.push_back({.scanner = kinds[i]->config.name, .verdict = {}});
    const auto said = [weak = std::weak_ptr(panel), i, since = tools_.timers.now(),
                       &timers = tools_.timers](Verdict verdict) {
      const auto own = weak.lock();
      if (!own) return;
      own->judgement.trail[i].verdict = std::move(verdict);
      own->judgement.trail[i].took = timers.now() - since;
      if (--own->missing > 0) return;
      Done tell = std::move(own->done);
      tell(std::move(own->judgement));
    };
    panel->tickets.push_back(seat(kinds[i]).ask(job, limit, said));
  }
  return Ticket([held = std::move(panel)]() mutable { held.reset(); });
}

std::string ScanDesk::versions(const Kinds& kinds) const {
  std::string all;
  for (const auto& kind : kinds) {
    const auto at = seats_.find(kind);
    if (at == seats_.end() || !at->second->effective() || !at->second->version()) return {};
    const std::string& version = *at->second->version();
    all += fmt::format("{}={}:{};", kind->config.name, version.size(), version);
  }
  return all;
}

std::unique_ptr<Scanner> make_scanner(const ScannerKind& kind, const ScannerTools& tools) {
  switch (kind.config.type) {
    case config::ScannerType::clamd:
      return make_clamd(kind.config, tools);
    case config::ScannerType::spamd:
      return make_spamd(kind.config, tools);
    case config::ScannerType::command:
      return make_command(kind.config, tools);
    case config::ScannerType::icap:
      return make_icap(kind.config, tools, kind.tls);
    case config::ScannerType::rspamd:
      return make_rspamd(kind.config, tools, kind.tls);
  }
  return nullptr;
}

}  // namespace gatepost::filters
