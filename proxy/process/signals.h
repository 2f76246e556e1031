#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <vector>

#include "proxy/net/loop.h"

namespace gatepost::process {

/// Hands signals to a function, in the loop's thread. Ignores SIGPIPE.
class Signals {
 public:
  Signals(net::Loop& loop, std::initializer_list<int> signals,
          std::move_only_function<void(int)> on_signal);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  struct Shell;
  std::vector<Shell*> shells_;  // freed by their close callbacks
  std::move_only_function<void(int)> on_signal_;
};

}  // namespace gatepost::process
