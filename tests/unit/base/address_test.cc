#include "proxy/base/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <string>

namespace gatepost {
namespace {

using ::testing::HasSubstr;

std::string reason(const auto& result) {
  return result ? std::string("accepted") : result.error().detail;
}

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

TEST(IpAddressTest, ReadsBothFamiliesAndPrintsThemCanonically) {
  EXPECT_EQ(ip("192.0.2.1").to_string(), "192.0.2.1");
  EXPECT_TRUE(ip("192.0.2.1").is_v4());
  EXPECT_EQ(ip("2001:DB8:0:0::1").to_string(), "2001:db8::1");
  EXPECT_FALSE(ip("::1").is_v4());
  EXPECT_EQ(IpAddress().to_string(), "0.0.0.0");
}

TEST(IpAddressTest, MappedAddressesBecomeIpv4) {
  EXPECT_EQ(ip("::ffff:192.0.2.1"), ip("192.0.2.1"));
  sockaddr_in6 mapped{};
  mapped.sin6_family = AF_INET6;
  mapped.sin6_addr.s6_addr[10] = mapped.sin6_addr.s6_addr[11] = 0xff;
  mapped.sin6_addr.s6_addr[12] = 127;
  mapped.sin6_addr.s6_addr[15] = 1;
  EXPECT_EQ(IpAddress::from(reinterpret_cast<const sockaddr*>(&mapped)), ip("127.0.0.1"));
}

TEST(IpAddressTest, TakesAnyOtherFamilyForTheZeroAddress) {
  sockaddr unix_socket{};
  unix_socket.sa_family = AF_UNIX;
  EXPECT_EQ(IpAddress::from(&unix_socket), IpAddress());
  EXPECT_EQ(IpAddress::from(nullptr), IpAddress());
}

TEST(IpAddressTest, RefusesWhatIsNoAddress) {
  for (const char* text : {"", " ", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ",
                           " 1.2.3.4", ":::", "::g", "[::1]", "fe80::1%eth0", "localhost", "10"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0", 8)));
  EXPECT_FALSE(IpAddress::parse(std::string(100'000, '1')));
}

TEST(IpNetworkTest, ContainsItsAddressesAndNoOthers) {
  const auto ten = IpNetwork::parse("10.0.0.0/8").value();
  EXPECT_TRUE(ten.contains(ip("10.255.0.1")));
  EXPECT_TRUE(ten.contains(ip("::ffff:10.1.2.3")));
  EXPECT_FALSE(ten.contains(ip("11.0.0.0")));
  EXPECT_FALSE(ten.contains(ip("a00::1")));

  const auto odd = IpNetwork::parse("192.0.2.128/25").value();
  EXPECT_TRUE(odd.contains(ip("192.0.2.255")));
  EXPECT_FALSE(odd.contains(ip("192.0.2.127")));

  const auto v6 = IpNetwork::parse("2001:db8::/33").value();
  EXPECT_TRUE(v6.contains(ip("2001:db8:7fff::1")));
  EXPECT_FALSE(v6.contains(ip("2001:db8:8000::1")));
}

TEST(IpNetworkTest, EverythingOfOneFamilyIsNotTheOther) {
  const auto all6 = IpNetwork::parse("::/0").value();
  EXPECT_TRUE(all6.contains(ip("2001:db8::1")));
  EXPECT_FALSE(all6.contains(ip("192.0.2.1")));
  const auto all4 = IpNetwork::parse("0.0.0.0/0").value();
  EXPECT_TRUE(all4.contains(ip("192.0.2.1")));
  EXPECT_FALSE(all4.contains(ip("::1")));
}

TEST(IpNetworkTest, ABareAddressIsANetworkOfOne) {
  const auto one = IpNetwork::parse("192.0.2.1").value();
  EXPECT_EQ(one.to_string(), "192.0.2.1/32");
  EXPECT_TRUE(one.contains(ip("192.0.2.1")));
  EXPECT_FALSE(one.contains(ip("192.0.2.2")));
  EXPECT_EQ(IpNetwork::parse("::1").value().to_string(), "::1/128");
}

TEST(IpNetworkTest, MappedNetworksBecomeIpv4) {
  EXPECT_EQ(IpNetwork::parse("::ffff:10.0.0.0/104").value().to_string(), "10.0.0.0/8");
  EXPECT_EQ(IpNetwork::parse("::ffff:10.0.0.1").value().to_string(), "10.0.0.1/32");
  EXPECT_THAT(reason(IpNetwork::parse("::ffff:0.0.0.0/95")), HasSubstr("as IPv4"));
}

TEST(IpNetworkTest, RefusesHostBitsBecauseTheyAreMostlyATypingError) {
  EXPECT_THAT(reason(IpNetwork::parse("10.0.0.1/8")), HasSubstr("beyond the prefix of 8 bits"));
  EXPECT_THAT(reason(IpNetwork::parse("2001:db8::1/64")), HasSubstr("beyond the prefix"));
}

TEST(IpNetworkTest, RefusesOddPrefixes) {
  for (const char* text :
       {"10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/ 8", "10.0.0.0/8/8",
        "::/129", "10.0.0.0/4294967304", "/8", "10/8", "10.0.0.0/255.0.0.0"}) {
    EXPECT_FALSE(IpNetwork::parse(text)) << text;
  }
}

TEST(IpNetworkTest, AListContainsWhatOneOfItContains) {
  const std::vector<IpNetwork> list{IpNetwork::parse("10.0.0.0/8").value(),
                                    IpNetwork::parse("::1").value()};
  EXPECT_TRUE(any_contains(list, ip("::1")));
  EXPECT_FALSE(any_contains(list, ip("127.0.0.1")));
  EXPECT_FALSE(any_contains({}, ip("127.0.0.1")));
}

TEST(PeerAddressTest, PrintsAddressAndPort) {
  EXPECT_EQ((PeerAddress{ip("192.0.2.1"), 4711}).to_string(), "192.0.2.1:4711");
  EXPECT_EQ((PeerAddress{ip("2001:db8::1"), 4711}).to_string(), "[2001:db8::1]:4711");
  EXPECT_EQ((PeerAddress{{}, 0, true}).to_string(), "unix");
}

TEST(EndpointTest, ReadsEveryForm) {
  EXPECT_EQ(Endpoint::parse("mail.example.com:995").value(),
            (Endpoint{"mail.example.com", 995, ""}));
  EXPECT_EQ(Endpoint::parse("192.0.2.1:110").value(), (Endpoint{"192.0.2.1", 110, ""}));
  EXPECT_EQ(Endpoint::parse(":995").value(), (Endpoint{"", 995, ""}));
  EXPECT_EQ(Endpoint::parse(":0").value(), (Endpoint{"", 0, ""}));
  EXPECT_EQ(Endpoint::parse("[::1]:995").value(), (Endpoint{"::1", 995, ""}));
  EXPECT_EQ(Endpoint::parse("[::]:995").value(), (Endpoint{"::", 995, ""}));
  EXPECT_EQ(Endpoint::parse("mail_1.example.:65535").value(),
            (Endpoint{"mail_1.example.", 65535, ""}));
  const auto unix_socket = Endpoint::parse("unix:/run/x.sock").value();
  EXPECT_TRUE(unix_socket.is_unix());
  EXPECT_EQ(unix_socket, (Endpoint{"", 0, "/run/x.sock"}));
}

TEST(EndpointTest, PrintsWhatItReads) {
  for (const char* text : {"mail:995", ":995", "[::1]:995", "unix:/run/x.sock", "192.0.2.1:0"}) {
    EXPECT_EQ(Endpoint::parse(text).value().to_string(), text);
  }
}

TEST(EndpointTest, TakesTheDefaultPortWhereNoneIsNamed) {
  EXPECT_EQ(Endpoint::parse("mail", 110).value().port, 110);
  EXPECT_EQ(Endpoint::parse("[::1]", 110).value(), (Endpoint{"::1", 110, ""}));
  EXPECT_EQ(Endpoint::parse("mail:995", 110).value().port, 995);
  EXPECT_THAT(reason(Endpoint::parse("mail")), HasSubstr("port is missing"));
  EXPECT_THAT(reason(Endpoint::parse("[::1]")), HasSubstr("port is missing"));
  EXPECT_THAT(reason(Endpoint::parse("", 110)), HasSubstr("port is missing"));
}

TEST(EndpointTest, RefusesOddPorts) {
  for (const char* text : {"host:", "host:65536", "host:+5", "host: 5", "host:5 ", "host:-1",
                           "host:0x10", "host:000110", "host:99999999999", "[::1]995", "[::1]:"}) {
    EXPECT_THAT(reason(Endpoint::parse(text, 110)), HasSubstr("number from 0 to 65535")) << text;
  }
}

TEST(EndpointTest, AsksForBracketsAroundIpv6) {
  EXPECT_THAT(reason(Endpoint::parse("::1", 110)), HasSubstr("in brackets"));
  EXPECT_THAT(reason(Endpoint::parse("2001:db8::1:995")), HasSubstr("in brackets"));
  for (const char* text :
       {"[]:995", "[::1:995", "[192.0.2.1]:995", "[mail]:995", "[fe80::1%0]:1"}) {
    EXPECT_THAT(reason(Endpoint::parse(text)), HasSubstr("stands an IPv6 address")) << text;
  }
}

TEST(EndpointTest, RefusesNamesThatAreNone) {
  for (const char* text : {"10.1:995", "1:1", "1.2.3.4.5:1", "256.1.1.1:1", ".mail:1", "a..b:1",
                           "a b:1", "*:995", "pop3s://mail:1", "user@mail:1", "h\xc3\xb6st:1"}) {
    EXPECT_FALSE(Endpoint::parse(text)) << text;
  }
  EXPECT_TRUE(Endpoint::parse(std::string(253, 'a') + ":1"));
  EXPECT_FALSE(Endpoint::parse(std::string(254, 'a') + ":1"));
}

TEST(EndpointTest, SeesThatAColonWasForgotten) {
  EXPECT_THAT(reason(Endpoint::parse("995")), HasSubstr("write \":995\""));
}

TEST(EndpointTest, KeepsUnixPathsWithinTheSystemsLimit) {
  EXPECT_TRUE(Endpoint::parse("unix:/" + std::string(106, 'x')));
  EXPECT_THAT(reason(Endpoint::parse("unix:/" + std::string(107, 'x'))), HasSubstr("at most 107"));
  EXPECT_THAT(reason(Endpoint::parse("unix:run/x")), HasSubstr("start with /"));
  EXPECT_THAT(reason(Endpoint::parse("unix:")), HasSubstr("start with /"));
  EXPECT_FALSE(Endpoint::parse(std::string_view("unix:/a\0b", 9)));
}

TEST(EndpointTest, ErrorsAreShortAndInert) {
  EXPECT_LT(reason(Endpoint::parse(std::string(1'000'000, 'x') + ":1")).size(), 300u);
  EXPECT_EQ(reason(Endpoint::parse("\x1b[31m:1\r\n")).find_first_of("\x1b\r\n"), std::string::npos);
}

}  // namespace
}  // namespace gatepost
