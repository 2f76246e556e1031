#include "proxy/net/proxy_protocol.h"

#include <gtest/gtest.h>

#include "proxy/net/crc32c.h"
#include "tests/support/chop.h"
#include "tests/support/leak_check.h"

namespace gatepost::net {
namespace {

using namespace std::string_literals;
using ::gatepost::testing::Chopping;
using ::gatepost::testing::for_each_chopping;
using ::gatepost::testing::TestPool;
using Outcome = ProxyHeaderReader::Outcome;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string kTcp4 = "\xcb\x00\x71\x09\xc6\x33\x64\x01\x15\xb3\x03\xe3"s;
const std::string kFollowing = "USER joe\r\nPROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n";

std::string u16(std::size_t number) {
  return {static_cast<char>(number >> 8), static_cast<char>(number & 0xff)};
}
std::string tlv(int type, std::string_view value) {
  return std::string(1, static_cast<char>(type)) + u16(value.size()) + std::string(value);
}
std::string v2(std::string_view body, int command = 0x21, int family = 0x11) {
  return kSignature + static_cast<char>(command) + static_cast<char>(family) + u16(body.size()) +
         std::string(body);
}
/// With a CRC32C as the first TLV of `tlvs`, which stand behind the TCP4 addresses.
std::string v2_with_checksum(const std::string& tlvs, std::uint32_t change = 0) {
  std::string header = v2(kTcp4 + tlv(3, "\0\0\0\0"s) + tlvs);
  const std::uint32_t crc = crc32c(header) ^ change;
  return header.replace(16 + kTcp4.size() + 3, 4, u16(crc >> 16) + u16(crc & 0xffff));
}
std::string ssl(int client, std::uint32_t verify, const std::string& subs) {
  return tlv(0x20, std::string(1, static_cast<char>(client)) + u16(verify >> 16) +
                       u16(verify & 0xffff) + subs);
}

class ProxyProtocolTest : public ::testing::Test {
 protected:
  ProxyProtocolTest() {
    socket_.address = {.ip = *IpAddress::parse("10.0.0.1"), .port = 1, .unix_socket = false};
    socket_.local = {.ip = *IpAddress::parse("10.0.0.2"), .port = 2, .unix_socket = false};
  }

  /// Feeds `header` and what follows it in pieces; what follows must stay.
  Outcome read(const std::string& header, Chopping& chopping) {
    reader_ = ProxyHeaderReader();
    ByteChain in;
    Outcome outcome = Outcome::need_data;
    const std::string text = header + kFollowing;
    for (const std::string_view piece : chopping.cut(text)) {
      in.append(pool_, piece);
      outcome = reader_.next(in);
    }
    if (outcome == Outcome::header) {
      EXPECT_EQ(in.to_string(), kFollowing);
      EXPECT_EQ(reader_.error(), "");
    }
    EXPECT_EQ(reader_.next(in), outcome) << "it stays so";
    return outcome;
  }
  Outcome read(const std::string& header) {
    Chopping whole(Chopping::Kind::whole);
    return read(header, whole);
  }

  /// What is known after `header`, starting from the socket's facts.
  ClientFacts facts(const std::string& header) {
    EXPECT_EQ(read(header), Outcome::header) << reader_.error();
    ClientFacts facts = socket_;
    reader_.apply(facts);
    return facts;
  }
  std::string addresses(const std::string& header) {
    const ClientFacts said = facts(header);
    return said.address.to_string() + " " + said.local.to_string();
  }
  /// The error in every chopping; "" when there is none.
  std::string error(const std::string& header) {
    std::string first;
    for_each_chopping([&](Chopping& chopping) {
      const bool failed = read(header, chopping) == Outcome::error;
      EXPECT_EQ(failed, !reader_.error().empty());
      if (chopping.kind() == Chopping::Kind::whole) first = reader_.error();
      EXPECT_EQ(reader_.error(), first);
    });
    return first;
  }

  TestPool pool_;
  ClientFacts socket_;
  ProxyHeaderReader reader_;
};

const std::string kSocket = "10.0.0.1:1 10.0.0.2:2";
const std::string kV1 = "PROXY TCP4 203.0.113.9 198.51.100.1 5555 995\r\n";
const std::string kClient = "203.0.113.9:5555 198.51.100.1:995";

TEST_F(ProxyProtocolTest, Version1NamesClientAndDestination) {
  EXPECT_EQ(addresses(kV1), kClient);
  EXPECT_EQ(addresses("PROXY TCP6 2001:db8::9 2001:DB8::1 65535 0\r\n"),
            "[2001:db8::9]:65535 [2001:db8::1]:0");
  EXPECT_EQ(addresses("PROXY TCP6 ::ffff:203.0.113.9 ::1 1 2\r\n"), "203.0.113.9:1 [::1]:2");
  EXPECT_FALSE(facts(kV1).secure);
}

TEST_F(ProxyProtocolTest, Version1UnknownLeavesTheSocketsAddresses) {
  EXPECT_EQ(addresses("PROXY UNKNOWN\r\n"), kSocket);
  EXPECT_EQ(addresses("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"), kSocket);
  EXPECT_EQ(addresses("PROXY UNKNOWN " + std::string(107 - 16, 'x') + "\r\n"), kSocket);
}

TEST_F(ProxyProtocolTest, Version1IsStrict) {
  const std::string bad[] = {
      "PROXY TCP4 203.0.113.9 198.51.100.1 5555 995\n",
      "PROXY TCP4 203.0.113.9 198.51.100.1 5555 995 \r\n",
      "PROXY TCP4 203.0.113.9 198.51.100.1 5555 995 1\r\n",
      "PROXY TCP4 203.0.113.9 198.51.100.1 5555  995\r\n",
      "PROXY TCP4  203.0.113.9 198.51.100.1 5555 995\r\n",
      "PROXY  TCP4 203.0.113.9 198.51.100.1 5555 995\r\n",
      "PROXY TCP4\t203.0.113.9 198.51.100.1 5555 995\r\n",
      "PROXY TCP4 203.0.113.9 198.51.100.1 05555 995\r\n",
      "PROXY TCP4 203.0.113.9 198.51.100.1 5555 00\r\n",
      "PROXY TCP4 203.0.113.9 198.51.100.1 65536 995\r\n",
      "PROXY TCP4 203.0.113.9 198.51.100.1 -1 995\r\n",
      "PROXY TCP4 203.0.113.9 198.51.100.1 +1 995\r\n",
      "PROXY TCP4 203.0.113.9 198.51.100.1 0x1 995\r\n",
      "PROXY TCP4 203.0.113.9 198.51.100.1  995\r\n",
      "PROXY TCP4 203.0.113.9 198.51.100.1 5555\r\n",
      "PROXY TCP4 203.0.113.9 198.51.100.1 5555 995\r\r\n",
      "PROXY TCP4 203.0.113.09 198.51.100.1 5555 995\r\n",
      "PROXY TCP4 203.0.113 198.51.100.1 5555 995\r\n",
      "PROXY TCP4 ::1 ::2 5555 995\r\n",
      "PROXY TCP4 ::ffff:203.0.113.9 198.51.100.1 5555 995\r\n",
      "PROXY TCP6 203.0.113.9 198.51.100.1 5555 995\r\n",
      "PROXY TCP6 [::1] ::2 5555 995\r\n",
      "PROXY TCP6 fe80::1%eth0 ::2 5555 995\r\n",
      "PROXY UDP4 203.0.113.9 198.51.100.1 5555 995\r\n",
      "PROXY tcp4 203.0.113.9 198.51.100.1 5555 995\r\n",
      "proxy TCP4 203.0.113.9 198.51.100.1 5555 995\r\n",
      "PROXY TCP4 203.0.113.9\0 198.51.100.1 5555 995\r\n"s,
      "PROXY UNKNOWNX\r\n",
      "PROXY UNKNOWN\n",
      "PROXY \r\n",
      "PROXY\r\n",
      "\r\n",
  };
  for (const std::string& header : bad) EXPECT_NE(error(header), "") << header;
}

TEST_F(ProxyProtocolTest, Version1EndsWithin107Octets) {
  const std::string longest = "PROXY UNKNOWN " + std::string(ProxyHeaderReader::kMaxV1 - 16, 'x');
  ASSERT_EQ((longest + "\r\n").size(), ProxyHeaderReader::kMaxV1);
  EXPECT_EQ(error(longest + "\r\n"), "");
  EXPECT_EQ(error(longest + "x\r\n"), "version 1: no CRLF within 107 octets");
  EXPECT_EQ(error("PROXY TCP4 " + std::string(5000, '1')), "version 1: no CRLF within 107 octets");
}

TEST_F(ProxyProtocolTest, RefusesWhatIsNoHeader) {
  for (const std::string& text :
       {"USER joe\r\n"s, "\x16\x03\x01\x02"s, "PROXZ TCP4"s, "\0"s, "\r\n\r\n\0\r\nQUIT\r\n"s}) {
    EXPECT_EQ(error(text), "not a PROXY header");
  }
}

TEST_F(ProxyProtocolTest, Version2NamesClientAndDestination) {
  EXPECT_EQ(addresses(v2(kTcp4)), kClient);
  const std::string source = "\x20\x01\x0d\xb8" + std::string(11, '\0') + "\x09";
  const std::string mapped = std::string(10, '\0') + "\xff\xff\xc0\x00\x02\x07"s;
  EXPECT_EQ(addresses(v2(source + mapped + u16(1) + u16(2), 0x21, 0x21)),
            "[2001:db8::9]:1 192.0.2.7:2");
}

TEST_F(ProxyProtocolTest, ReadsTheHeaderInAnyPieces) {
  const std::string tlvs = tlv(2, "pop.example.com") + tlv(5, "id-1") +
                           ssl(1, 0, tlv(0x21, "TLSv1.3")) + tlv(4, std::string(300, 'x'));
  for (const std::string& header : {kV1, v2(kTcp4), v2(kTcp4 + tlvs), v2_with_checksum(tlvs)}) {
    for_each_chopping([&](Chopping& chopping) {
      ASSERT_EQ(read(header, chopping), Outcome::header) << reader_.error();
      ClientFacts said = socket_;
      reader_.apply(said);
      EXPECT_EQ(said.address.to_string() + " " + said.local.to_string(), kClient);
    });
  }
}

TEST_F(ProxyProtocolTest, WaitsForTheRestOfEveryTruncation) {
  for (const std::string& header : {kV1, v2(kTcp4), v2_with_checksum(tlv(2, "pop.example.com"))}) {
    for (std::size_t size = 0; size < header.size(); ++size) {
      ProxyHeaderReader reader;
      ByteChain in(pool_, header.substr(0, size));
      EXPECT_EQ(reader.next(in), Outcome::need_data) << size;
      EXPECT_TRUE(in.empty());
      ClientFacts untouched = socket_;
      reader.apply(untouched);
      EXPECT_EQ(untouched.address.to_string(), "10.0.0.1:1");
      in.append(pool_, header.substr(size) + "x");
      EXPECT_EQ(reader.next(in), Outcome::header);
      EXPECT_EQ(in.to_string(), "x");
    }
  }
}

TEST_F(ProxyProtocolTest, Version2WithoutAClientLeavesTheFacts) {
  const std::string tlvs = tlv(2, "pop.example.com") + tlv(5, "id-1") + ssl(1, 0, "");
  const std::string unix_ends(216, 'u');
  for (const std::string& header :
       {v2("", 0x20, 0x00), v2(kTcp4 + tlvs, 0x20, 0x11), v2("garbage", 0x20, 0xff),
        v2("", 0x21, 0x00), v2("garbage", 0x21, 0x00), v2(unix_ends, 0x21, 0x31),
        v2(unix_ends + tlvs, 0x21, 0x31)}) {
    const ClientFacts said = facts(header);
    EXPECT_EQ(said.address.to_string() + " " + said.local.to_string(), kSocket);
    EXPECT_FALSE(said.secure);
    EXPECT_EQ(said.server_name + said.session_id + said.tls_version, "");
  }
}

TEST_F(ProxyProtocolTest, Version2RefusesWhatItDoesNotSpeak) {
  for (const int command : {0x00, 0x10, 0x11, 0x22, 0x2f, 0x31, 0xff}) {
    EXPECT_EQ(error(v2(kTcp4, command)), "version 2: unknown version or command") << command;
  }
  for (const int family : {0x01, 0x10, 0x12, 0x13, 0x20, 0x22, 0x30, 0x32, 0x41, 0xff}) {
    EXPECT_NE(error(v2(std::string(216, 'x'), 0x21, family)), "") << family;
  }
}

TEST_F(ProxyProtocolTest, Version2RefusesAHeaderTooShortForItsAddresses) {
  EXPECT_NE(error(v2("", 0x21, 0x11)), "");
  EXPECT_NE(error(v2(kTcp4.substr(1), 0x21, 0x11)), "");
  EXPECT_NE(error(v2(std::string(35, 'x'), 0x21, 0x21)), "");
  EXPECT_NE(error(v2(std::string(215, 'x'), 0x21, 0x31)), "");
}

TEST_F(ProxyProtocolTest, Version2HasALimit) {
  const std::size_t room = ProxyHeaderReader::kMaxV2 - kTcp4.size() - 3;
  EXPECT_EQ(addresses(v2(kTcp4 + tlv(0xe0, std::string(room, 'x')))), kClient);
  EXPECT_EQ(error(v2(kTcp4 + tlv(0xe0, std::string(room + 1, 'x')))),
            "version 2: longer than 16 KiB");
}

TEST_F(ProxyProtocolTest, AuthorityBecomesTheServerName) {
  EXPECT_EQ(facts(v2(kTcp4 + tlv(2, "Pop.Example.COM"))).server_name, "pop.example.com");
  for (const std::string& odd : {""s, "192.0.2.1"s, "a b"s, "a..b"s, "a\0b"s, "a\r\nb"s,
                                 std::string(254, 'a'), "b\xc3\xbc.example"s}) {
    EXPECT_EQ(facts(v2(kTcp4 + tlv(2, odd))).server_name, "") << odd;
  }
}

TEST_F(ProxyProtocolTest, UniqueIdBecomesTheSessionId) {
  const auto id = [&](const std::string& value) {
    return facts(v2(kTcp4 + tlv(5, value))).session_id;
  };
  EXPECT_EQ(id("CB007109:15B3_C6336401:03E3_5F"), "CB007109:15B3_C6336401:03E3_5F");
  EXPECT_EQ(id("\x01\xfe z"s), "01fe207a") << "not printable: hex";
  EXPECT_EQ(id("a b"), "612062");
  const std::size_t most = ProxyHeaderReader::kMaxUniqueId;
  EXPECT_EQ(id(std::string(most, 'i')), std::string(most, 'i'));
  EXPECT_EQ(id(std::string(most + 1, 'i')), "");
  EXPECT_EQ(id(std::string(most / 2, '\1')).size(), most);
  EXPECT_EQ(id(std::string(most / 2 + 1, '\1')), "");
}

const std::string kSubs =
    tlv(0x21, "TLSv1.3") + tlv(0x22, "joe") + tlv(0x23, "TLS_AES_128_GCM_SHA256") + tlv(0x24, "x");

TEST_F(ProxyProtocolTest, SslSaysWhatTheClientsTlsIs) {
  const ClientFacts said = facts(v2(kTcp4 + ssl(7, 0, kSubs)));
  EXPECT_TRUE(said.secure);
  EXPECT_EQ(said.tls_version, "TLSv1.3");
  EXPECT_EQ(said.tls_cipher, "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(said.certificate, "CN=joe");
  EXPECT_TRUE(facts(v2(kTcp4 + ssl(1, 1, ""))).secure);
}

TEST_F(ProxyProtocolTest, SslWithoutItsClientBitSaysNothing) {
  const ClientFacts said = facts(v2(kTcp4 + ssl(6, 0, kSubs)));
  EXPECT_FALSE(said.secure);
  EXPECT_EQ(said.tls_version + said.tls_cipher + said.certificate, "");
}

TEST_F(ProxyProtocolTest, OnlyAVerifiedCertificateHasASubject) {
  EXPECT_EQ(facts(v2(kTcp4 + ssl(1, 0, kSubs))).certificate, "") << "none was shown";
  EXPECT_EQ(facts(v2(kTcp4 + ssl(3, 1, kSubs))).certificate, "");
  EXPECT_EQ(facts(v2(kTcp4 + ssl(3, 0x1000000, kSubs))).certificate, "");
  EXPECT_EQ(facts(v2(kTcp4 + ssl(3, 0, kSubs))).certificate, "CN=joe");
  EXPECT_EQ(facts(v2(kTcp4 + ssl(5, 0, kSubs))).certificate, "CN=joe") << "of a resumed session";
}

TEST_F(ProxyProtocolTest, ACommonNameIsEscaped) {
  const auto subject = [&](const std::string& name) {
    return facts(v2(kTcp4 + ssl(3, 0, tlv(0x22, name)))).certificate;
  };
  EXPECT_EQ(subject("joe,O=Example"), "CN=joe\\,O=Example");
  EXPECT_EQ(subject("a+b\"c\\d<e>f;g h"), "CN=a\\+b\\\"c\\\\d\\<e\\>f\\;g h");
  EXPECT_EQ(subject(" #a# "), "CN=\\ #a#\\ ");
  EXPECT_EQ(subject("#"), "CN=\\#");
  EXPECT_EQ(subject("b\xc3\xbc"), "CN=b\\C3\\BC");
  EXPECT_EQ(subject("joe\nroot"), "");
  EXPECT_EQ(subject("joe\0root"s), "");
  EXPECT_EQ(subject(""), "");
  EXPECT_EQ(subject(std::string(ProxyHeaderReader::kMaxCommonName, 'c')).size(),
            ProxyHeaderReader::kMaxCommonName + 3);
  EXPECT_EQ(subject(std::string(ProxyHeaderReader::kMaxCommonName + 1, 'c')), "");
}

TEST_F(ProxyProtocolTest, NamesOfTlsHaveALimit) {
  const std::string name(ProxyHeaderReader::kMaxTlsName, 'n');
  EXPECT_EQ(facts(v2(kTcp4 + ssl(1, 0, tlv(0x21, name)))).tls_version, name);
  EXPECT_EQ(facts(v2(kTcp4 + ssl(1, 0, tlv(0x21, name + "n")))).tls_version, "");
  EXPECT_EQ(facts(v2(kTcp4 + ssl(1, 0, tlv(0x23, "a\nb")))).tls_cipher, "");
}

TEST_F(ProxyProtocolTest, SkipsWhatItDoesNotKnow) {
  EXPECT_EQ(facts(v2(kTcp4 + tlv(4, "") + tlv(1, "pop3") + tlv(0x30, "ns") + tlv(0xe0, "x") +
                     tlv(2, "a.example") + tlv(4, "padding")))
                .server_name,
            "a.example");
}

TEST_F(ProxyProtocolTest, RefusesMalformedTlvs) {
  const std::string good = tlv(2, "a.example");
  EXPECT_NE(error(v2(kTcp4 + good + "\x02")), "");
  EXPECT_NE(error(v2(kTcp4 + good + "\x02\x00"s)), "");
  EXPECT_NE(error(v2(kTcp4 + good + "\x02\x00\x01"s)), "");
  EXPECT_NE(error(v2(kTcp4 + good + "\x04\xff\xff"s)), "");
  EXPECT_NE(error(v2(kTcp4 + tlv(0x20, ""))), "");
  EXPECT_NE(error(v2(kTcp4 + tlv(0x20, "\1\0\0\0"s))), "");
  EXPECT_NE(error(v2(kTcp4 + ssl(1, 0, "\x21"))), "");
  EXPECT_NE(error(v2(kTcp4 + ssl(1, 0, "\x21\x00\x05TLS"s) + good)), "");
  EXPECT_NE(error(v2(kTcp4 + ssl(0, 0, "\x21"))), "") << "also when it says nothing";
}

TEST_F(ProxyProtocolTest, TheChecksumCountsWherePresent) {
  EXPECT_EQ(facts(v2_with_checksum(tlv(2, "a.example"))).server_name, "a.example");
  for (int bit = 0; bit < 32; ++bit) {
    EXPECT_EQ(error(v2_with_checksum("", 1U << bit)), "version 2: the CRC32C is wrong");
  }
  std::string changed = v2_with_checksum(tlv(2, "a.example"));
  changed.back() ^= 1;
  EXPECT_EQ(error(changed), "version 2: the CRC32C is wrong");
  EXPECT_NE(error(v2(kTcp4 + tlv(3, ""))), "");
  EXPECT_NE(error(v2(kTcp4 + tlv(3, "12345"))), "");
  EXPECT_EQ(error(v2_with_checksum(tlv(3, "1234"))), "version 2: the CRC32C TLV is malformed");
}

}  // namespace
}  // namespace gatepost::net
