#pragma once

#include <functional>
#include <utility>

namespace gatepost {

/// Stands for asynchronous work under way; destroying it cancels the work, whose callback is then
/// never called. Empty after the work is done or when moved from.
class [[nodiscard]] Ticket {
 public:
  Ticket() = default;
  explicit Ticket(std::move_only_function<void()> cancel) : cancel_(std::move(cancel)) {}
  Ticket(Ticket&& other) noexcept : cancel_(std::exchange(other.cancel_, nullptr)) {}
  Ticket& operator=(Ticket&& other) noexcept {
    if (this != &other) {
      reset();
      cancel_ = std::exchange(other.cancel_, nullptr);
    }
    return *this;
  }
  ~Ticket() { reset(); }

  void reset() {
    if (auto cancel = std::exchange(cancel_, nullptr)) cancel();
  }

 private:
  std::move_only_function<void()> cancel_;
};

}  // namespace gatepost
