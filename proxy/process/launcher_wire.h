#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

/// What the gateway and its launcher say to each other: one record in one packet. Both are the same
/// program, so there is no other version to talk to.
namespace gatepost::process {

struct LaunchRequest {
  enum class What : std::uint32_t {
    run,   ///< `program`, with the descriptor that comes along as its standard input
    kill,  ///< and say nothing more of it
  } what = What::run;
  std::uint32_t program = 0;  ///< which one of those known at the start
  std::uint64_t id = 0;       ///< chosen by who asks
};

struct LaunchReport {
  /// Octets of a program's output that are kept; the rest is read and dropped.
  static constexpr std::size_t kMaxOutput = 1024;

  std::uint64_t id = 0;
  std::uint32_t how = 0;  ///< net::ProgramEnd::How
  std::int32_t code = 0;
  std::uint32_t size = 0;  ///< of `output`
  std::array<char, kMaxOutput> output{};
};

}  // namespace gatepost::process
