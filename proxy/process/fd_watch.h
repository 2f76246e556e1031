#pragma once

#include <functional>

#include "proxy/net/loop.h"

struct uv_poll_s;

namespace gatepost::process {

/// Says when something can be done with a descriptor that does not block. Lives in its loop.
class FdWatch {
 public:
  /// `ready` is called while there is something to read (or the end), or room to write if that was
  /// asked for; it may destroy the watch. The descriptor stays open as long as the watch.
  FdWatch(net::Loop& loop, int descriptor, std::function<void()> ready);
  ~FdWatch();
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;

  /// Whether room to write is of interest. At first it is not.
  void want_room(bool wanted);
  /// Nothing is of interest any more.
  void stop();

 private:
  void watch(int events);

  uv_poll_s* poll_;  // freed by its close callback
  std::function<void()> ready_;
};

}  // namespace gatepost::process
