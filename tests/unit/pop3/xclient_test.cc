#include "proxy/pop3/xclient.h"

#include <gtest/gtest.h>

#include "proxy/base/dns_name.h"
#include "proxy/pop3/sasl.h"

namespace gatepost::pop3 {
namespace {

using namespace std::string_literals;

constexpr std::size_t kMostArguments = Xclient::kMaxLine - std::string_view("XCLIENT \r\n").size();

Xclient parse(std::string_view arguments) {
  auto said = parse_xclient(arguments);
  EXPECT_TRUE(said) << arguments;
  return said.value_or(Xclient());
}

/// The text for -ERR, "" when all is well.
std::string error(std::string_view arguments) {
  const auto said = parse_xclient(arguments);
  return said ? "" : said.error().detail;
}

TEST(XclientTest, ReadsWhatDovecotSends) {
  const Xclient said =
      parse("ADDR=203.0.113.9 PORT=5555 SESSION=abcDEF TTL=4 FORWARD=dGVuYW50PWFjbWU=");
  EXPECT_EQ(said.address->to_string(), "203.0.113.9");
  EXPECT_EQ(said.port, 5555);
  EXPECT_EQ(said.session, "abcDEF");
  EXPECT_EQ(said.hops, 4);
  EXPECT_EQ(said.forward, "dGVuYW50PWFjbWU=");
  EXPECT_FALSE(said.local_address || said.local_port || said.secure);
  EXPECT_EQ(said.server_name, "");
}

TEST(XclientTest, ReadsWhatNewerServersAdd) {
  const Xclient said = parse(
      "ADDR=2001:db8::9 DESTADDR=2001:db8::1 DESTPORT=995 DESTNAME=Pop.Example.com "
      "CLIENT-TRANSPORT=TLS");
  EXPECT_EQ(said.address->to_string(), "2001:db8::9");
  EXPECT_EQ(said.local_address->to_string(), "2001:db8::1");
  EXPECT_EQ(said.local_port, 995);
  EXPECT_EQ(said.server_name, "pop.example.com");
  EXPECT_EQ(said.secure, true);
  EXPECT_EQ(parse("CLIENT-TRANSPORT=insecure").secure, false);
}

TEST(XclientTest, KeysAreCaseBlindAndUnknownOnesIgnored) {
  const Xclient said = parse("addr=192.0.2.1 Port=1 X=y =z word  LOGIN=joe client-transport=tls");
  EXPECT_EQ(said.address->to_string(), "192.0.2.1");
  EXPECT_EQ(said.port, 1);
  EXPECT_EQ(said.secure, true);
  EXPECT_EQ(parse("PORT=1 PORT=2").port, 2) << "the last counts";
  EXPECT_FALSE(parse("").address);
  EXPECT_FALSE(parse("  ").address);
}

TEST(XclientTest, RefusesBadValues) {
  const std::string values[] = {"ADDR=",
                                "ADDR=joe",
                                "ADDR=IPV6:::1",
                                "ADDR=[::1]",
                                "ADDR=1.2.3",
                                "ADDR=192.0.2.1\t",
                                "PORT=",
                                "PORT=0",
                                "PORT=65536",
                                "PORT=-1",
                                "PORT=+1",
                                "PORT=1x",
                                "PORT=99999999999999999999",
                                "DESTADDR=x",
                                "DESTPORT=x",
                                "DESTPORT=0",
                                "TTL=",
                                "TTL=x",
                                "TTL=256",
                                "TTL=-1",
                                "CLIENT-TRANSPORT=",
                                "CLIENT-TRANSPORT=ssl",
                                "CLIENT-TRANSPORT=insecurely",
                                "DESTNAME=",
                                "DESTNAME=192.0.2.1",
                                "DESTNAME=a..b",
                                "DESTNAME=a/b",
                                "DESTNAME=a\0b"s,
                                "FORWARD=",
                                "FORWARD=x",
                                "FORWARD=dGV YW5",
                                "FORWARD=dGVuYW50PWFjbWV=",
                                "ADDR=192.0.2.1\0"s};
  for (const std::string& value : values) {
    const auto said = parse_xclient(value);
    ASSERT_FALSE(said) << value;
    EXPECT_EQ(said.error().code, ErrorCode::protocol);
    EXPECT_EQ(said.error().detail, "Invalid parameters");
    EXPECT_NE(error("PORT=1 " + value + " SESSION=a"), "");
  }
}

TEST(XclientTest, RefusesALoop) {
  EXPECT_EQ(parse("TTL=2").hops, 2);
  EXPECT_EQ(parse("TTL=255").hops, 255);
  for (const std::string_view ttl : {"TTL=1", "TTL=0", "TTL=5 TTL=1", "ttl=01"}) {
    const auto said = parse_xclient(ttl);
    ASSERT_FALSE(said) << ttl;
    EXPECT_EQ(said.error().code, ErrorCode::limit);
  }
}

TEST(XclientTest, IgnoresASessionThatIsTooLongOrStrange) {
  const std::string longest(Xclient::kMaxSession, 's');
  EXPECT_EQ(parse("SESSION=" + longest).session, longest);
  EXPECT_EQ(parse("SESSION=" + longest + "s").session, "");
  EXPECT_EQ(parse("SESSION=a\tb").session, "");
  EXPECT_EQ(parse("SESSION=a\xff").session, "");
  EXPECT_EQ(parse("SESSION=").session, "");
  EXPECT_EQ(parse("SESSION=a=b").session, "a=b");
}

TEST(XclientTest, ForwardHasALimit) {
  const std::string longest(Xclient::kMaxForward, 'A');
  EXPECT_EQ(parse("FORWARD=" + longest).forward, longest);
  EXPECT_NE(error("FORWARD=" + longest + "AAAA"), "");
}

TEST(XclientTest, TheLineHasALimit) {
  EXPECT_EQ(error("X=" + std::string(kMostArguments - 2, 'x')), "");
  const auto said = parse_xclient("X=" + std::string(kMostArguments - 1, 'x'));
  ASSERT_FALSE(said);
  EXPECT_EQ(said.error().code, ErrorCode::limit);
}

TEST(XclientTest, XoipIsAnAddress) {
  EXPECT_EQ(parse_xoip("192.0.2.1")->address->to_string(), "192.0.2.1");
  EXPECT_EQ(parse_xoip("2001:db8::1")->address->to_string(), "2001:db8::1");
  for (const std::string_view odd : {"", "x", "192.0.2.1 ", "192.0.2.1 1"}) {
    EXPECT_FALSE(parse_xoip(odd)) << odd;
  }
}

Xclient everything() {
  Xclient all;
  all.address = *IpAddress::parse("203.0.113.9");
  all.port = 5555;
  all.session = "abcDEF";
  all.hops = 4;
  all.secure = true;
  all.local_address = *IpAddress::parse("198.51.100.1");
  all.local_port = 995;
  all.server_name = "pop.example.com";
  all.forward = "dGVuYW50PWFjbWU=";
  return all;
}

TEST(XclientLineTest, SaysWhatIsSet) {
  EXPECT_EQ(xclient_line(everything()),
            "XCLIENT ADDR=203.0.113.9 PORT=5555 SESSION=abcDEF TTL=4 CLIENT-TRANSPORT=TLS "
            "DESTADDR=198.51.100.1 DESTPORT=995 DESTNAME=pop.example.com "
            "FORWARD=dGVuYW50PWFjbWU=\r\n");
  Xclient little;
  little.address = *IpAddress::parse("2001:db8::9");
  little.secure = false;
  EXPECT_EQ(xclient_line(little), "XCLIENT ADDR=2001:db8::9 CLIENT-TRANSPORT=insecure\r\n");
  EXPECT_EQ(xclient_line(Xclient()), "XCLIENT\r\n");
}

TEST(XclientLineTest, ComesBackWhole) {
  const std::string line = xclient_line(everything());
  const Xclient said = parse(std::string_view(line).substr(8, line.size() - 10));
  EXPECT_EQ(xclient_line(said), line);
}

TEST(XclientLineTest, LeavesOutWhatCouldNotBeRead) {
  Xclient odd;
  odd.port = 0;
  odd.local_port = 0;
  odd.hops = 1;
  odd.session = "a b";
  odd.server_name = "a\r\nQUIT";
  odd.forward = "dGVu\r\n";
  EXPECT_EQ(xclient_line(odd), "XCLIENT\r\n");
  odd.session = "a\r\nDELE";
  odd.forward = std::string(Xclient::kMaxForward + 4, 'A');
  odd.server_name = std::string(kMaxDnsName + 1, 'a');
  EXPECT_EQ(xclient_line(odd), "XCLIENT\r\n");
  odd.session = std::string(Xclient::kMaxSession + 1, 's');
  EXPECT_EQ(xclient_line(odd), "XCLIENT\r\n");
}

TEST(XclientLineTest, IsNeverTooLong) {
  Xclient longest = everything();
  const std::string ip = "2001:db8:1111:2222:3333:4444:5555:6666";
  longest.address = longest.local_address = *IpAddress::parse(ip);
  longest.session = std::string(Xclient::kMaxSession, 's');
  longest.secure = false;
  longest.port = longest.local_port = 65535;
  longest.hops = 255;
  const std::string label(kMaxDnsLabel, 'a');
  longest.server_name = label + "." + label + "." + label + "." + std::string(61, 'a');
  longest.forward = std::string(Xclient::kMaxForward, 'A');
  const std::string line = xclient_line(longest);
  EXPECT_LE(line.size(), Xclient::kMaxLine);
  EXPECT_NE(line.find(" DESTNAME=" + longest.server_name + " FORWARD=AAAA"), std::string::npos);
}

TEST(GreetingTest, OffersXclientAtItsVeryBeginning) {
  EXPECT_TRUE(greeting_offers_xclient("[XCLIENT] Dovecot ready."));
  EXPECT_TRUE(greeting_offers_xclient("[XCLIENT]"));
  for (const std::string_view text :
       {"", "Dovecot ready.", "Dovecot [XCLIENT] ready.", " [XCLIENT]", "[xclient]", "[XCLIENT"}) {
    EXPECT_FALSE(greeting_offers_xclient(text)) << text;
  }
}

TEST(GreetingTest, TheTimestampIsAMessageId) {
  const std::string stamp = "<1896.697170952@dbc.mtview.ca.us>";
  EXPECT_EQ(greeting_timestamp("POP3 server ready " + stamp), stamp);
  EXPECT_EQ(greeting_timestamp(stamp), stamp);
  EXPECT_EQ(greeting_timestamp(stamp + "."), stamp);
  EXPECT_EQ(greeting_timestamp("[XCLIENT] ready <joe> < a@b> " + stamp + " <x@y>"), stamp);
  EXPECT_EQ(greeting_timestamp("<<a@b>"), "<a@b>");
  for (const std::string_view text :
       {"", "ready", "<", "<>", "<@>", "<a@>", "<@b>", "<ab>", "<a@b", "a@b>", "<a b@c>", "<a@b@c>",
        "<a\t@b>", "<a@b\xff>", "<a@b <c", ">a@b<"}) {
    EXPECT_EQ(greeting_timestamp(text), "") << text;
  }
}

TEST(GreetingTest, ATimestampHasALimit) {
  const std::string longest = "<a@" + std::string(kMaxTimestamp - 4, 'b') + ">";
  EXPECT_EQ(greeting_timestamp(longest), longest);
  EXPECT_EQ(greeting_timestamp("<a@" + std::string(kMaxTimestamp - 3, 'b') + ">"), "");
}

}  // namespace
}  // namespace gatepost::pop3
