#include "proxy/server/refusals.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/memory_transport.h"

namespace gatepost::server {
namespace {

using ::gatepost::testing::MemoryPeer;

constexpr Instant kNow{Duration(1'000'000)};

class RefusalsTest : public ::testing::Test {
 protected:
  /// Returns the client's end.
  std::shared_ptr<MemoryPeer> refuse(config::ListenerTls tls = config::ListenerTls::none) {
    auto [client, peer] = gatepost::testing::make_memory_transport(pool_);
    refusals_.add(std::move(client), tls, "Not now", kNow);
    return peer;
  }

  BlockPool pool_;
  Refusals refusals_{pool_};
};

TEST_F(RefusalsTest, a_client_reads_why_and_then_the_end) {
  const auto peer = refuse();
  peer->turn();
  EXPECT_EQ(peer->sent(), "-ERR [SYS/TEMP] Not now\r\n");
  EXPECT_TRUE(peer->saw_fin());
}

TEST_F(RefusalsTest, words_are_for_those_who_do_not_begin_with_tls) {
  const auto later = refuse(config::ListenerTls::starttls);
  const auto first = refuse(config::ListenerTls::implicit);
  later->turn();
  first->turn();
  EXPECT_EQ(later->sent(), "-ERR [SYS/TEMP] Not now\r\n");
  EXPECT_EQ(first->sent(), std::string("\x15\x03\x01\x00\x02\x02\x50", 7));
}

TEST_F(RefusalsTest, who_has_gone_is_let_go) {
  const auto gone = refuse();
  const auto reading = refuse();
  gone->end();
  gone->turn();
  refusals_.sweep(kNow);
  EXPECT_TRUE(gone->destroyed());
  EXPECT_FALSE(reading->destroyed());
}

TEST_F(RefusalsTest, who_has_had_time_to_read_is_let_go) {
  const auto slow = refuse();
  refusals_.sweep(kNow + Refusals::kTimeToRead);
  EXPECT_FALSE(refusals_.empty());
  refusals_.sweep(kNow + Refusals::kTimeToRead + Duration(1));
  EXPECT_TRUE(refusals_.empty());
  EXPECT_TRUE(slow->destroyed());
}

TEST_F(RefusalsTest, there_are_never_more_than_may_be) {
  std::vector<std::shared_ptr<MemoryPeer>> peers;
  for (std::size_t i = 0; i < Refusals::kMaxRefused + 1; ++i) peers.push_back(refuse());
  EXPECT_FALSE(peers[Refusals::kMaxRefused - 1]->destroyed());
  EXPECT_TRUE(peers[Refusals::kMaxRefused]->destroyed());
}

}  // namespace
}  // namespace gatepost::server
