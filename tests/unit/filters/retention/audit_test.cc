#include "filters/retention/audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/recording_log.h"
#include "tests/support/temporary_folder.h"

namespace gatepost::filters {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class AuditTest : public ::testing::Test {
 protected:
  AuditTest() {
    removal_.account.octets.fill(0xaa);
    removal_.uidl.octets.fill(0xbb);
  }
  static std::string read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  gatepost::testing::RecordingLog log_;
  gatepost::testing::TemporaryFolder folder_;
  Audit::Removal removal_{.session = "s7",
                          .account = {},
                          .uidl = {},
                          .policy = "month",
                          .reason = "30d after it was seen"};
};

TEST_F(AuditTest, goes_to_the_log) {
  const auto audit = Audit::open("", log_);
  ASSERT_TRUE(audit);
  (*audit)->removed(removal_);
  (*audit)->reopen();
  ASSERT_EQ(log_.lines.size(), 1U);
  EXPECT_THAT(log_.lines[0],
              HasSubstr("retention_removed id=s7 account=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
                        "uidl=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb policy=month "
                        "reason=\"30d after it was seen\""));
}

TEST_F(AuditTest, goes_to_a_file_that_may_be_rotated) {
  const std::string path = folder_.file("audit");
  const auto audit = Audit::open(path, log_);
  ASSERT_TRUE(audit);
  (*audit)->removed(removal_);
  struct stat facts{};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  std::filesystem::rename(path, path + ".1");
  removal_.dry_run = true;
  (*audit)->reopen();
  (*audit)->removed(removal_);
  EXPECT_THAT(read(path + ".1"), MatchesRegex("20[0-9T:-]*Z info retention_removed id=s7 .*\n"));
  EXPECT_THAT(read(path), HasSubstr("info retention_would_remove id=s7 "));
  EXPECT_TRUE(log_.lines.empty());
}

TEST_F(AuditTest, goes_to_the_log_where_the_file_takes_nothing) {
  EXPECT_FALSE(Audit::open(folder_.file("no/folder"), log_));
  const auto audit = Audit::open("/dev/full", log_);
  ASSERT_TRUE(audit);
  (*audit)->removed(removal_);
  EXPECT_EQ(log_.count("retention_audit"), 1U);
  EXPECT_EQ(log_.count("retention_removed"), 1U);
}

}  // namespace
}  // namespace gatepost::filters
