#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "tests/bench/generator/machine.h"
#include "tests/bench/generator/worker.h"

namespace gatepost::bench {

/// Leads the workers through warm-up, window and end.
class Conductor {
 public:
  explicit Conductor(std::vector<std::unique_ptr<Worker>>& workers) : workers_(workers) {}
  /// Returns when everything is done or given up.
  [[nodiscard]] Outcome conduct();

 private:
  void work(Worker& worker, bool lead);
  void open_more(Worker& worker, std::size_t& opened) const;
  void start_held(Worker& worker, bool& started) const;
  [[nodiscard]] bool finished(const Worker& worker, bool started) const;
  void move_on(std::uint64_t now);
  void move_idle_on(std::uint64_t now);

  std::vector<std::unique_ptr<Worker>>& workers_;
  Outcome outcome_;
  std::uint64_t began_ = 0;
  std::uint64_t all_ready_ = 0;
};

}  // namespace gatepost::bench
