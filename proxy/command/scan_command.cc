#include "proxy/command/scan_command.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "proxy/command/check.h"
#include "proxy/command/scan_worker.h"
#include "proxy/server/chains.h"

namespace gatepost::command {

namespace {

using Clock = std::chrono::steady_clock;

/// Where messages are kept if we, who are not the gateway, may not use its folder.
constexpr const char* kOwnFolder = "/tmp";

/// libuv's pool of threads has four of them, which is few for many loops whose rules all work
/// there.
constexpr const char* kPoolVariable = "UV_THREADPOOL_SIZE";
constexpr unsigned kMinPool = 4;

ExitCode complain(const std::string& text, ExitCode code) {
  fmt::print(stderr, "gatepost: {}\n", text);
  return code;
}

/// The one that is to be tried, of those in `config`.
Result<const config::Chain*> find_chain(const config::Config& config, const std::string& name) {
  std::vector<std::string> names;
  for (const config::Chain& chain : config.chains) {
    if (chain.name == name || (name.empty() && config.chains.size() == 1)) return &chain;
    names.push_back(chain.name);
  }
  if (names.empty()) return fail(ErrorCode::config, "the configuration has no chains");
  const std::string list = fmt::format("{}", fmt::join(names, ", "));
  if (name.empty()) {
    return fail(ErrorCode::protocol, "which chain? Say --chain NAME; there are: " + list);
  }
  return fail(ErrorCode::protocol, fmt::format("there is no chain {}; there are: {}", name, list));
}

/// Made as the gateway makes it.
Result<std::shared_ptr<const filters::Chain>> make_chain(const config::Config& config,
                                                         const config::Chain& wanted,
                                                         unsigned jobs) {
  server::ChainMaker maker;
  maker.set_workers(jobs);
  std::vector<server::FileProblem> problems;
  auto chains = maker.make(config, server::OnBroken::refuse, problems);
  if (!chains) return std::unexpected(chains.error());
  auto chain = chains->by_name.at(wanted.name);
  if (chain) return chain;
  auto idle = std::make_shared<filters::Chain>();
  idle->config = wanted;
  return idle;
}

std::string spool_folder(const config::Config& config) {
  const std::string& folder = config.spool.folder;
  return ::access(folder.c_str(), W_OK | X_OK) == 0 ? folder : kOwnFolder;
}

unsigned wanted_jobs(const ScanOptions& options) {
  if (options.jobs > 0) return options.jobs;
  return std::clamp(std::thread::hardware_concurrency(), 1U, ScanOptions::kMaxJobs);
}

void run_workers(unsigned jobs, const ScanTask& task, process::Launcher* launcher) {
  std::vector<std::unique_ptr<ScanWorker>> workers;
  workers.reserve(jobs);
  for (unsigned i = 0; i < jobs; ++i) {
    workers.push_back(std::make_unique<ScanWorker>(i, task, launcher));
  }
  for (const auto& worker : workers) worker->start();
  for (const auto& worker : workers) worker->join();
}

}  // namespace

ExitCode scan_files(const CommandLine& line) {
  const ScanOptions& options = line.scan;
  const config::Loaded loaded = load_configuration(line);
  if (!loaded.config) {
    print_problems(loaded, line.config_file);
    return ExitCode::config;
  }
  const config::Config& config = *loaded.config;
  const auto wanted = find_chain(config, options.chain);
  if (!wanted) {
    const bool usage = wanted.error().code != ErrorCode::config;
    return complain(wanted.error().detail, usage ? ExitCode::usage : ExitCode::config);
  }

  const std::string folder = spool_folder(config);
  MailSource source(options.files, folder);
  const unsigned jobs = source.useful_jobs(wanted_jobs(options));
  // NOLINTNEXTLINE(concurrency-mt-unsafe): while there is one thread
  ::setenv(kPoolVariable, std::to_string(std::max(jobs, kMinPool)).c_str(), 0);
  std::unique_ptr<process::Launcher> launcher;
  if (auto commands = process::Launcher::programs_of(config); !commands.empty()) {
    // While there is one thread.
    auto started = process::Launcher::start(std::move(commands), jobs, std::nullopt);
    if (!started) return complain(started.error().detail, ExitCode::runtime);
    launcher = *std::move(started);
  }
  auto chain = make_chain(config, **wanted, jobs);
  if (!chain) return complain(chain.error().detail, ExitCode::config);

  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  ScanOutput output({.json = line.json,
                     .progress = terminal && !options.quiet && !line.json,
                     .octets = source.total_octets(),
                     .octets_done = [&source] { return source.octets_given(); }});
  ScanTask task{.chain = *std::move(chain),
                .facts = {.session = {},
                          .listener = {},
                          .route = options.route,
                          .user = options.user,
                          .client = options.client,
                          .number = {}},
                .room = std::make_shared<filters::SpoolRoom>(folder, config.spool.max_message,
                                                             config.spool.max_total),
                .results = std::nullopt,
                .diff = !line.json && options.diff.value_or(!source.several_files()),
                .source = source,
                .output = output};
  if (!options.write.empty()) {
    auto results = ResultFolder::open(options.write);
    if (!results) return complain(results.error().detail, ExitCode::runtime);
    task.results = *std::move(results);
  }
  const auto began = Clock::now();
  run_workers(jobs, task, launcher.get());
  const auto took = std::chrono::duration_cast<Duration>(Clock::now() - began);
  return output.finish(!options.quiet, took) ? ExitCode::runtime : ExitCode::ok;
}

}  // namespace gatepost::command
