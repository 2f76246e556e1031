#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/bench/common/histogram.h"

namespace gatepost::bench {

/// What can be wrong with a server.
enum class Fault : std::uint8_t {
  connect,
  tls,
  unexpected_eof,
  io,
  bad_status,
  bad_stat,
  bad_list,
  bad_uidl,
  bad_size,
  bad_checksum,
  bad_format,
  unsolicited_data,
  plaintext_after_stls,
  timeout,
  wrong_certificate,
  count_,
};
inline constexpr std::size_t kFaults = static_cast<std::size_t>(Fault::count_);
[[nodiscard]] std::string_view name_of(Fault fault);

/// What one worker counted.
struct Stats {
  std::uint64_t sessions = 0;
  std::uint64_t handshakes = 0;
  std::uint64_t resumed = 0;
  std::uint64_t payload = 0;  ///< octets of messages, without dot-stuffing
  std::uint64_t messages = 0;
  std::uint64_t commands = 0;
  std::uint64_t records = 0;  ///< TLS records of application data
  std::uint64_t record_bytes = 0;
  std::uint64_t record_max = 0;
  std::uint64_t unclean = 0;  ///< closed without close_notify
  std::uint64_t reads = 0;
  std::array<std::uint64_t, kFaults> faults{};
  Histogram session;  ///< nanoseconds, like the others
  Histogram handshake;
  Histogram command;
  std::string first_error;
  std::string cipher;

  void add(const Stats& other);
  [[nodiscard]] std::uint64_t fault_count() const;
};

}  // namespace gatepost::bench
