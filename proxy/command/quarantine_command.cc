#include "proxy/command/quarantine_command.h"

#include <unistd.h>

#include <cstdio>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "filters/quarantine/quarantine.h"
#include "proxy/command/check.h"
#include "proxy/command/quarantine_text.h"

namespace gatepost::command {

namespace {

using filters::Quarantine;
using What = QuarantineOptions::What;

ExitCode complain(const Error& error) {
  fmt::print(stderr, "gatepost: {}\n", error.detail);
  return error.code == ErrorCode::config ? ExitCode::config : ExitCode::runtime;
}

/// Which folder, and what may be in it. With --folder nothing goes because of its age.
Result<config::Quarantine> settings(const CommandLine& line) {
  config::Quarantine settings;
  if (!line.quarantine.folder.empty()) {
    settings.folder = line.quarantine.folder;
    settings.max_size = std::numeric_limits<std::uint64_t>::max();
    settings.max_age = std::chrono::seconds(0);
    return settings;
  }
  if (line.config_file.empty()) {
    return fail(ErrorCode::config, "which quarantine? Say --config FILE or --folder DIR");
  }
  const config::Loaded loaded = load_configuration(line);
  if (!loaded.config) {
    print_problems(loaded, line.config_file);
    return fail(ErrorCode::config, line.config_file + " cannot be used");
  }
  settings = loaded.config->quarantine;
  if (settings.folder.empty()) {
    return fail(ErrorCode::config, line.config_file + " has no quarantine");
  }
  return settings;
}

/// Never makes one: it would belong to who asked.
Result<std::shared_ptr<Quarantine>> open(const CommandLine& line) {
  const auto chosen = settings(line);
  if (!chosen) return std::unexpected(chosen.error());
  const std::string index = chosen->folder + "/index.sqlite";
  if (::access(index.c_str(), R_OK | W_OK) != 0) {
    return fail(ErrorCode::system, fmt::format("there is no quarantine in {} that this user may "
                                               "look after",
                                               chosen->folder));
  }
  return Quarantine::open(*chosen);
}

Result<void> print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size()) return {};
  return fail(ErrorCode::system, "standard output cannot be written to");
}

Result<void> print_raw(const Quarantine& quarantine, std::uint64_t number) {
  // What was kept back must not act on who looks at it.
  if (::isatty(STDOUT_FILENO) == 1) {
    return fail(ErrorCode::system, "--raw does not write to a terminal: send it to a file");
  }
  return quarantine.read(number, [](std::string_view piece) { return print(piece).has_value(); });
}

Result<void> look_after(Quarantine& quarantine, std::uint64_t number, const CommandLine& line) {
  switch (line.quarantine.what) {
    case What::release:
      if (auto done = quarantine.release(number); !done) return done;
      return print(fmt::format("released {}\n", number));
    case What::remove:
      if (auto done = quarantine.remove(number); !done) return done;
      return print(fmt::format("deleted {}\n", number));
    case What::show:
    case What::list:
      break;
  }
  return print_raw(quarantine, number);
}

/// Every number, even after one that fails.
ExitCode look_after_each(Quarantine& quarantine, const CommandLine& line) {
  ExitCode code = ExitCode::ok;
  for (const std::uint64_t number : line.quarantine.numbers) {
    if (auto done = look_after(quarantine, number, line); !done) code = complain(done.error());
  }
  return code;
}

ExitCode print_records(const Quarantine& quarantine, const CommandLine& line) {
  ExitCode code = ExitCode::ok;
  std::vector<filters::QuarantineRecord> records;
  const bool all = line.quarantine.what == What::list;
  if (all) {
    auto listed = quarantine.list();
    if (!listed) return complain(listed.error());
    records = *std::move(listed);
  }
  for (const std::uint64_t number : line.quarantine.numbers) {
    auto record = quarantine.show(number);
    if (record) {
      records.push_back(*std::move(record));
    } else {
      code = complain(record.error());
    }
  }
  std::string text;
  if (line.json) {
    text = quarantine_json(records);
  } else if (all) {
    text = quarantine_table(records);
  } else {
    for (const auto& record : records) {
      if (!text.empty()) text += '\n';
      text += quarantine_details(record);
    }
  }
  if (auto done = print(text); !done) return complain(done.error());
  return code;
}

}  // namespace

ExitCode look_after_quarantine(const CommandLine& line) {
  const auto quarantine = open(line);
  if (!quarantine) return complain(quarantine.error());
  const bool shows = line.quarantine.what == What::list ||
                     (line.quarantine.what == What::show && !line.quarantine.raw);
  const ExitCode code =
      shows ? print_records(**quarantine, line) : look_after_each(**quarantine, line);
  if (std::fflush(stdout) == 0) return code;
  return complain({ErrorCode::system, "standard output cannot be written to"});
}

}  // namespace gatepost::command
