#include "proxy/pop3/sasl.h"

#include <gtest/gtest.h>

#include "tests/unit/pop3/chop.h"

namespace gatepost::pop3 {
namespace {

using Step = SaslDialog::Step;

std::string plain(std::string_view authzid, std::string_view user, std::string_view password) {
  std::string message(authzid);
  message.append(1, '\0').append(user).append(1, '\0').append(password);
  return base64_encode(message);
}

SaslDialog dialog(std::string_view mechanism) { return std::move(*SaslDialog::start(mechanism)); }

Step login(std::string_view user, std::string_view password) {
  SaslDialog login = dialog("LOGIN");
  EXPECT_EQ(login.begin(std::nullopt), Step::challenge);
  const Step step = login.respond(base64_encode(user));
  return step == Step::challenge ? login.respond(base64_encode(password)) : step;
}

TEST(Base64Test, FollowsTheExamplesOfTheRfc) {
  const std::pair<std::string_view, std::string_view> examples[] = {{"", ""},
                                                                    {"f", "Zg=="},
                                                                    {"fo", "Zm8="},
                                                                    {"foo", "Zm9v"},
                                                                    {"foob", "Zm9vYg=="},
                                                                    {"fooba", "Zm9vYmE="},
                                                                    {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : examples) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text), bytes);
  }
}

TEST(Base64Test, EveryOctetComesBack) {
  std::mt19937 random(test::seed());
  for (std::size_t size = 0; size < 300; ++size) {
    std::string bytes;
    while (bytes.size() < size) bytes += static_cast<char>(random() & 0xFF);
    ASSERT_EQ(base64_decode(base64_encode(bytes)), bytes) << "seed " << test::seed();
  }
}

TEST(Base64Test, IsStrict) {
  for (const std::string_view text :
       {"Z", "Zg", "Zg=", "Zg===", "=", "==", "===", "====", "Z===", "Zg==Zg==", "Z=g=", "Zm9v\r\n",
        " Zm9v", "Zm 9v", "Zm-_", "Zh==", "Zm9=", "Zm8\xFF"}) {
    EXPECT_FALSE(base64_decode(text)) << text;
  }
  EXPECT_FALSE(base64_decode(std::string_view("Zm\0v", 4)));
}

TEST(SaslTest, OnlyPlainWithLoginAreSpoken) {
  EXPECT_TRUE(SaslDialog::start("PLAIN"));
  EXPECT_TRUE(SaslDialog::start("LOGIN"));
  for (const std::string_view name : {"", "CRAM-MD5", "XOAUTH2", "plain", "PLAIN ", "EXTERNAL"}) {
    EXPECT_FALSE(SaslDialog::start(name)) << name;
  }
}

TEST(SaslTest, PlainWithInitialResponse) {
  SaslDialog sasl = dialog("PLAIN");
  ASSERT_EQ(sasl.begin(plain("", "joe", " se cret ")), Step::done);
  const Credentials credentials = sasl.take_credentials();
  EXPECT_EQ(credentials.user, "joe");
  EXPECT_EQ(credentials.password.reveal(), " se cret ");
}

TEST(SaslTest, PlainWithChallenge) {
  SaslDialog sasl = dialog("PLAIN");
  ASSERT_EQ(sasl.begin(std::nullopt), Step::challenge);
  EXPECT_EQ(sasl.challenge(), "+ \r\n");
  ASSERT_EQ(sasl.respond(plain("joe", "joe", "secret")), Step::done);
  EXPECT_EQ(sasl.take_credentials().user, "joe");
}

TEST(SaslTest, PlainForAnotherUserIsRefused) {
  EXPECT_EQ(dialog("PLAIN").begin(plain("admin", "joe", "secret")), Step::failed);
}

TEST(SaslTest, PlainRefusesMessagesThatAreNone) {
  for (const std::string_view message :
       {std::string_view(""), std::string_view("joe"), std::string_view("\0joe", 4),
        std::string_view("\0\0", 2), std::string_view("\0joe\0", 5),
        std::string_view("\0\0secret", 8), std::string_view("\0joe\0sec\0ret", 12),
        std::string_view("joe\0joe\0secret\0", 15)}) {
    EXPECT_EQ(dialog("PLAIN").begin(base64_encode(message)), Step::failed);
  }
  EXPECT_EQ(dialog("PLAIN").begin("="), Step::failed);
}

TEST(SaslTest, LoginAsksForBoth) {
  SaslDialog sasl = dialog("LOGIN");
  ASSERT_EQ(sasl.begin(std::nullopt), Step::challenge);
  EXPECT_EQ(sasl.challenge(), "+ VXNlcm5hbWU6\r\n");
  ASSERT_EQ(sasl.respond(base64_encode("joe")), Step::challenge);
  EXPECT_EQ(sasl.challenge(), "+ UGFzc3dvcmQ6\r\n");
  ASSERT_EQ(sasl.respond(base64_encode("secret")), Step::done);
  const Credentials credentials = sasl.take_credentials();
  EXPECT_EQ(credentials.user, "joe");
  EXPECT_EQ(credentials.password.reveal(), "secret");
}

TEST(SaslTest, LoginTakesTheUserAsInitialResponse) {
  SaslDialog sasl = dialog("LOGIN");
  ASSERT_EQ(sasl.begin(base64_encode("joe")), Step::challenge);
  EXPECT_EQ(sasl.challenge(), "+ UGFzc3dvcmQ6\r\n");
  EXPECT_EQ(sasl.respond(base64_encode("secret")), Step::done);
}

TEST(SaslTest, DecodedLineBreakersAreRefused) {
  for (const char c : {'\0', '\r', '\n'}) {
    const std::string bad = std::string("a") + c + "DELE 1";
    EXPECT_EQ(login(bad, "secret"), Step::failed);
    EXPECT_EQ(login("joe", bad), Step::failed);
    EXPECT_EQ(dialog("PLAIN").begin(plain("", bad, "secret")), Step::failed);
    EXPECT_EQ(dialog("PLAIN").begin(plain("", "joe", bad)), Step::failed);
  }
}

TEST(SaslTest, ControlCharactersInUserAreRefused) {
  EXPECT_EQ(login("joe\x1B", "secret"), Step::failed);
  EXPECT_EQ(dialog("PLAIN").begin(plain("", "joe\x7F", "secret")), Step::failed);
  EXPECT_EQ(login("joe", "\x1B\x01"), Step::done);
}

TEST(SaslTest, EmptyValuesAreRefused) {
  EXPECT_EQ(login("", "secret"), Step::failed);
  EXPECT_EQ(login(" ", "secret"), Step::failed);
  EXPECT_EQ(login("joe", ""), Step::failed);
  EXPECT_EQ(dialog("LOGIN").begin("="), Step::failed);
}

TEST(SaslTest, ValuesHaveLimits) {
  EXPECT_EQ(login(std::string(kMaxUserName, 'x'), "secret"), Step::done);
  EXPECT_EQ(login(std::string(kMaxUserName + 1, 'x'), "secret"), Step::failed);
  EXPECT_EQ(login("joe", std::string(kMaxPassword, 'x')), Step::done);
  EXPECT_EQ(login("joe", std::string(kMaxPassword + 1, 'x')), Step::failed);
  EXPECT_EQ(dialog("PLAIN").begin(plain("", std::string(kMaxUserName + 1, 'x'), "y")),
            Step::failed);
  EXPECT_EQ(dialog("PLAIN").begin(plain("", "joe", std::string(kMaxPassword + 1, 'x'))),
            Step::failed);
}

TEST(SaslTest, StarCancels) {
  for (const std::string_view mechanism : {"PLAIN", "LOGIN"}) {
    SaslDialog sasl = dialog(mechanism);
    ASSERT_EQ(sasl.begin(std::nullopt), Step::challenge);
    EXPECT_EQ(sasl.respond("*"), Step::failed);
    EXPECT_FALSE(sasl.error().empty());
  }
}

TEST(SaslTest, CommandsInTheDialogAreResponses) {
  for (const std::string_view line : {"STLS", "QUIT", "CAPA", "NOOP", "USER joe"}) {
    SaslDialog sasl = dialog("PLAIN");
    ASSERT_EQ(sasl.begin(std::nullopt), Step::challenge);
    EXPECT_EQ(sasl.respond(line), Step::failed) << line;
  }
}

TEST(SaslTest, NothingFollowsTheEnd) {
  SaslDialog good = dialog("PLAIN");
  ASSERT_EQ(good.begin(plain("", "joe", "secret")), Step::done);
  EXPECT_EQ(good.respond(plain("", "eve", "secret")), Step::failed);
  EXPECT_TRUE(good.take_credentials().password.empty());
  SaslDialog bad = dialog("PLAIN");
  ASSERT_EQ(bad.begin("!"), Step::failed);
  EXPECT_EQ(bad.respond(plain("", "joe", "secret")), Step::failed);
}

TEST(SaslTest, ErrorTextHoldsNoSecret) {
  SaslDialog sasl = dialog("PLAIN");
  ASSERT_EQ(sasl.begin(plain("eve", "joe", "secret")), Step::failed);
  EXPECT_EQ(sasl.error().find("joe"), std::string::npos);
  EXPECT_EQ(sasl.error().find("secret"), std::string::npos);
}

TEST(SaslTest, MessageTowardsUpstreamIsPlain) {
  const Credentials credentials{"joe", Secret("secret")};
  EXPECT_EQ(sasl_plain_message(credentials.user, credentials.password.reveal()),
            plain("", "joe", "secret"));
}

TEST(SaslTest, SafeArgumentsAreOneLine) {
  EXPECT_TRUE(is_safe_argument(" a\x01\xFF"));
  EXPECT_TRUE(is_safe_argument(std::string(kMaxPassword, 'x')));
  EXPECT_FALSE(is_safe_argument(std::string(kMaxPassword + 1, 'x')));
  EXPECT_FALSE(is_safe_argument(""));
  EXPECT_FALSE(is_safe_argument("a\rb"));
  EXPECT_FALSE(is_safe_argument("a\nb"));
  EXPECT_FALSE(is_safe_argument(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace gatepost::pop3
