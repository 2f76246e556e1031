#include "proxy/pop3/command.h"

#include <gtest/gtest.h>

#include "proxy/pop3/sasl.h"

namespace gatepost::pop3 {
namespace {

Command parse(std::string_view line) {
  Result<Command> parsed = parse_command(line);
  EXPECT_TRUE(parsed) << line << ": " << (parsed ? "" : parsed.error().detail);
  return parsed ? *parsed : Command();
}

::testing::AssertionResult refused(std::string_view line) {
  const Result<Command> parsed = parse_command(line);
  if (parsed) return ::testing::AssertionFailure() << line << " was taken";
  if (parsed.error().code != ErrorCode::protocol) {
    return ::testing::AssertionFailure() << line << " has the wrong code";
  }
  if (parsed.error().detail.empty()) return ::testing::AssertionFailure() << line << " has no text";
  return ::testing::AssertionSuccess();
}

TEST(CommandTest, VerbsAreCaseBlind) {
  for (const std::string_view line : {"STAT", "stat", "sTaT"}) {
    EXPECT_EQ(parse(line).verb, Verb::stat);
  }
}

TEST(CommandTest, EveryVerbKnowsItsName) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(Verb::unknown); ++i) {
    const Verb verb = static_cast<Verb>(i);
    std::string line(to_string(verb));
    if (verb == Verb::user || verb == Verb::pass) line += " x";
    if (verb == Verb::apop) line += " x 0123456789abcdef0123456789abcdef";
    if (verb == Verb::retr || verb == Verb::dele) line += " 1";
    if (verb == Verb::top) line += " 1 0";
    EXPECT_EQ(parse(line).verb, verb) << line;
  }
  EXPECT_EQ(to_string(Verb::unknown), "OTHER");
}

TEST(CommandTest, VerbsWeDoNotKnowAreUnknownAndNoError) {
  for (const std::string_view line : {"UTF9", "XOIP 192.0.2.1", "XTND XMIT", "STATX", "ST",
                                      "RETR\t1", "LAST", "EHLO mail.example", "stat\xC3\xA9"}) {
    EXPECT_EQ(parse(line).verb, Verb::unknown) << line;
    EXPECT_EQ(parse(line).text, "") << line;
  }
}

TEST(CommandTest, EmptyLineAndLeadingBlankAreRefused) {
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused(" "));
  EXPECT_TRUE(refused(" NOOP"));
}

TEST(CommandTest, BlanksAtTheEndAreForgivenWhereNoTextStands) {
  for (const std::string_view line : {"NOOP ", "STAT  ", "QUIT ", "CAPA ", "STLS ", "RSET "}) {
    EXPECT_NE(parse(line).verb, Verb::unknown) << line;
  }
  EXPECT_EQ(parse("LIST ").reply_shape(), ReplyShape::multi);
  EXPECT_EQ(parse("RETR 5  ").message, 5U);
  EXPECT_EQ(parse("TOP 5 7 ").lines, 7U);
  EXPECT_EQ(parse("AUTH ").text, "");
}

TEST(CommandTest, NothingStandsWhereNothingMayStand) {
  for (const std::string_view line :
       {"STAT x", "STLS now", "QUIT 1", "NOOP 1", "RSET 1", "CAPA x", "RETR 1 2", "DELE 1 2",
        "LIST 1 2", "UIDL 1 2", "TOP 1 2 3", "STAT  x"}) {
    EXPECT_TRUE(refused(line));
  }
}

TEST(CommandTest, OneBlankStandsBetweenWords) {
  EXPECT_TRUE(refused("RETR  5"));
  EXPECT_TRUE(refused("TOP 1  2"));
  EXPECT_TRUE(refused("TOP  1 2"));
  EXPECT_TRUE(refused("AUTH  PLAIN"));
  EXPECT_TRUE(refused("AUTH PLAIN  AAA="));
}

TEST(CommandTest, NumbersAreNumbers) {
  EXPECT_EQ(parse("RETR 1").message, 1U);
  EXPECT_EQ(parse("DELE 0000000000000000000000042").message, 42U);
  EXPECT_EQ(parse("LIST 2147483647").message, kMaxNumber);
  for (const std::string_view word :
       {"", "0", "00", "-1", "+1", "1.0", "0x1", "1a", "one", "2147483648", "4294967297",
        "18446744073709551617", "99999999999999999999999999", "\xD9\xA1"}) {
    EXPECT_TRUE(refused("RETR " + std::string(word)));
  }
  EXPECT_TRUE(refused("RETR"));
  EXPECT_TRUE(refused("DELE"));
}

TEST(CommandTest, TopTakesAMessageWithLines) {
  const Command top = parse("top 3 0");
  EXPECT_EQ(top.verb, Verb::top);
  EXPECT_EQ(top.message, 3U);
  EXPECT_EQ(top.lines, 0U);
  EXPECT_EQ(parse("TOP 1 2147483647").lines, kMaxNumber);
  for (const std::string_view line : {"TOP", "TOP 1", "TOP 1 ", "TOP 1 x", "TOP x 1", "TOP 0 1",
                                      "TOP 1 -1", "TOP 2147483648 1"}) {
    EXPECT_TRUE(refused(line));
  }
}

TEST(CommandTest, TopForMoreLinesThanFitGetsAsManyAsFit) {
  EXPECT_EQ(parse("TOP 1 2147483648").lines, kMaxNumber);
  EXPECT_EQ(parse("TOP 1 99999999999999999999999").lines, kMaxNumber);
  EXPECT_EQ(parse("TOP 1 99999999999999999999999").wire(), "TOP 1 2147483647\r\n");
}

TEST(CommandTest, UserIsTheRestOfTheLine) {
  EXPECT_EQ(parse("user joe").text, "joe");
  EXPECT_EQ(parse("USER joe at home ").text, "joe at home ");
  EXPECT_EQ(parse("USER  joe").text, " joe");
  EXPECT_EQ(parse("USER j\xC3\xB6\tx").text, "j\xC3\xB6\tx");
  EXPECT_TRUE(refused("USER"));
  EXPECT_TRUE(refused("USER "));
  EXPECT_TRUE(refused("USER   "));
}

TEST(CommandTest, UserHasALimit) {
  EXPECT_EQ(parse("USER " + std::string(kMaxUserName, 'x')).text.size(), kMaxUserName);
  EXPECT_TRUE(refused("USER " + std::string(kMaxUserName + 1, 'x')));
}

TEST(CommandTest, PassIsTheRestOfTheLineByteForByte) {
  EXPECT_EQ(parse("PASS secret").text, "secret");
  EXPECT_EQ(parse("pass   two words  ").text, "  two words  ");
  EXPECT_EQ(parse("PASS  ").text, " ");
  EXPECT_EQ(parse("PASS \x01\t\x1F\x7F\x80\xFF").text, "\x01\t\x1F\x7F\x80\xFF");
  EXPECT_TRUE(refused("PASS"));
  EXPECT_TRUE(refused("PASS "));
}

TEST(CommandTest, PassHasALimit) {
  EXPECT_EQ(parse("PASS " + std::string(kMaxPassword, 'x')).text.size(), kMaxPassword);
  EXPECT_TRUE(refused("PASS " + std::string(kMaxPassword + 1, 'x')));
}

TEST(CommandTest, LineBreakersAreRefusedEverywhere) {
  for (const char c : {'\0', '\r', '\n'}) {
    for (const std::string_view start : {"PASS a", "USER a", "NOOP", "XYZ a", "APOP a"}) {
      EXPECT_TRUE(refused(std::string(start) + c));
      EXPECT_TRUE(refused(std::string(start) + c + "b"));
    }
  }
}

TEST(CommandTest, ControlCharactersAreRefusedOutsidePass) {
  for (int c = 1; c < 0x20; ++c) {
    if (c == '\t') continue;
    EXPECT_TRUE(refused(std::string("USER a") + static_cast<char>(c)));
    EXPECT_TRUE(refused(std::string("XYZ a") + static_cast<char>(c)));
  }
  EXPECT_TRUE(refused("USER a\x7F"));
}

TEST(CommandTest, ApopTakesANameWithADigest) {
  const Command apop = parse("APOP joe c4c9334bac560ecc979e58001b3e22fb");
  EXPECT_EQ(apop.verb, Verb::apop);
  EXPECT_EQ(apop.text, "joe");
  EXPECT_EQ(apop.digest, "c4c9334bac560ecc979e58001b3e22fb");
  const Command blanks = parse("apop joe  doe c4c9334bac560ecc979e58001b3e22fb ");
  EXPECT_EQ(blanks.text, "joe  doe");
  EXPECT_EQ(blanks.digest, "c4c9334bac560ecc979e58001b3e22fb");
  for (const std::string_view line :
       {"APOP", "APOP joe", "APOP joe c4c9334bac560ecc979e58001b3e22f",
        "APOP joe C4C9334BAC560ECC979E58001B3E22FB", "APOP joe c4c9334bac560ecc979e58001b3e22fbb",
        "APOP joe g4c9334bac560ecc979e58001b3e22fb", "APOP  c4c9334bac560ecc979e58001b3e22fb",
        "APOP c4c9334bac560ecc979e58001b3e22fb"}) {
    EXPECT_TRUE(refused(line)) << line;
  }
}

TEST(CommandTest, XclientKeepsItsText) {
  EXPECT_EQ(parse("XCLIENT ADDR=192.0.2.1 PORT=1").verb, Verb::xclient);
  EXPECT_EQ(parse("xclient ADDR=192.0.2.1 PORT=1").text, "ADDR=192.0.2.1 PORT=1");
  EXPECT_EQ(parse("XCLIENT").text, "");
}

TEST(CommandTest, Utf8TakesNoArgument) {
  EXPECT_EQ(parse("utf8 ").verb, Verb::utf8);
  EXPECT_EQ(parse("UTF8").wire(), "UTF8\r\n");
  EXPECT_TRUE(refused("UTF8 USER"));
}

TEST(CommandTest, LangTakesALanguageTagOrNothing) {
  EXPECT_EQ(parse("LANG").text, "");
  EXPECT_EQ(parse("LANG").reply_shape(), ReplyShape::multi);
  EXPECT_EQ(parse("LANG").wire(), "LANG\r\n");
  for (const std::string_view tag : {"de", "i-default", "zh-Hans-CN", "*"}) {
    const Command lang = parse("lang " + std::string(tag));
    EXPECT_EQ(lang.text, tag);
    EXPECT_EQ(lang.reply_shape(), ReplyShape::single);
    EXPECT_EQ(lang.wire(), "LANG " + std::string(tag) + "\r\n");
  }
  EXPECT_EQ(parse("LANG " + std::string(kMaxLanguageTag, 'x')).text.size(), kMaxLanguageTag);
  EXPECT_TRUE(refused("LANG " + std::string(kMaxLanguageTag + 1, 'x')));
  for (const std::string_view line : {"LANG de en", "LANG d.e", "LANG d\xC3\xA9", "LANG ;"}) {
    EXPECT_TRUE(refused(line)) << line;
  }
}

TEST(CommandTest, AuthTakesAMechanismWithAnInitialResponse) {
  EXPECT_EQ(parse("AUTH").text, "");
  EXPECT_EQ(parse("auth plain").text, "PLAIN");
  EXPECT_FALSE(parse("AUTH PLAIN").initial_response);
  EXPECT_EQ(parse("AUTH scram-sha-256").text, "SCRAM-SHA-256");
  EXPECT_EQ(parse("AUTH PLAIN AGpvZQB4+/=").initial_response, "AGpvZQB4+/=");
  EXPECT_EQ(parse("AUTH LOGIN =").initial_response, "=");
  EXPECT_EQ(parse("AUTH X2345678901234567_90").text, "X2345678901234567_90");
  for (const std::string_view line :
       {"AUTH X23456789012345678901", "AUTH PL.AIN", "AUTH \xC3\xA9", "AUTH PLAIN a b",
        "AUTH PLAIN a*", "AUTH =", "AUTH PLAIN -"}) {
    EXPECT_TRUE(refused(line));
  }
}

TEST(CommandTest, ReplyShapesFollowTheRfcs) {
  for (const std::string_view line : {"LIST", "UIDL", "RETR 1", "TOP 1 0", "CAPA", "AUTH"}) {
    EXPECT_EQ(parse(line).reply_shape(), ReplyShape::multi) << line;
  }
  for (const std::string_view line :
       {"LIST 1", "UIDL 1", "STAT", "DELE 1", "NOOP", "RSET", "QUIT", "STLS", "USER a", "PASS a",
        "APOP a 0123456789abcdef0123456789abcdef", "AUTH PLAIN", "UTF8", "XCLIENT A=b", "XYZ"}) {
    EXPECT_EQ(parse(line).reply_shape(), ReplyShape::single) << line;
  }
}

TEST(CommandTest, WireIsBuiltAnewFromTheParts) {
  EXPECT_EQ(parse("retr 0005 ").wire(), "RETR 5\r\n");
  EXPECT_EQ(parse("top 2 010").wire(), "TOP 2 10\r\n");
  EXPECT_EQ(parse("top 2 0").wire(), "TOP 2 0\r\n");
  EXPECT_EQ(parse("list").wire(), "LIST\r\n");
  EXPECT_EQ(parse("list 3").wire(), "LIST 3\r\n");
  EXPECT_EQ(parse("quit ").wire(), "QUIT\r\n");
  EXPECT_EQ(parse("capa").wire(), "CAPA\r\n");
  EXPECT_EQ(parse("stls").wire(), "STLS\r\n");
}

TEST(CommandTest, ErrorTextHoldsNothingOfThePeer) {
  for (const std::string_view line :
       {"RETR sesame", "STAT sesame", "AUTH PLAIN sesame!", "AUTH sesame.", "TOP 1 sesame",
        "USER sesame\x01", "APOP sesame", "APOP joe sesame", "LANG sesame!"}) {
    const Result<Command> parsed = parse_command(line);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().detail.find("sesame"), std::string::npos);
  }
}

}  // namespace
}  // namespace gatepost::pop3
