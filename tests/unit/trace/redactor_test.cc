#include "proxy/trace/redactor.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "proxy/pop3/sasl.h"
#include "tests/support/chop.h"

namespace gatepost::trace {
namespace {

const std::string kKey = "a key for tests";

/// Both directions of a connection, in turns.
struct Wire {
  explicit Wire(bool messages = false, bool keep_names = false)
      : names(kKey, keep_names), redactor(names, known, messages) {}
  std::string client(std::string_view text) {
    std::string out;
    redactor.commands(text, out);
    return out;
  }
  std::string server(std::string_view text) {
    std::string out;
    redactor.replies(text, out);
    return out;
  }
  Names names;
  Confidences known;
  Redactor redactor;
};

TEST(Names, KeepLengthCaseAndWhatStandsBetweenWords) {
  const Names names(kKey, false);
  const std::string joe = names.of("joe.Blogs42@example.org");
  EXPECT_EQ(joe.size(), 23U);
  EXPECT_EQ(joe[3], '.');
  EXPECT_EQ(joe[11], '@');
  EXPECT_TRUE(joe[4] >= 'A' && joe[4] <= 'Z');
  EXPECT_TRUE(joe[9] >= '0' && joe[9] <= '9');
  EXPECT_FALSE(joe.contains("joe"));
  EXPECT_EQ(names.of("joe%example"), names.of("joe") + "%" + names.of("example"));
  EXPECT_EQ(names.of_form("{local}%{domain}.example"), "{local}%{domain}." + names.of("example"));
  EXPECT_NE(Names("another key", false).of("joe"), names.of("joe"));
  EXPECT_EQ(Names(kKey, true).of("joe"), "joe");
}

TEST(Names, StayUtf8) {
  const std::string name = Names(kKey, false).of("j\xC3\xB6rg");
  EXPECT_EQ(name.size(), 5U);
  EXPECT_EQ(name[1], '\xC3');
  EXPECT_EQ(static_cast<unsigned char>(name[2]) & 0xC0U, 0x80U);
}

TEST(Redactor, MasksPasswordsOfAnyForm) {
  Wire wire;
  const std::string joe = wire.names.of("joe");
  EXPECT_EQ(wire.client("user joe\r\n"), "user " + joe + "\r\n");
  EXPECT_EQ(wire.client("PASS secret word\r\n"), "PASS ***********\r\n");
  EXPECT_EQ(wire.client("APOP joe c4c9334bac560ecc979e58001b3e22fb\r\n"),
            "APOP " + joe + " 00000000000000000000000000000000\r\n");
  const std::string plain = pop3::base64_encode(std::string("\0joe\0secret word", 16));
  const std::string masked =
      pop3::base64_encode(std::string("\0", 1) + joe + std::string("\0***********", 12));
  EXPECT_EQ(wire.client("AUTH PLAIN " + plain + "\r\n"), "AUTH PLAIN " + masked + "\r\n");
  EXPECT_EQ(wire.client("AUTH PLAIN\r\n" + plain + "\r\n"), "AUTH PLAIN\r\n" + masked + "\r\n");
  EXPECT_EQ(wire.client("AUTH LOGIN\r\nam9l\r\nc2VjcmV0\r\n"),
            "AUTH LOGIN\r\n" + pop3::base64_encode(joe) + "\r\n" + pop3::base64_encode("******") +
                "\r\n");
  EXPECT_EQ(wire.client("AUTH CRAM-MD5\r\n" + pop3::base64_encode("joe 0123abcd") + "\r\n"),
            "AUTH CRAM-MD5\r\n" + pop3::base64_encode(joe + " 00000000") + "\r\n");
  EXPECT_EQ(wire.client("AUTH XOAUTH2 " +
                        pop3::base64_encode("user=joe\x01"
                                            "auth=Bearer token\x01\x01") +
                        "\r\n"),
            "AUTH XOAUTH2 " +
                pop3::base64_encode("user=" + joe +
                                    "\x01"
                                    "auth=Bearer *****\x01\x01") +
                "\r\n");
  EXPECT_EQ(wire.client("AUTH SCRAM-SHA-256 " + pop3::base64_encode("n,,n=joe,r=abc") + "\r\n"),
            "AUTH SCRAM-SHA-256 " + pop3::base64_encode("n,,n=" + joe + ",r=***") + "\r\n");
  EXPECT_EQ(wire.client("AUTH SECRETWORD!\r\n"), "AUTH ***********\r\n");
}

TEST(Redactor, WhatIsNoCommandMayBeAPassword) {
  Wire wire;
  EXPECT_EQ(wire.client("hunter2 and more\r\n"), "****************\r\n");
  EXPECT_EQ(wire.client("PASSsecret\r\n"), "**********\r\n");
  EXPECT_EQ(wire.client("AUTH PLAIN\r\nnot base64!\r\n*\r\nQUIT\r\n"),
            "AUTH PLAIN\r\n***********\r\n*\r\nQUIT\r\n");
  EXPECT_EQ(wire.client("GET /secret HTTP/1.1\r\n"), "GET ******* ********\r\n");
  EXPECT_EQ(wire.client("RETR 12\r\nDELE secret\r\n"), "RETR 12\r\nDELE xxxxxx\r\n");
}

TEST(Redactor, KeepsXclientWellFormed) {
  Wire wire;
  EXPECT_EQ(wire.client("XCLIENT ADDR=192.0.2.17 PORT=4711 SESSION=Ab-Zz TTL=6\r\n"),
            "XCLIENT ADDR=111.1.1.11 PORT=4711 SESSION=Aa-Xx TTL=6\r\n");
}

TEST(Redactor, MasksWhatAServerRepeats) {
  Wire wire;
  EXPECT_EQ(wire.server("+OK ready <1.2@host>\r\n"), "+OK ready <1.2@host>\r\n");
  static_cast<void>(wire.client("USER joe@home\r\nPASS secret\r\nSTAT\r\n"));
  EXPECT_EQ(wire.server("+OK JOE, not joey, of joe@home\r\n"),
            "+OK ***, not joey, of ********\r\n");
  EXPECT_EQ(wire.server("-ERR [AUTH] secret is no password; c2VjcmV0 neither\r\n"),
            "-ERR [AUTH] ****** is no password; ******** neither\r\n");
  EXPECT_EQ(wire.server("-ERR [secret]\r\n"), "-ERR [******]\r\n");
  EXPECT_EQ(wire.server("+OK nobody asked\r\nwhatever\r\n"), "+OK*************\r\n********\r\n");
}

TEST(Redactor, ShowsPromptsButNoOtherChallenges) {
  Wire wire;
  static_cast<void>(wire.server("+OK\r\n"));
  static_cast<void>(wire.client("AUTH LOGIN\r\nam9l\r\nAUTH CRAM-MD5\r\n"));
  EXPECT_EQ(wire.server("+ VXNlcm5hbWU6\r\n"), "+ VXNlcm5hbWU6\r\n");
  EXPECT_EQ(wire.server("+ UGFzc3dvcmQ6\r\n"), "+ UGFzc3dvcmQ6\r\n");
  EXPECT_EQ(wire.server("+ PDEuMkBob3N0Pg==\r\n"), "+ KioqKioqKioqKg==\r\n");
}

constexpr std::string_view kMessage =
    "+OK 120 octets\r\n"
    "From: Joe <joe@example.org>\r\n"
    "Subject: =?utf-8?q?Caf=C3=A9?=\r\n"
    " goes on: here\r\n"
    "no field at all\r\n"
    "\r\n"
    "Dear Joe: the code is 1234 \xC3\xA9\r\n"
    "..dots\r\n"
    "bare\nlf\r\n"
    ".\r\n"
    "+OK 7\r\n";
constexpr std::string_view kMasked =
    "+OK 120 octets\r\n"
    "From: xxx <xxx@xxxxxxx.xxx>\r\n"
    "Subject: =?xxx-9?x?xxx=x9=x9?=\r\n"
    " xxxx xx: xxxx\r\n"
    "xx xxxxx xx xxx\r\n"
    "\r\n"
    "xxxx xxx: xxx xxxx xx 9999 \xFF\xFF\r\n"
    "..xxxx\r\n"
    "xxxx\nxx\r\n"
    ".\r\n"
    "+OK 7\r\n";

TEST(Redactor, MasksMessagesWhateverTheChunks) {
  testing::for_each_chopping([](testing::Chopping& chopping) {
    Wire wire;
    static_cast<void>(wire.server("+OK\r\n"));
    static_cast<void>(wire.client("RETR 1\r\nSTAT\r\n"));
    std::string all;
    for (const std::string_view piece : chopping.cut(kMessage)) all += wire.server(piece);
    EXPECT_EQ(all, kMasked);
  });
}

TEST(Redactor, MasksCommandsWhateverTheChunks) {
  constexpr std::string_view kSaid =
      "USER joe\r\nPASS a b\r\nAUTH LOGIN\r\nam9l\r\nc2VjcmV0\r\n"
      "RETR 1\r\njunk\n\r\nTOP 1 2\r\n";
  const std::string whole = Wire().client(kSaid);
  testing::for_each_chopping([&](testing::Chopping& chopping) {
    Wire wire;
    std::string all;
    for (const std::string_view piece : chopping.cut(kSaid)) all += wire.client(piece);
    EXPECT_EQ(all, whole);
    EXPECT_EQ(all.size(), kSaid.size());
  });
}

TEST(Redactor, AFullTraceHasMessagesButNoPasswords) {
  Wire wire(true);
  static_cast<void>(wire.server("+OK\r\n"));
  static_cast<void>(wire.client("PASS secret\r\nRETR 1\r\n"));
  EXPECT_EQ(wire.server("+OK\r\n+OK\r\nYour password is secret\r\n.\r\n"),
            "+OK\r\n+OK\r\nYour password is ******\r\n.\r\n");
}

TEST(Redactor, HoldsNoMoreThanALine) {
  Wire wire;
  const std::string line(Redactor::kMaxHeldLine + 1, 'a');
  EXPECT_EQ(wire.client(line), std::string(line.size(), '*'));
  EXPECT_EQ(wire.client("PASS x\r\nSTAT\r\n"), "******\r\nSTAT\r\n");
}

TEST(Redactor, TheRestOfALineThatWasGivenUpStaysMasked) {
  Wire wire;
  EXPECT_EQ(wire.client("PASS "), "");
  std::string out;
  wire.redactor.flush_commands(out);
  EXPECT_EQ(out, "*****");
  EXPECT_EQ(wire.client("QUIT\r\nQUIT\r\n"), "****\r\nQUIT\r\n");
}

TEST(Redactor, NamesOfFieldsHaveALimit) {
  Wire wire;
  static_cast<void>(wire.server("+OK\r\n"));
  static_cast<void>(wire.client("RETR 1\r\n"));
  const std::string name(BodyMask::kMaxName, 'A');
  EXPECT_EQ(wire.server("+OK\r\n" + name + ": b\r\nB" + name + ": b\r\n.\r\n"),
            "+OK\r\n" + name + ": x\r\n" + std::string(name.size() + 1, 'x') + ": x\r\n.\r\n");
}

TEST(Confidences, TooManyMaskEverything) {
  Confidences known;
  for (std::size_t i = 0; i <= Confidences::kMaxConfidences; ++i) {
    known.add_secret("secret" + std::to_string(i));
  }
  std::string text = " any text";
  known.mask_status(text);
  EXPECT_EQ(text, " *** ****");
}

}  // namespace
}  // namespace gatepost::trace
