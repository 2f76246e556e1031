#include "filters/retention/record.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace gatepost::filters {

namespace {

constexpr std::string_view kVersion = "1";
constexpr std::size_t kDeviceDigits = 16;

struct Time {
  char letter;
  std::int64_t Record::* member;
};
constexpr std::array<Time, 9> kTimes = {{{'s', &Record::seen},
                                         {'r', &Record::retrieved},
                                         {'n', &Record::not_allowed},
                                         {'d', &Record::deleted},
                                         {'u', &Record::undeleted},
                                         {'p', &Record::purge_asked},
                                         {'a', &Record::removal_asked},
                                         {'g', &Record::gone},
                                         {'x', &Record::removed}}};

struct Flag {
  char letter;
  bool Record::* member;
};
constexpr std::array<Flag, 2> kFlags = {
    {{'F', &Record::purge_forced}, {'U', &Record::undelete_unseen}}};

/// A number without sign and leading zero, all of `text`.
std::optional<std::int64_t> time_of(std::string_view text) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  if (text.empty() || text.front() < '1' || text.front() > '9') return std::nullopt;
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (problem != std::errc() || stop != end || value > Record::kMaxTime) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> device_from(std::string_view text) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  std::uint64_t value = 0;
  if (text.size() != kDeviceDigits || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

/// The words of a record, one after the other.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}
  /// What stands behind `letter` in the next word, if that begins with it.
  std::optional<std::string_view> take(char letter) {
    if (rest_.size() < 2 || rest_[0] != ' ' || rest_[1] != letter) return std::nullopt;
    const std::string_view word = rest_.substr(2, rest_.find(' ', 2) - 2);
    rest_.remove_prefix(2 + word.size());
    return word;
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

bool take_devices(std::string_view text, Record& record) {
  while (true) {
    const auto device = device_from(text.substr(0, kDeviceDigits));
    if (!device || record.has_device(*device) || record.devices.size() == Record::kMaxDevices) {
      return false;
    }
    record.devices.push_back(*device);
    text.remove_prefix(kDeviceDigits);
    if (text.empty()) return true;
    if (text.front() != ',') return false;
    text.remove_prefix(1);
  }
}

bool take_all(std::string_view text, Record& record) {
  if (!text.starts_with(kVersion)) return false;
  Words words(text.substr(kVersion.size()));
  for (const Time& time : kTimes) {
    const auto word = words.take(time.letter);
    if (!word) continue;
    const auto value = time_of(*word);
    if (!value) return false;
    record.*time.member = *value;
  }
  for (const Flag& flag : kFlags) {
    const auto word = words.take(flag.letter);
    if (word && !word->empty()) return false;
    record.*flag.member = word.has_value();
  }
  if (const auto word = words.take('D'); word && !take_devices(*word, record)) return false;
  return words.at_end();
}

}  // namespace

void Record::add_device(std::uint64_t device) {
  if (has_device(device)) return;
  if (devices.size() == kMaxDevices) devices.erase(devices.begin());
  devices.push_back(device);
}

bool Record::has_device(std::uint64_t device) const {
  return std::ranges::find(devices, device) != devices.end();
}

void Record::undelete(std::int64_t now) {
  deleted = purge_asked = removal_asked = 0;
  purge_forced = false;
  devices.clear();
  undeleted = now;
  undelete_unseen = true;
}

std::uint64_t device_word(const store::HashedName& device) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < sizeof(word); ++i) word = (word << 8U) | device.octets[i];
  return word;
}

std::string format_record(const Record& record) {
  std::string text(kVersion);
  for (const Time& time : kTimes) {
    const std::int64_t value = std::min(record.*time.member, Record::kMaxTime);
    if (value > 0) text += fmt::format(" {}{}", time.letter, value);
  }
  for (const Flag& flag : kFlags) {
    if (record.*flag.member) text += fmt::format(" {}", flag.letter);
  }
  for (std::size_t i = 0; i < record.devices.size(); ++i) {
    text += fmt::format("{}{:016x}", i == 0 ? " D" : ",", record.devices[i]);
  }
  return text;
}

Result<Record> parse_record(std::string_view text) {
  Record record;
  if (text.size() <= store::RecordStore::kMaxValue && take_all(text, record)) return record;
  return fail(ErrorCode::protocol, "a record of the retention store cannot be read");
}

}  // namespace gatepost::filters
