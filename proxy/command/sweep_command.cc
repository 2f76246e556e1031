#include "proxy/command/sweep_command.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "filters/small_file.h"
#include "proxy/base/wall_clock.h"
#include "proxy/command/check.h"
#include "proxy/net/loop_background.h"
#include "proxy/net/resolver.h"
#include "proxy/net/tcp_connector.h"
#include "proxy/pop3/sasl.h"
#include "proxy/process/privileges.h"
#include "proxy/server/discovery.h"
#include "proxy/server/master_login.h"
#include "proxy/server/pools.h"
#include "proxy/server/retention_stores.h"

namespace gatepost::command {

namespace {

constexpr std::chrono::seconds kKeepNames{30};

ExitCode complain(const Error& error) {
  fmt::print(stderr, "gatepost: {}\n", error.detail);
  return error.code == ErrorCode::config    ? ExitCode::config
         : error.code == ErrorCode::refused ? ExitCode::usage
                                            : ExitCode::runtime;
}

/// A loop with what sessions use, as a worker has it.
class Bench {
 public:
  Bench(Log& log, const server::RetentionStores& stores)
      : resolver_(loop_, kKeepNames),
        connector_(loop_, blocks_, resolver_),
        background_(loop_),
        desk_({loop_, connector_, blocks_, background_, nullptr}, log),
        filters_{.timers = loop_,
                 .pool = blocks_,
                 .background = background_,
                 .counters = message_counters_,
                 .desk = desk_},
        retention_{
            .timers = loop_,
            .background = background_,
            .log = log,
            .counters = retention_counters_,
            .store = server::worker_store(stores, background_, {loop_, connector_, blocks_}).store,
            .names = stores.names,
            .audit = stores.audit,
            .forget_after = stores.forget_after,
            .hold = stores.hold,
            .clock = &seconds_since_1970},
        services_{loop_,    connector_, blocks_,
                  log,      counters_,  guard_,
                  filters_, retention_, filters::inspection_maker(filters_),
                  journal_} {}

  [[nodiscard]] net::Loop& loop() { return loop_; }
  [[nodiscard]] const session::Services& services() const { return services_; }

 private:
  BlockPool blocks_;
  net::Loop loop_;
  net::Resolver resolver_;
  net::TcpConnector connector_;
  net::LoopBackground background_;
  guard::Guard guard_;
  session::Counters counters_;
  filters::MessageCounters message_counters_;
  filters::ScanDesk desk_;
  filters::Host filters_;
  filters::RetentionCounters retention_counters_;
  filters::RetentionHost retention_;
  Journal journal_;
  session::Services services_;
};

Result<std::vector<std::string>> accounts_of(const SweepOptions& options) {
  std::vector<std::string> accounts;
  std::string text;
  for (const std::string& name : options.accounts) text += name + "\n";
  if (auto added = add_accounts(text, accounts); !added) return std::unexpected(added.error());
  if (!options.accounts_file.empty()) {
    const auto listed = read_accounts(options.accounts_file);
    if (!listed) return std::unexpected(listed.error());
    if (auto added = add_accounts(*listed, accounts); !added) return std::unexpected(added.error());
  }
  if (accounts.empty()) return fail(ErrorCode::refused, "whose mail? Say --account or --accounts");
  return accounts;
}

Result<std::shared_ptr<const upstream::Pool>> make_pool(const config::Pool& pool) {
  server::Discovered found;
  if (!pool.srv.empty()) {
    auto servers = server::look_up_servers(pool);
    if (!servers) {
      return fail(ErrorCode::system,
                  fmt::format("{}/srv: {}", server::path_of(pool.name), servers.error().detail));
    }
    found[pool.name] = *std::move(servers);
  }
  std::vector<server::FileProblem> problems;
  return server::PoolMaker().make(pool, found, server::OnBroken::refuse, problems);
}

/// What only the gateway itself has, and what it has not made yet, has nothing to say here.
Result<void> must_have_store(const config::Retention& retention) {
  using Type = config::RetentionStoreType;
  if (retention.store.type == Type::memory) {
    return fail(ErrorCode::config,
                "/retention/store: what is in memory nobody but the gateway sees");
  }
  const std::string& file = retention.store.file;
  if (retention.store.type == Type::sqlite && ::access(file.c_str(), R_OK | W_OK) != 0) {
    return system_failure("no store that this user may use: " + file, errno);
  }
  return {};
}

/// Becomes who the gateway is: what is made from here on belongs to it.
Result<void> become_gateway(const config::Config& config) {
  const auto identity = process::find_identity(config.process);
  if (!identity) return std::unexpected(identity.error());
  if (!*identity) return {};
  if (auto became = process::become(**identity); !became) return became;
  process::set_dumpable(config.process.core_dumps);
  return {};
}

struct Sum {
  std::size_t accounts = 0;
  std::size_t failed = 0;
  std::uint64_t removed = 0;
  std::uint64_t kept = 0;

  void add(const SweepResult& result) {
    ++accounts;
    if (!result.problem.empty()) ++failed;
    removed += result.removed;
    for (const auto& [why, n] : result.kept) kept += n;
  }
};

ExitCode run(SweepPlan plan, Log& log, const server::RetentionStores& stores) {
  Bench bench(log, stores);
  Sum sum;
  Sweep sweep(
      bench.services(), std::move(plan),
      [&sum](const SweepResult& result) {
        sum.add(result);
        fmt::print("{}\n", sweep_text(result));
      },
      [&bench] { bench.loop().stop(); });
  sweep.start();
  bench.loop().run();
  fmt::print("accounts {}, failed {}, removed {}, kept {}\n", sum.accounts, sum.failed, sum.removed,
             sum.kept);
  if (sweep.untried() > 0) {
    fmt::print(stderr,
               "gatepost: no mailbox could be opened, {} accounts were not tried: is the server "
               "there, are master_user and its password right?\n",
               sweep.untried());
  } else if (sum.failed > 0 && sum.failed == sum.accounts) {
    fmt::print(stderr,
               "gatepost: no account is done: is the server there, are master_user and its "
               "password right?\n");
  }
  if (std::fflush(stdout) != 0) {
    return complain({ErrorCode::system, "standard output cannot be written to"});
  }
  return sum.failed == 0 && sweep.untried() == 0 ? ExitCode::ok : ExitCode::runtime;
}

}  // namespace

Result<std::string> read_accounts(const std::string& file) {
  const bool input = file == "-";
  auto text = filters::read_small_file(input ? "/dev/stdin" : file, kMaxAccountsFile);
  if (!text) return fail(ErrorCode::refused, text.error().detail);
  if (text->size() <= kMaxAccountsFile) return text;
  return fail(ErrorCode::refused,
              fmt::format("{}: more than {} MiB", file, kMaxAccountsFile >> 20));
}

Result<void> add_accounts(std::string_view text, std::vector<std::string>& accounts) {
  std::unordered_set<std::string> known(accounts.begin(), accounts.end());
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (!pop3::is_safe_user(line)) {
      return fail(ErrorCode::refused, fmt::format("account {} is no user name", number));
    }
    if (known.emplace(line).second) accounts.emplace_back(line);
  }
  return {};
}

Result<SweepChoice> choose_sweep(const config::Config& config, const SweepOptions& options) {
  SweepChoice choice;
  std::vector<std::string> names;
  for (const config::Pool& pool : config.pools) {
    if (pool.master_user.empty()) continue;
    names.push_back(pool.name);
    if (options.pool.empty() || options.pool == pool.name) choice.pool = &pool;
  }
  if (names.empty()) {
    return fail(ErrorCode::config, "no pool has a master_user: mailboxes cannot be opened");
  }
  if (choice.pool == nullptr || (options.pool.empty() && names.size() > 1)) {
    return fail(ErrorCode::refused, fmt::format("which pool? Say --pool; with a master_user: {}",
                                                fmt::join(names, ", ")));
  }
  names.clear();
  for (const config::RetentionPolicy* policy : server::booked_policies(config, choice.pool->name)) {
    if (policy->dry_run) continue;
    names.push_back(policy->name);
    if (options.policy.empty() || options.policy == policy->name) choice.policy = policy;
  }
  if (names.empty()) {
    return fail(ErrorCode::config,
                fmt::format("no policy removes anything from pool {}", choice.pool->name));
  }
  if (choice.policy == nullptr || (options.policy.empty() && names.size() > 1)) {
    return fail(ErrorCode::refused,
                fmt::format("which policy are these accounts under? Say --policy; for pool {}: {}",
                            choice.pool->name, fmt::join(names, ", ")));
  }
  return choice;
}

std::string sweep_text(const SweepResult& result) {
  std::string text = result.account + ": ";
  if (!result.problem.empty()) text += fmt::format("failed: {}; ", result.problem);
  std::uint64_t kept = 0;
  std::vector<std::string> reasons;
  for (const auto& [why, n] : result.kept) {
    kept += n;
    reasons.push_back(fmt::format("{} {}", why, n));
  }
  text += fmt::format("removed {}, kept {}", result.removed, kept);
  return reasons.empty() ? text : fmt::format("{} ({})", text, fmt::join(reasons, ", "));
}

ExitCode sweep_mailboxes(const CommandLine& line) {
  process::forbid_new_privileges();
  const config::Loaded loaded = load_configuration(line);
  if (!loaded.config) {
    print_problems(loaded, line.config_file);
    return ExitCode::config;
  }
  const config::Config& config = *loaded.config;
  process::set_dumpable(config.process.core_dumps);
  const auto choice = choose_sweep(config, line.sweep);
  if (!choice) return complain(choice.error());
  auto accounts = accounts_of(line.sweep);
  if (!accounts) return complain(accounts.error());
  // The password and certificates may be root's, all else is the gateway's.
  auto master = server::read_master_login(*choice->pool);
  if (!master) return complain(master.error());
  auto pool = make_pool(*choice->pool);
  if (!pool) return complain(pool.error());
  if (auto became = become_gateway(config); !became) return complain(became.error());
  auto log = ProcessLog::open(config.log);
  if (!log) return complain(log.error());
  if (auto there = must_have_store(config.retention); !there) return complain(there.error());
  auto stores = server::open_retention(config, config, {}, **log);
  if (!stores) return complain(stores.error());
  const server::Policies policies = server::PolicyMaker().make(config);
  return run({.accounts = *std::move(accounts),
              .pool = *std::move(pool),
              .policy = policies.by_name.at(choice->policy->name),
              .master = *std::move(master),
              .timeouts = config.timeouts,
              .limits = config.limits,
              .jobs = line.sweep.jobs},
             **log, *stores);
}

}  // namespace gatepost::command
