#include "filters/quarantine/state.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "filters/message/header_text.h"

namespace gatepost::filters {

namespace {

constexpr std::string_view kSuffix = ".eml.zst";

std::optional<std::uint64_t> number_of(std::string_view name) {
  if (!name.ends_with(kSuffix)) return std::nullopt;
  name.remove_suffix(kSuffix.size());
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool whole = problem == std::errc() && end == name.data() + name.size();
  // SQLite's numbers are signed; half of them are left for those to come.
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62U;
  if (!whole || number == 0 || number > kMost) return std::nullopt;
  return number;
}

void make_inert(QuarantineRecord& record) {
  for (std::string* text : {&record.from, &record.subject, &record.date, &record.cause,
                            &record.threat, &record.scanner}) {
    *text = inert_text(*text, Quarantine::kMaxRecordText);
  }
}

}  // namespace

std::unexpected<Error> unknown_message(std::uint64_t number) {
  return fail(ErrorCode::refused, fmt::format("there is no message {} in quarantine", number));
}

std::string Quarantine::State::path(std::uint64_t number) const {
  return fmt::format("{}/{}{}", config.folder, number, kSuffix);
}

bool Quarantine::State::has_file(std::uint64_t number) const {
  return ::access(path(number).c_str(), F_OK) == 0;
}

bool Quarantine::State::is_old(std::int64_t time) const {
  return config.max_age.count() > 0 && time < clock() - config.max_age.count();
}

// The file goes before the row is committed: after a crash in between the row goes at the next
// sweep. The other way round, what was to go would stay unseen.
Result<bool> Quarantine::State::remove(Change& change, std::uint64_t number) const {
  auto known = change.remove(number);
  if (!known || !*known) return known;
  if (::unlink(path(number).c_str()) != 0 && errno != ENOENT) {
    return system_failure(path(number), errno);
  }
  return true;
}

Result<void> Quarantine::State::settle(Change& change) {
  const auto total = change.stored_size();
  if (!total) return std::unexpected(total.error());
  auto done = change.commit();
  if (done) stored_octets = *total;
  return done;
}

Result<void> Quarantine::State::remove(std::uint64_t number) {
  auto change = index->change();
  if (!change) return std::unexpected(change.error());
  const auto known = remove(*change, number);
  if (!known) return std::unexpected(known.error());
  if (!*known) return unknown_message(number);
  if (auto synced = sync_folder(config.folder); !synced) return synced;
  return settle(*change);
}

Result<void> Quarantine::State::remove_old(Change& change) const {
  while (true) {
    const auto oldest = change.oldest(0);
    if (!oldest) return std::unexpected(oldest.error());
    if (!*oldest || !is_old((*oldest)->stored_at)) return {};
    if (auto removed = remove(change, (*oldest)->number); !removed) {
      return std::unexpected(removed.error());
    }
  }
}

Result<void> Quarantine::State::make_room(Change& change, std::uint64_t number) const {
  if (auto removed = remove_old(change); !removed) return removed;
  auto total = change.stored_size();
  while (total && *total > config.max_size) {
    const auto oldest = change.oldest(number);
    if (!oldest) return std::unexpected(oldest.error());
    if (!*oldest) break;
    if (auto removed = remove(change, (*oldest)->number); !removed) {
      return std::unexpected(removed.error());
    }
    *total -= (*oldest)->stored_size;
  }
  if (!total) return std::unexpected(total.error());
  return {};
}

Result<void> Quarantine::State::sweep_files(Change& change,
                                            const std::vector<std::uint64_t>& numbers) const {
  std::error_code problem;
  std::filesystem::directory_iterator entries(config.folder, problem);
  std::uint64_t highest = 0;
  for (; !problem && entries != std::filesystem::directory_iterator(); entries.increment(problem)) {
    const std::string file = entries->path();
    const auto number = number_of(entries->path().filename().string());
    if (!number || std::ranges::binary_search(numbers, *number)) continue;
    highest = std::max(highest, *number);
    struct stat facts{};
    if (::lstat(file.c_str(), &facts) == 0 && is_old(facts.st_mtime)) ::unlink(file.c_str());
  }
  if (problem) {
    return fail(ErrorCode::system, fmt::format("{}: {}", config.folder, problem.message()));
  }
  if (highest == 0) return {};
  return change.skip_numbers(highest);
}

Result<void> Quarantine::State::sweep() {
  remove_leftovers(config.folder);
  auto change = index->change();
  if (!change) return std::unexpected(change.error());
  if (auto removed = remove_old(*change); !removed) return removed;
  const auto numbers = change->numbers();
  if (!numbers) return std::unexpected(numbers.error());
  for (const std::uint64_t number : *numbers) {
    if (has_file(number)) continue;
    if (auto removed = change->remove(number); !removed) {
      return std::unexpected(removed.error());
    }
  }
  if (auto swept = sweep_files(*change, *numbers); !swept) return swept;
  return settle(*change);
}

Result<std::uint64_t> Quarantine::State::add(IncomingFile& file, QuarantineRecord& record) {
  auto change = index->change();
  if (!change) return std::unexpected(change.error());
  const auto existing = change->find(record);
  if (!existing) return std::unexpected(existing.error());
  if (*existing && has_file((*existing)->number)) return (*existing)->number;

  std::uint64_t number = 0;
  if (*existing) {
    number = (*existing)->number;
    if (auto done = change->set_stored_size(number, record.stored_size); !done) {
      return std::unexpected(done.error());
    }
  } else {
    const auto added = change->add(record);
    if (!added) return std::unexpected(added.error());
    number = *added;
  }
  if (auto room = make_room(*change, number); !room) return std::unexpected(room.error());
  auto done = file.move_to(path(number));
  if (done) done = settle(*change);
  if (!done) {
    ::unlink(path(number).c_str());
    return std::unexpected(done.error());
  }
  return number;
}

Result<std::uint64_t> Quarantine::State::keep(const Digest& digest, const MessagePieces& message,
                                              QuarantineRecord record) {
  make_inert(record);
  record.digest = to_hex(digest);
  record.stored_at = clock();
  const auto existing = index->find(record);
  if (!existing) return std::unexpected(existing.error());
  if (*existing && has_file((*existing)->number)) return (*existing)->number;

  auto file = IncomingFile::create(config.folder);
  if (!file) return std::unexpected(file.error());
  if (auto written = file->write(message); !written) return std::unexpected(written.error());
  if (file->digest() != digest) {
    return fail(ErrorCode::system, "quarantine: the message changed while it was read");
  }
  if (file->stored_size() > config.max_size) {
    return fail(ErrorCode::limit, "quarantine: the message is larger than all of it may be");
  }
  record.size = file->size();
  record.stored_size = file->stored_size();
  return add(*file, record);
}

}  // namespace gatepost::filters
