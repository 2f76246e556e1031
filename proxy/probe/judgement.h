#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/probe/options.h"
#include "proxy/probe/report.h"

namespace gatepost::probe {

enum class Level : std::uint8_t {
  good,
  notice,   ///< worth knowing
  warning,  ///< works, but somebody should do something
  bad,      ///< will not work, or is not safe
};

/// "good", "notice", "warning", "bad".
[[nodiscard]] std::string_view to_string(Level level);

struct Remark {
  Level level;
  std::string code;  ///< stable, for scripts: "certificate_expired"
  std::string text;  ///< for people
};

/// The keys of `upstream` in the configuration that fit the server.
struct Upstream {
  std::string address;
  std::string tls = "none";  ///< "none", "starttls", "implicit"
  std::string ca_file;       ///< empty: leave it out; so below
  std::string server_name;
  bool verify = true;
  std::vector<std::string> pins;
  bool xclient = false;
};

struct Judgement {
  std::vector<Remark> remarks;        ///< in the order of the report; never empty
  std::optional<Upstream> upstream;   ///< nullopt: it was not reached
  [[nodiscard]] Level worst() const;  ///< of the remarks
};

/// A certificate that is valid for less long deserves a warning.
inline constexpr std::chrono::days kExpiresSoon{21};

[[nodiscard]] Judgement judge(const Report& report, const Options& options,
                              std::chrono::system_clock::time_point now);

}  // namespace gatepost::probe
