#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatepost::config {
namespace {

TEST(LoadTest, TakesASmallFile) {
  const Loaded loaded = load(R"({
    // comment
    "listeners": [{"address": ":995"}, {"address": ":110", "tls": "starttls"}],
    "tls": {"certificate": "c.pem", "key": "k.pem"},
    "upstream": {"address": "127.0.0.1:1110"} /* more */
  })");
  for (const Problem& problem : loaded.problems)
    ADD_FAILURE() << to_string(problem, "gatepost.jsonc");
  ASSERT_TRUE(loaded.config);
  EXPECT_EQ(loaded.config->listeners.size(), 2u);
  EXPECT_EQ(loaded.config->listeners[1].tls, ListenerTls::starttls);
  EXPECT_EQ(loaded.config->upstream.address.port, 1110);
}

}  // namespace
}  // namespace gatepost::config
