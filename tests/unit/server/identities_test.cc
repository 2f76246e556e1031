#include "proxy/server/identities.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/unit/tls/certificates.h"

namespace gatepost::server {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
namespace fs = std::filesystem;

class IdentityStoreTest : public ::testing::Test {
 protected:
  IdentityStoreTest() {
    write("default", "mail.example.org");
    tls_.certificates = {
        {.certificate = files_.path("default.pem"), .key = files_.path("default.key"), .ocsp = ""}};
  }
  void write(const std::string& name, const std::string& host) {
    const testing::Issued issued = authority_.issue({.common_name = host, .dns = {host}});
    files_.write(name + ".pem", issued.certificate);
    files_.write(name + ".key", issued.key);
  }
  /// Certificates in a folder, which the configuration names too.
  void with_folder(const std::vector<std::string>& hosts) {
    fs::create_directory(files_.path("folder"));
    for (const std::string& host : hosts) write("folder/" + host, host);
    tls_.certificate_folders = {files_.path("folder")};
  }
  std::vector<std::string> subjects(OnBroken on_broken = OnBroken::refuse) {
    auto loaded = store_.load(tls_, on_broken);
    EXPECT_TRUE(loaded) << loaded.error().detail;
    std::vector<std::string> found;
    problems_.clear();
    if (!loaded) return found;
    for (const auto& identity : loaded->identities) found.push_back(identity->info().subject);
    problems_ = std::move(loaded->problems);
    return found;
  }
  std::string problem(OnBroken on_broken = OnBroken::refuse) {
    const auto loaded = store_.load(tls_, on_broken);
    EXPECT_FALSE(loaded);
    return loaded ? "" : loaded.error().detail;
  }

  testing::Authority authority_;
  testing::TestFiles files_;
  config::Tls tls_;
  IdentityStore store_;
  std::vector<FileProblem> problems_;
};

TEST_F(IdentityStoreTest, HasTheDefaultFirstAndFoldersLast) {
  with_folder({"b.example.org", "a.example.org"});
  EXPECT_THAT(subjects(),
              ElementsAre("CN=mail.example.org", "CN=a.example.org", "CN=b.example.org"));
}

TEST_F(IdentityStoreTest, KnowsWhereTheConfigurationNamesThem) {
  with_folder({"a.example.org"});
  const auto loaded = store_.load(tls_, OnBroken::refuse);
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->identities.size(), 2U);
  EXPECT_EQ(loaded->identities[0]->files().rule, "/tls");
  EXPECT_EQ(loaded->identities[1]->files().rule, "/tls/certificate_folders/0");
}

TEST_F(IdentityStoreTest, NamesTheFolderThatIsMissing) {
  tls_.certificate_folders = {files_.path("nowhere")};
  EXPECT_THAT(problem(), AllOf(StartsWith("/tls/certificate_folders/0: "), HasSubstr("nowhere")));
}

TEST_F(IdentityStoreTest, RefusesABrokenFile) {
  with_folder({"a.example.org"});
  files_.write("folder/a.example.org.pem", "broken\n");
  EXPECT_THAT(problem(),
              AllOf(StartsWith("/tls/certificate_folders/0: "), HasSubstr("a.example.org.pem")));
}

TEST_F(IdentityStoreTest, KeepsTheLastGoodVersionOfABrokenFileAndTakesTheOthers) {
  with_folder({"a.example.org", "b.example.org"});
  ASSERT_EQ(subjects().size(), 3U);
  files_.write("folder/a.example.org.pem", "broken\n");
  write("folder/b.example.org", "new.example.org");
  EXPECT_THAT(subjects(OnBroken::keep),
              ElementsAre("CN=mail.example.org", "CN=a.example.org", "CN=new.example.org"));
  ASSERT_EQ(problems_.size(), 1U);
  EXPECT_THAT(problems_[0].file, HasSubstr("a.example.org.pem"));
  EXPECT_EQ(subjects(OnBroken::keep).size(), 3U) << "and keeps it as long as it is broken";
  EXPECT_EQ(problems_.size(), 1U);
}

TEST_F(IdentityStoreTest, LeavesOutANewFileThatIsBroken) {
  with_folder({"a.example.org"});
  ASSERT_EQ(subjects().size(), 2U);
  write("folder/b", "b.example.org");
  files_.write("folder/b.pem", "broken\n");
  EXPECT_EQ(subjects(OnBroken::keep).size(), 2U);
  EXPECT_EQ(problems_.size(), 1U);
}

TEST_F(IdentityStoreTest, ForgetsAFileThatWasTakenOutOfAFolder) {
  with_folder({"a.example.org", "b.example.org"});
  ASSERT_EQ(subjects().size(), 3U);
  fs::remove(files_.path("folder/a.example.org.pem"));
  fs::remove(files_.path("folder/a.example.org.key"));
  EXPECT_THAT(subjects(OnBroken::keep), ElementsAre("CN=mail.example.org", "CN=b.example.org"));
  EXPECT_TRUE(problems_.empty());
}

TEST_F(IdentityStoreTest, KeepsTheCertificatesOfAFolderThatCannotBeRead) {
  with_folder({"a.example.org"});
  ASSERT_EQ(subjects().size(), 2U);
  fs::rename(files_.path("folder"), files_.path("elsewhere"));
  EXPECT_EQ(subjects(OnBroken::keep).size(), 2U);
  EXPECT_FALSE(problems_.empty());
}

TEST_F(IdentityStoreTest, FailsWithNothingAtAll) {
  files_.write("default.pem", "broken\n");
  EXPECT_THAT(problem(OnBroken::keep), StartsWith("/tls: "));
}

}  // namespace
}  // namespace gatepost::server
