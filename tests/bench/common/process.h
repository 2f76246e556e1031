#pragma once

#include <string>

namespace gatepost::bench {

/// Says what is wrong and ends the program with status 2: for mistakes at start.
[[noreturn]] void die(const std::string& what);
/// Takes as many descriptors as the hard limit allows and ignores SIGPIPE.
void prepare_process();
/// A listening, non-blocking IPv4 socket with SO_REUSEADDR and SO_REUSEPORT; dies if there is none.
[[nodiscard]] int listen_on(const std::string& ip, int port);

}  // namespace gatepost::bench
