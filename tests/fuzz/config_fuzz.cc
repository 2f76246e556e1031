// Any text as a configuration file: no crash, no hang, and either a configuration or a reason.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace config = gatepost::config;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const config::Loaded loaded = config::load(text);
  bool any_error = false;
  for (const config::Problem& problem : loaded.problems) {
    any_error = any_error || !problem.warning;
    if (problem.text.empty() || problem.text.size() > 2000) std::abort();
  }
  if (loaded.config.has_value() == any_error) std::abort();
  if (loaded.problems.size() > 51) std::abort();

  // The same bytes as the values of flags.
  config::Overrides flags;
  flags.pop3s = flags.upstream = flags.admin = flags.workers = std::string(text);
  flags.upstream_name = flags.cert = flags.key = std::string(text);
  flags.cert_folder = flags.trusted_network = flags.quarantine = std::string(text);
  flags.scan = {std::string(text), "icap@" + std::string(text)};
  if (config::load("", flags).problems.size() > 51) std::abort();
  return 0;
}
