#pragma once

#include <openssl/types.h>

#include <atomic>
#include <cstdint>
#include <string>

#include "tests/bench/common/manifest.h"
#include "tests/bench/generator/options.h"

namespace gatepost::bench {

/// What the server must answer. Set once at start; empty means: not checked.
struct Expected {
  const Mailbox* mailbox = nullptr;
  std::string stat;         ///< start of the reply to STAT
  std::string list;         ///< body of the reply to LIST
  std::string uidl;         ///< body of the reply to UIDL
  std::string certificate;  ///< DER
  EVP_PKEY* certificate_key = nullptr;
};

enum class Phase : std::uint8_t { warmup, window, stop };

/// How far the run is; all threads look at it.
struct Run {
  std::atomic<Phase> phase{Phase::warmup};
  std::atomic<bool> aborted{false};
  std::atomic<std::uint64_t> sessions_left{0};
  std::atomic<int> ready{0};  ///< connections that idle, or wait for the first NOOP
  std::atomic<int> retr_phase{0};
  std::atomic<bool> ping_started{false};
};

// One run in one process: written before the threads start, the atomics apart.
extern Options options;
extern Expected expected;
extern Run run;

}  // namespace gatepost::bench
