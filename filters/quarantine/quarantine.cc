#include "filters/quarantine/quarantine.h"

#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "filters/quarantine/state.h"
#include "proxy/base/wall_clock.h"

namespace gatepost::filters {

Quarantine::Quarantine(std::shared_ptr<State> state) : state_(std::move(state)) {}
Quarantine::~Quarantine() = default;

Result<std::shared_ptr<Quarantine>> Quarantine::open(const config::Quarantine& config,
                                                     WallClock clock) {
  if (::mkdir(config.folder.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return system_failure(config.folder, errno);
  }
  auto index = store::QuarantineIndex::open(config.folder + "/index.sqlite");
  if (!index) return std::unexpected(index.error());
  auto state = std::make_shared<State>();
  state->config = config;
  state->clock = clock ? std::move(clock) : seconds_since_1970;
  state->index = *std::move(index);
  if (auto swept = state->sweep(); !swept) return std::unexpected(swept.error());
  return std::shared_ptr<Quarantine>(new Quarantine(std::move(state)));
}

Result<std::uint64_t> Quarantine::keep(const Digest& digest, const MessagePieces& message,
                                       QuarantineRecord record) {
  return state_->keep(digest, message, std::move(record));
}

Result<std::vector<QuarantineRecord>> Quarantine::list() const { return state_->index->list(); }

Result<QuarantineRecord> Quarantine::show(std::uint64_t number) const {
  auto record = state_->index->get(number);
  if (!record) return std::unexpected(record.error());
  if (!*record) return unknown_message(number);
  return **std::move(record);
}

Result<void> Quarantine::read(std::uint64_t number,
                              const std::function<bool(std::string_view)>& sink) const {
  const auto record = show(number);
  if (!record) return std::unexpected(record.error());
  return read_message_file(state_->path(number), {record->size, record->digest}, sink);
}

Result<void> Quarantine::release(std::uint64_t number) {
  auto change = state_->index->change();
  if (!change) return std::unexpected(change.error());
  const auto known = change->set_released(number, state_->clock());
  if (!known) return std::unexpected(known.error());
  if (!*known) return unknown_message(number);
  if (!state_->has_file(number)) {
    return fail(ErrorCode::system, fmt::format("{}: no such file", state_->path(number)));
  }
  return change->commit();
}

Result<void> Quarantine::delivered(std::uint64_t number) {
  auto change = state_->index->change();
  if (!change) return std::unexpected(change.error());
  const auto known = change->set_delivered(number, state_->clock());
  if (!known) return std::unexpected(known.error());
  if (!*known) return unknown_message(number);
  return change->commit();
}

Result<void> Quarantine::delivered(const std::vector<std::uint64_t>& numbers) {
  auto change = state_->index->change();
  if (!change) return std::unexpected(change.error());
  for (const std::uint64_t number : numbers) {
    const auto known = change->set_delivered(number, state_->clock());
    if (!known) return std::unexpected(known.error());
  }
  return change->commit();
}

Result<void> Quarantine::remove(std::uint64_t number) { return state_->remove(number); }

Result<std::vector<QuarantineRecord>> Quarantine::released(const std::string& route,
                                                           const std::string& user) const {
  return state_->index->released(route, user, kMaxReleased);
}

std::uint64_t Quarantine::stored_octets() const { return state_->stored_octets; }
std::uint64_t Quarantine::max_octets() const { return state_->config.max_size; }

}  // namespace gatepost::filters
