#include "tests/bench/generator/stats.h"

#include <algorithm>
#include <numeric>

namespace gatepost::bench {

std::string_view name_of(Fault fault) {
  static constexpr std::array<std::string_view, kFaults> kNames{"connect",
                                                                "tls",
                                                                "unexpected_eof",
                                                                "io",
                                                                "bad_status",
                                                                "bad_stat",
                                                                "bad_list",
                                                                "bad_uidl",
                                                                "bad_size",
                                                                "bad_checksum",
                                                                "bad_format",
                                                                "unsolicited_data",
                                                                "plaintext_after_stls",
                                                                "timeout",
                                                                "wrong_certificate"};
  return kNames.at(static_cast<std::size_t>(fault));
}

void Stats::add(const Stats& other) {
  sessions += other.sessions;
  handshakes += other.handshakes;
  resumed += other.resumed;
  payload += other.payload;
  messages += other.messages;
  commands += other.commands;
  records += other.records;
  record_bytes += other.record_bytes;
  record_max = std::max(record_max, other.record_max);
  unclean += other.unclean;
  reads += other.reads;
  for (std::size_t i = 0; i < kFaults; i++) faults[i] += other.faults[i];
  session.merge(other.session);
  handshake.merge(other.handshake);
  command.merge(other.command);
  if (first_error.empty()) first_error = other.first_error;
  if (cipher.empty()) cipher = other.cipher;
}

std::uint64_t Stats::fault_count() const {
  return std::accumulate(faults.begin(), faults.end(), std::uint64_t{0});
}

}  // namespace gatepost::bench
