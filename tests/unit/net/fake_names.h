#pragma once

#include <string>
#include <vector>

namespace gatepost::testing {

/// Takes the place of the machine's resolver in this program: names end in ".test", everything else
/// goes to the real one. Reset at the end of its life. Thread-safe.
class FakeNames {
 public:
  FakeNames();
  ~FakeNames();
  FakeNames(const FakeNames&) = delete;
  FakeNames& operator=(const FakeNames&) = delete;

  /// The addresses of `name`, in this order; none: the name is unknown.
  void set(const std::string& name, std::vector<std::string> addresses);
  /// Look-ups hang from now on, until let_go() or the end.
  void hold();
  void let_go();
  /// Look-ups begun so far.
  [[nodiscard]] int asked() const;
};

}  // namespace gatepost::testing
