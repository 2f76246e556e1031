#include "proxy/command/scanner_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatepost::command {
namespace {

using ::testing::HasSubstr;

server::Snapshot with(config::Scanner scanner) {
  auto kind = std::make_shared<filters::ScannerKind>();
  scanner.name = "one";
  scanner.timeout = Duration(2'000);
  kind->config = std::move(scanner);
  kind->counters = std::make_shared<filters::ScannerCounters>();
  server::Snapshot snapshot;
  snapshot.chains.scanners = {std::move(kind)};
  return snapshot;
}

TEST(ScannerCheck, SaysWhyAScannerIsNotEffective) {
  config::Scanner scanner;
  scanner.address.path = "/nonexistent/clamd.ctl";
  const auto results = check_scanners(with(scanner));
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].name, "one");
  ASSERT_FALSE(results[0].effective);
  EXPECT_THAT(results[0].effective.error().detail, HasSubstr("unreachable: "));
}

TEST(ScannerCheck, LooksForPrograms) {
  config::Scanner scanner;
  scanner.type = config::ScannerType::command;
  scanner.command = {"/bin/sh"};
  EXPECT_TRUE(check_scanners(with(scanner))[0].effective);
  scanner.command = {"/nonexistent/judge"};
  const auto results = check_scanners(with(scanner));
  ASSERT_FALSE(results[0].effective);
  EXPECT_THAT(results[0].effective.error().detail, HasSubstr("/nonexistent/judge"));
}

}  // namespace
}  // namespace gatepost::command
