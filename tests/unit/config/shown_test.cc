#include <gtest/gtest.h>

#include <string>

#include "config/load.h"

namespace gatepost::config {
namespace {

TEST(ShownTest, ShowsTheDocumentWithWhatFlagsSay) {
  Overrides overrides;
  overrides.workers = "2";
  const Loaded loaded = load(R"({
    // a comment
    "listeners": [{"address": "127.0.0.1:1110", "tls": "none"}],
    "upstream": {"address": "pop.example.com:110"}
  })",
                             overrides);
  ASSERT_TRUE(loaded.config);
  EXPECT_NE(loaded.document.find("\"pop.example.com:110\""), std::string::npos);
  EXPECT_NE(loaded.document.find("\"workers\": 2"), std::string::npos) << loaded.document;
  EXPECT_EQ(loaded.document.find("comment"), std::string::npos);
}

TEST(ShownTest, ShowsNothingThatLooksLikeASecret) {
  const Loaded loaded = load(R"({
    "listeners": [{"address": "127.0.0.1:1110", "tls": "none"}],
    "upstream": {"address": "pop.example.com:110"},
    "admin": {"token_file": "/etc/gatepost/admin-token"},
    "scanners": [{"name": "own", "type": "command", "command":
        ["/usr/bin/scan", "--token", "geheim1", "--api-key=geheim2", "--token-file", "/etc/key",
         "https://joe:geheim3@scan.example.com/x@y", "--level=3"]}],
    "chains": [{"name": "scan", "scanners": ["own"]}]
  })");
  ASSERT_FALSE(loaded.document.empty()) << (loaded.problems.empty() ? "" : loaded.problems[0].text);
  EXPECT_EQ(loaded.document.find("geheim"), std::string::npos) << loaded.document;
  for (const char* kept : {"/etc/gatepost/admin-token", "/usr/bin/scan", "--token", "/etc/key",
                           "https://***@scan.example.com/x@y", "--level=3", "--api-key=***"}) {
    EXPECT_NE(loaded.document.find(kept), std::string::npos) << kept << loaded.document;
  }
}

}  // namespace
}  // namespace gatepost::config
