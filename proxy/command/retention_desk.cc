#include "proxy/command/retention_desk.h"

#include <uv.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "proxy/command/check.h"
#include "proxy/command/retention_command.h"
#include "proxy/net/loop.h"
#include "proxy/net/loop_background.h"
#include "proxy/net/resolver.h"
#include "proxy/net/tcp_connector.h"
#include "proxy/server/retention_judge.h"
#include "proxy/server/retention_stores.h"

namespace gatepost::command {

namespace {

using What = RetentionOptions::What;

constexpr std::chrono::seconds kKeepNames{30};

ExitCode complain(std::string_view text, ExitCode code) {
  fmt::print(stderr, "gatepost: {}\n", text);
  return code;
}

/// The store, on a loop of its own.
struct Room {
  explicit Room(server::RetentionStores opened)
      : stores(std::move(opened)),
        store(server::worker_store(stores, background, {loop, connector, blocks}).store) {}

  BlockPool blocks;
  net::Loop loop;
  net::Resolver resolver{loop, kKeepNames};
  net::TcpConnector connector{loop, blocks, resolver};
  net::LoopBackground background{loop};
  server::RetentionStores stores;
  std::shared_ptr<store::RecordStore> store;
};

/// What who asks should know beside the answer.
void remark(const server::RetentionJudge& judge, const RetentionOptions& options) {
  if (options.account.empty() || options.what == What::undelete) return;
  const bool purges = options.what == What::purge;
  if (!judge.policy && !purges) {
    fmt::print(stderr,
               "gatepost: users of pool {} have several policies: say --policy to see what becomes "
               "of messages\n",
               options.pool);
  }
  const bool in_force = !judge.policy || judge.held || !judge.policy->name.empty();
  if (purges && !in_force) {
    fmt::print(stderr,
               "gatepost: no policy is in force for users of pool {}: their sessions remove "
               "nothing\n",
               options.pool);
  }
}

}  // namespace

ExitCode look_after_retention(const CommandLine& line) {
  RetentionOptions options = line.retention;
  if (const auto wrong = wrong_usage(options); !wrong.empty()) {
    return complain(wrong, ExitCode::usage);
  }
  const config::Loaded loaded = load_configuration(line);
  if (!loaded.config) {
    print_problems(loaded, line.config_file);
    return ExitCode::config;
  }
  auto judge = server::find_judge(*loaded.config, options.account, options.pool, options.policy);
  if (!judge) return complain(judge.error().detail, ExitCode::usage);
  remark(*judge, options);
  auto stores = server::open_existing_store(loaded.config->retention);
  if (!stores) {
    const bool wrong = stores.error().code == ErrorCode::config;
    return complain(stores.error().detail, wrong ? ExitCode::config : ExitCode::runtime);
  }
  Room room(*std::move(stores));
  // Every question has an answer after a while: the store's own limits of time see to that.
  RetentionDesk desk{*room.store, *room.stores.names, *std::move(judge), [&room] {
                       uv_run(room.loop.raw(), UV_RUN_ONCE);
                       return true;
                     }};
  return look_after_retention(options, desk);
}

}  // namespace gatepost::command
