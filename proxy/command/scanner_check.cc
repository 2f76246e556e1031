#include "proxy/command/scanner_check.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "proxy/net/loop.h"
#include "proxy/net/loop_background.h"
#include "proxy/net/resolver.h"
#include "proxy/net/tcp_connector.h"

namespace gatepost::command {

namespace {

constexpr std::chrono::seconds kKeepNames{30};

/// What a desk has to say of its only scanner; ends the loop.
class TestLog final : public Log {
 public:
  explicit TestLog(net::Loop& loop) : loop_(loop) {}

  void write(LogLevel level, std::string_view /*event*/,
             std::initializer_list<LogField> fields) override {
    if (level == LogLevel::error) {
      std::string problem;
      for (const LogField& field : fields) {
        const auto* text = std::get_if<std::string_view>(&field.value);
        if (field.key == "problem" && text != nullptr) problem = *text;
      }
      result_ = fail(ErrorCode::network, std::move(problem));
    }
    loop_.stop();
  }
  [[nodiscard]] const Result<void>& result() const { return result_; }

 private:
  net::Loop& loop_;
  Result<void> result_;
};

Result<void> test(const filters::ScannerKind& configured) {
  if (configured.config.type == config::ScannerType::command) {
    const std::string& program = configured.config.command.front();
    if (::access(program.c_str(), X_OK) != 0) return system_failure(program, errno);
    return {};
  }
  auto kind = std::make_shared<filters::ScannerKind>(configured);
  kind->counters = std::make_shared<filters::ScannerCounters>();
  BlockPool blocks;
  net::Loop loop;
  net::Resolver resolver(loop, kKeepNames);
  net::TcpConnector connector(loop, blocks, resolver);
  net::LoopBackground background(loop);
  TestLog log(loop);
  filters::ScanDesk desk({loop, connector, blocks, background}, log);
  desk.apply({std::move(kind)});
  loop.run();
  return log.result();
}

}  // namespace

std::vector<ScannerResult> check_scanners(const server::Snapshot& snapshot) {
  std::vector<ScannerResult> results;
  for (const auto& kind : snapshot.chains.scanners) {
    results.push_back({kind->config.name, test(*kind)});
  }
  return results;
}

}  // namespace gatepost::command
