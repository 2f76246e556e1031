// The writer of proxy/net/proxy_protocol.h, and that its reader understands it.

#include <gtest/gtest.h>

#include "proxy/net/crc32c.h"
#include "proxy/net/proxy_protocol.h"
#include "tests/support/leak_check.h"

namespace gatepost::net {
namespace {

using namespace std::string_literals;
using ::gatepost::testing::TestPool;
using Outcome = ProxyHeaderReader::Outcome;

PeerAddress at(std::string_view ip, std::uint16_t port) {
  return {.ip = *IpAddress::parse(ip), .port = port, .unix_socket = false};
}

ClientFacts client(std::string_view address = "203.0.113.9",
                   std::string_view local = "198.51.100.1") {
  ClientFacts facts;
  facts.address = at(address, 5555);
  facts.local = at(local, 995);
  return facts;
}

PeerAddress unix_socket() { return {.ip = {}, .port = 0, .unix_socket = true}; }

/// What the reader makes of a header.
ClientFacts read(const std::string& header) {
  TestPool pool;
  ByteChain in(pool, header + "+OK");
  ProxyHeaderReader reader;
  EXPECT_EQ(reader.next(in), Outcome::header) << reader.error();
  EXPECT_EQ(in.to_string(), "+OK");
  ClientFacts facts;
  reader.apply(facts);
  return facts;
}

TEST(ProxyHeaderTest, Version1) {
  EXPECT_EQ(proxy_header_v1(client()), "PROXY TCP4 203.0.113.9 198.51.100.1 5555 995\r\n");
  EXPECT_EQ(proxy_header_v1(client("2001:db8::9", "2001:db8::1")),
            "PROXY TCP6 2001:db8::9 2001:db8::1 5555 995\r\n");
}

TEST(ProxyHeaderTest, Version1OfTwoFamiliesIsMapped) {
  EXPECT_EQ(proxy_header_v1(client("203.0.113.9", "2001:db8::1")),
            "PROXY TCP6 ::ffff:203.0.113.9 2001:db8::1 5555 995\r\n");
  EXPECT_EQ(proxy_header_v1(client("2001:db8::9", "198.51.100.1")),
            "PROXY TCP6 2001:db8::9 ::ffff:198.51.100.1 5555 995\r\n");
}

TEST(ProxyHeaderTest, AnUnknownDestinationIsZero) {
  ClientFacts facts = client();
  facts.local = unix_socket();
  EXPECT_EQ(proxy_header_v1(facts), "PROXY TCP4 203.0.113.9 0.0.0.0 5555 0\r\n");
  EXPECT_EQ(read(proxy_header_v2(facts)).local.to_string(), "0.0.0.0:0");
  facts.address = at("2001:db8::9", 5555);
  EXPECT_EQ(proxy_header_v1(facts), "PROXY TCP6 2001:db8::9 :: 5555 0\r\n");
  EXPECT_EQ(read(proxy_header_v2(facts)).local.to_string(), "[::]:0");
}

TEST(ProxyHeaderTest, WithoutAnAddressItSpeaksOfNoClient) {
  ClientFacts facts = client();
  facts.secure = true;
  facts.session_id = "id";
  facts.address = unix_socket();
  for (const ClientFacts& nobody : {facts, ClientFacts()}) {
    EXPECT_EQ(proxy_header_v1(nobody), "PROXY UNKNOWN\r\n");
    EXPECT_EQ(proxy_header_v2(nobody), "\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"s);
  }
}

TEST(ProxyHeaderTest, Version2OfAPlainClient) {
  const std::string expected =
      "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x13"
      "\xcb\x00\x71\x09\xc6\x33\x64\x01\x15\xb3\x03\xe3"
      "\x03\x00\x04"s;
  const std::string header = proxy_header_v2(client());
  ASSERT_EQ(header.size(), expected.size() + 4);
  EXPECT_EQ(header.substr(0, expected.size()), expected);
  const std::uint32_t crc = crc32c(expected + "\0\0\0\0"s);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(static_cast<unsigned char>(header[expected.size() + i]), crc >> (24 - 8 * i) & 0xff);
  }
}

TEST(ProxyHeaderTest, Version2OfTwoFamiliesIsMapped) {
  const std::string header = proxy_header_v2(client("203.0.113.9", "2001:db8::1"));
  EXPECT_EQ(header.substr(12, 4), "\x21\x21\x00\x2b"s);
  EXPECT_EQ(header.substr(16, 16), "\0\0\0\0\0\0\0\0\0\0\xff\xff\xcb\x00\x71\x09"s);
  EXPECT_EQ(read(header).address.to_string(), "203.0.113.9:5555");
  EXPECT_EQ(read(header).local.to_string(), "[2001:db8::1]:995");
}

TEST(ProxyHeaderTest, Version2CarriesWhatIsKnownOfTls) {
  ClientFacts facts = client();
  facts.secure = true;
  facts.tls_version = "TLSv1.3";
  facts.tls_cipher = "AES";
  facts.certificate = "O=Example,CN=joe";
  facts.server_name = "a.example";
  facts.session_id = "id";
  const std::string header = proxy_header_v2(facts);
  const std::string tlvs =
      "\x02\x00\x09"
      "a.example\x05\x00\x02id"
      "\x20\x00\x1b\x07\x00\x00\x00\x00"
      "\x21\x00\x07TLSv1.3\x22\x00\x03joe\x23\x00\x03"
      "AES\x03\x00\x04"s;
  EXPECT_EQ(header.substr(28, header.size() - 28 - 4), tlvs);

  facts.certificate = "";
  EXPECT_NE(proxy_header_v2(facts).find("\x20\x00\x15\x01\x00\x00\x00\x01\x21"s), std::string::npos)
      << "no certificate: one bit, and not verified";
}

TEST(ProxyHeaderTest, TheReaderGetsBackWhatTheWriterSaid) {
  for (const auto& [address, local] : {std::pair("203.0.113.9", "198.51.100.1"),
                                       {"2001:db8::9", "2001:db8::1"},
                                       {"203.0.113.9", "2001:db8::1"},
                                       {"2001:db8::9", "198.51.100.1"}}) {
    ClientFacts facts = client(address, local);
    for (const std::string& v1_or_v2 : {proxy_header_v1(facts), proxy_header_v2(facts)}) {
      EXPECT_EQ(read(v1_or_v2).address.to_string(), facts.address.to_string());
      EXPECT_EQ(read(v1_or_v2).local.to_string(), facts.local.to_string());
    }
    facts.secure = true;
    facts.tls_version = "TLSv1.2";
    facts.tls_cipher = "ECDHE-RSA-AES128-GCM-SHA256";
    facts.server_name = "pop.example.com";
    facts.session_id = "0-1f";
    for (const std::string certificate :
         {"", "CN=joe", "CN=joe\\,O=Example", "CN=\\ #\\+\\\\\\ ", "CN=b\\C3\\BC"}) {
      facts.certificate = certificate;
      const ClientFacts said = read(proxy_header_v2(facts));
      EXPECT_TRUE(said.secure);
      EXPECT_EQ(said.tls_version, facts.tls_version);
      EXPECT_EQ(said.tls_cipher, facts.tls_cipher);
      EXPECT_EQ(said.server_name, facts.server_name);
      EXPECT_EQ(said.session_id, facts.session_id);
      EXPECT_EQ(said.certificate, certificate);
    }
  }
}

TEST(ProxyHeaderTest, FindsTheCommonNameInASubject) {
  ClientFacts facts = client();
  facts.secure = true;
  for (const auto& [subject, expected] : {std::pair("O=Example,CN=joe", "CN=joe"),
                                          {"O=CN\\=x\\,CN\\=y, CN=joe", "CN=joe"},
                                          {"OU=a+CN=joe,C=DE", "CN=joe"},
                                          {"O=Example", ""},
                                          {"CN=", ""},
                                          {"CN=\\", "CN=\\\\"},
                                          {"O=a\\,CN=b", ""}}) {
    facts.certificate = subject;
    EXPECT_EQ(read(proxy_header_v2(facts)).certificate, expected) << subject;
  }
}

TEST(ProxyHeaderTest, LeavesOutWhatNoReceiverTakes) {
  ClientFacts facts = client();
  facts.secure = true;
  facts.session_id = std::string(ProxyHeaderReader::kMaxUniqueId + 1, 'i');
  facts.tls_cipher = std::string(ProxyHeaderReader::kMaxTlsName + 1, 'c');
  facts.server_name = std::string(70'000, 'n');
  facts.certificate = "CN=" + std::string(70'000, 'n');
  const std::string header = proxy_header_v2(facts);
  EXPECT_LT(header.size(), 100U);
  EXPECT_TRUE(read(header).secure);
}

}  // namespace
}  // namespace gatepost::net
