#include "proxy/command/quarantine_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "filters/quarantine/quarantine.h"
#include "tests/support/temporary_folder.h"

namespace gatepost::command {
namespace {

using ::testing::HasSubstr;
using What = QuarantineOptions::What;

struct Outcome {
  ExitCode code;
  std::string out;
  std::string err;
};

class QuarantineCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    config_.folder = folder_.file("q");
    auto opened = filters::Quarantine::open(config_);
    ASSERT_TRUE(opened);
    quarantine_ = *opened;
    keep("first\r\n");
    keep("second\r\n");
  }
  void keep(std::string_view text) {
    filters::QuarantineRecord record;
    record.user = "alice";
    record.route = "r";
    ASSERT_TRUE(quarantine_->keep(
        sha256(text), [&text]() -> Result<std::string_view> { return std::exchange(text, {}); },
        record));
  }
  Outcome run(What what, std::vector<std::uint64_t> numbers = {}, bool json = false,
              bool raw = false) {
    CommandLine line;
    line.json = json;
    line.quarantine = {what, std::move(numbers), config_.folder, raw};
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const ExitCode code = look_after_quarantine(line);
    std::fflush(stdout);
    return {code, ::testing::internal::GetCapturedStdout(),
            ::testing::internal::GetCapturedStderr()};
  }
  gatepost::testing::TemporaryFolder folder_;
  config::Quarantine config_;
  std::shared_ptr<filters::Quarantine> quarantine_;  // as the gateway has it meanwhile
};

TEST_F(QuarantineCommand, lists_and_shows) {
  const Outcome list = run(What::list);
  EXPECT_EQ(list.code, ExitCode::ok);
  EXPECT_EQ(std::ranges::count(list.out, '\n'), 3);
  EXPECT_THAT(run(What::list, {}, true).out, HasSubstr("\"number\":2"));
  const Outcome show = run(What::show, {2, 9, 1});
  EXPECT_EQ(show.code, ExitCode::runtime);
  EXPECT_THAT(show.out, HasSubstr("number     2\n"));
  EXPECT_THAT(show.out, HasSubstr("number     1\n"));
  EXPECT_EQ(show.err, "gatepost: there is no message 9 in quarantine\n");
}

TEST_F(QuarantineCommand, gives_the_original) {
  const Outcome raw = run(What::show, {2}, false, true);
  EXPECT_EQ(raw.code, ExitCode::ok);
  EXPECT_EQ(raw.out, "second\r\n");
  EXPECT_EQ(run(What::show, {7}, false, true).code, ExitCode::runtime);
}

TEST_F(QuarantineCommand, releases_what_the_gateway_then_sees) {
  const Outcome released = run(What::release, {1, 5, 2});
  EXPECT_EQ(released.code, ExitCode::runtime);
  EXPECT_EQ(released.out, "released 1\nreleased 2\n");
  EXPECT_EQ(released.err, "gatepost: there is no message 5 in quarantine\n");
  EXPECT_EQ(quarantine_->released("r", "alice")->size(), 2U);
}

TEST_F(QuarantineCommand, deletes) {
  EXPECT_EQ(run(What::remove, {1}).out, "deleted 1\n");
  EXPECT_EQ(run(What::remove, {1}).code, ExitCode::runtime);
  EXPECT_EQ(quarantine_->list()->size(), 1U);
}

TEST_F(QuarantineCommand, makes_no_quarantine_where_there_is_none) {
  config_.folder = folder_.file("absent");
  const Outcome absent = run(What::list);
  EXPECT_EQ(absent.code, ExitCode::runtime);
  EXPECT_THAT(absent.err, HasSubstr("there is no quarantine in"));
  EXPECT_FALSE(std::filesystem::exists(config_.folder));
  config_.folder.clear();
  EXPECT_EQ(run(What::list).code, ExitCode::config);
}

}  // namespace
}  // namespace gatepost::command
