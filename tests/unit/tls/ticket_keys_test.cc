#include "proxy/tls/ticket_keys.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace gatepost::tls {
namespace {

TEST(TicketKeys, FindsTheCurrentKeyWithoutRenewal) {
  const TicketKeys keys;
  const TicketKey current = keys.current();
  const auto found = keys.find(current.name);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->key.cipher, current.cipher);
  EXPECT_EQ(found->key.mac, current.mac);
  EXPECT_FALSE(found->renew);
}

TEST(TicketKeys, FindsTheOneBeforeForRenewal) {
  TicketKeys keys;
  const TicketKey old = keys.current();
  keys.rotate();
  EXPECT_NE(keys.current().name, old.name);
  EXPECT_NE(keys.current().cipher, old.cipher);
  const auto found = keys.find(old.name);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->key.cipher, old.cipher);
  EXPECT_TRUE(found->renew);
}

TEST(TicketKeys, ForgetsAKeyAfterTwoRotations) {
  TicketKeys keys;
  const TicketKey old = keys.current();
  keys.rotate();
  keys.rotate();
  EXPECT_FALSE(keys.find(old.name));
}

TEST(TicketKeys, KnowsNoForeignName) {
  const TicketKeys keys;
  EXPECT_FALSE(keys.find(TicketKeys().current().name));
}

TEST(TicketKeys, MayRotateWhileOthersRead) {
  TicketKeys keys;
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        const TicketKey key = keys.current();
        const auto found = keys.find(key.name);
        if (found) {
          EXPECT_EQ(found->key.mac, key.mac);
        }
      }
    });
  }
  for (int i = 0; i < 500; ++i) keys.rotate();
  stop = true;
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace gatepost::tls
