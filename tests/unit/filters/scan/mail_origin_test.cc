#include "filters/scan/mail_origin.h"

#include <gtest/gtest.h>

#include <string>

namespace gatepost::filters {
namespace {

MailOrigin origin_of(const std::string& header) {
  BlockPool pool;
  return MailOrigin::of(ByteChain(pool, header + "\r\ntext\r\n"));
}
std::string hop(const std::string& received) {
  const MailOrigin origin = origin_of("Received: " + received + " by mx; date\r\n");
  return origin.address + " " + origin.helo;
}

TEST(MailOrigin, takes_the_sender_from_return_path) {
  EXPECT_EQ(origin_of("Return-Path: <a@example.org>\r\n").sender, "a@example.org");
  EXPECT_EQ(origin_of("return-path:<>\r\n").sender, "");
  EXPECT_EQ(origin_of("Return-Path: <a@b>\r\nReturn-Path: <c@d>\r\n").sender, "a@b");
  for (const std::string bad : {"", "a@b", "<a b>", "<a\x01>", "<a\xc3\xa4>", "<a><b>", "<"}) {
    EXPECT_FALSE(origin_of("Return-Path: " + bad + "\r\n").sender) << bad;
  }
  const auto long_one = [](std::size_t octets) {
    return "Return-Path: <" + std::string(octets - 4, 'a') + "@b.c>\r\n";
  };
  EXPECT_TRUE(origin_of(long_one(MailOrigin::kMaxWord)).sender);
  EXPECT_FALSE(origin_of(long_one(MailOrigin::kMaxWord + 1)).sender);
}

TEST(MailOrigin, knows_addresses) {
  for (const std::string good :
       {"a@b", "a.b@example.org", "SRS0=x=T=a.org=a/b@c.org", "a%b@c_d.e"}) {
    EXPECT_TRUE(is_mail_address(good)) << good;
  }
  for (const std::string bad : {"", "a", "@b", "a@", "a..b@c", ".a@c", "a.@c", "a@b..c", "a@-b.c",
                                "a@b-.c", "a,b@c", "a\"b@c", "a@b@c", "a b@c", "a@b."}) {
    EXPECT_FALSE(is_mail_address(bad)) << bad;
  }
}

TEST(MailOrigin, reads_what_servers_write) {
  EXPECT_EQ(hop("from me.example (rdns.example [8.8.8.8])"), "8.8.8.8 me.example");
  EXPECT_EQ(hop("from me.example (unknown [IPv6:2a00::1])"), "2a00::1 me.example");
  EXPECT_EQ(hop("from rdns.example ([8.8.8.8] helo=me.example)"), "8.8.8.8 me.example");
  EXPECT_EQ(hop("from [8.8.8.8] (helo=me.example)"), "8.8.8.8 me.example");
  EXPECT_EQ(hop("from me\r\n\t(rdns [8.8.8.8])\r\n\t"), "8.8.8.8 me");
}

TEST(MailOrigin, does_not_take_an_address_from_what_the_client_said) {
  EXPECT_EQ(hop("from [9.9.9.9] (rdns [8.8.8.8])"), "8.8.8.8 [9.9.9.9]");
  EXPECT_EQ(hop("from rdns ([8.8.8.8] helo=[9.9.9.9])"), "8.8.8.8 [9.9.9.9]");
  EXPECT_EQ(hop("from [8.8.8.8] (helo=[9.9.9.9])"), "8.8.8.8 [9.9.9.9]");
  EXPECT_EQ(hop("from [9.9.9.9]"), " ");
  EXPECT_EQ(hop("from x (y)"), " ");
  EXPECT_EQ(hop("by x (y [8.8.8.8])"), " ");
}

TEST(MailOrigin, goes_through_our_own_side_only) {
  const std::string internal = "Received: from a (a [192.168.1.1]) by b; date\r\n";
  const std::string external = "Received: from c (c [8.8.8.8]) by a; date\r\n";
  EXPECT_EQ(origin_of(internal + external).address, "8.8.8.8");
  EXPECT_EQ(origin_of(internal).address, "");
  EXPECT_EQ(origin_of("Received: by b; date\r\n" + external).address, "");
  for (const std::string address :
       {"127.0.0.1", "10.1.1.1", "172.20.0.1", "100.64.0.1", "169.254.1.1", "224.0.0.1", "IPv6:::1",
        "IPv6:fe80::1", "IPv6:fd00::1", "192.0.2.1", "255.255.255.255"}) {
    EXPECT_EQ(origin_of("Received: from c (c [" + address + "]) by a; date\r\n").address, "");
  }
  std::string many;
  for (int i = 0; i + 1 < MailOrigin::kMaxHops; ++i) many += internal;
  EXPECT_EQ(origin_of(many + external).address, "8.8.8.8");
  EXPECT_EQ(origin_of(many + internal + external).address, "");
}

}  // namespace
}  // namespace gatepost::filters
