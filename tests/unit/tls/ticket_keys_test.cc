#include "proxy/tls/ticket_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/tls/certificates.h"

namespace gatepost::tls {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// 80 octets in hex; `digit` twice is the octet of all.
std::string hex_key(char digit) { return std::string(160, digit); }

TicketKey random_key() { return TicketKeys().current(); }

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

TEST(TicketKeys, UsesTheKeysThatItIsGiven) {
  const TicketKey first = random_key();
  const TicketKey second = random_key();
  TicketKeys keys({first, second});
  EXPECT_EQ(keys.current().name, first.name);
  EXPECT_FALSE(keys.find(first.name)->renew);
  EXPECT_TRUE(keys.find(second.name)->renew);
  const TicketKey third = random_key();
  keys.replace({third, first});
  EXPECT_EQ(keys.current().mac, third.mac);
  EXPECT_TRUE(keys.find(first.name)->renew);
  EXPECT_FALSE(keys.find(second.name));
  keys.rotate();
  EXPECT_TRUE(keys.find(third.name)->renew);
  EXPECT_FALSE(keys.find(first.name));
}

class TicketKeyFile : public ::testing::Test {
 protected:
  std::vector<TicketKey> read(const std::string& text) {
    const auto keys = read_ticket_keys(files_.write("keys", text));
    EXPECT_TRUE(keys) << keys.error().detail;
    return keys.value_or(std::vector<TicketKey>());
  }
  std::string refusal(const std::string& text) {
    const auto keys = read_ticket_keys(files_.write("keys", text));
    if (keys) return "";
    EXPECT_EQ(keys.error().code, ErrorCode::config);
    EXPECT_THAT(keys.error().detail, HasSubstr(files_.path("keys") + ": "));
    return keys.error().detail;
  }
  testing::TestFiles files_;
};

TEST_F(TicketKeyFile, HoldsNameCipherAndMacInThisOrder) {
  const auto keys = read(std::string(32, 'a') + std::string(64, 'B') + std::string(64, '0'));
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_THAT(keys[0].name, ::testing::Each(0xAA));
  EXPECT_THAT(keys[0].cipher, ::testing::Each(0xBB));
  EXPECT_THAT(keys[0].mac, ::testing::Each(0x00));
}

TEST_F(TicketKeyFile, MayBeBase64OrHexWithComments) {
  // 80 octets of zero.
  const std::string base64 = std::string(107, 'A') + "=";
  const auto keys =
      read("# shared by all\n\n  " + hex_key('2') + "  # new\r\n" + base64 + "\n\t" + hex_key('1'));
  ASSERT_EQ(keys.size(), 3U);
  EXPECT_EQ(keys[0].name[0], 0x22);
  EXPECT_EQ(keys[1].name[0], 0x00);
  EXPECT_EQ(keys[2].name[0], 0x11);
}

TEST_F(TicketKeyFile, NamesTheLineThatIsWrongButNotWhatItSays) {
  const std::string good = hex_key('1') + "\n";
  const std::string key = hex_key('2');
  for (const std::string& bad :
       {key.substr(1), key + "2", "x" + key.substr(1), std::string(108, '2'), key.substr(0, 108),
        std::string(106, 'A') + "==", std::string("secret"), std::string("\0", 1)}) {
    EXPECT_THAT(
        refusal("#\n" + good + bad + "\n"),
        AllOf(HasSubstr("line 3: no ticket key"), Not(HasSubstr("22")), Not(HasSubstr("secret"))));
  }
  EXPECT_THAT(refusal(good + "\n" + good), HasSubstr("line 3: a key of this name stands above"));
  EXPECT_THAT(refusal(""), HasSubstr("holds no ticket key"));
  EXPECT_THAT(refusal("# none\n\n"), HasSubstr("holds no ticket key"));
  EXPECT_THAT(read_ticket_keys(files_.path("missing")).error().detail,
              HasSubstr("missing: No such file"));
}

TEST_F(TicketKeyFile, HasLimits) {
  std::string most;
  for (std::size_t i = 0; i < kMaxTicketKeys; ++i) {
    most += hex_key("0123456789abcdef"[i]) + "\n";
  }
  EXPECT_EQ(read(most).size(), kMaxTicketKeys);
  EXPECT_THAT(refusal(most + "01" + hex_key('2').substr(2)),
              HasSubstr("line 17: more than 16 keys"));
  EXPECT_THAT(refusal(hex_key('1') + std::string(kMaxTicketKeyFile, '\n')), HasSubstr("too large"));
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
