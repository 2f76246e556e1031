#include "proxy/pop3/server_codec.h"

#include <gmock/gmock.h>

#include "tests/unit/pop3/chop.h"

namespace gatepost::pop3 {
namespace {

using test::Pieces;
using testing::ElementsAre;
using Event = ServerCodec::Event;
using Mode = ServerCodec::Mode;
using Transcript = std::vector<std::string>;

std::string describe(const Command& command) {
  std::string text(to_string(command.verb));
  if (!command.text.empty()) text += " '" + command.text + "'";
  if (command.initial_response) text += " initial " + *command.initial_response;
  if (command.message) text += " #" + std::to_string(*command.message);
  return text;
}

/// What a session would hear. AUTH without initial response changes to mode sasl, a line back.
Transcript listen(const Pieces& pieces, Mode mode = Mode::login) {
  test::Source source;
  ServerCodec codec;
  codec.set_mode(mode);
  Transcript heard;
  ByteChain in;
  for (const std::string_view piece : pieces) {
    in.append(source.chain(piece));
    for (bool more = true; more;) {
      switch (codec.next(in)) {
        case Event::need_data:
          EXPECT_TRUE(in.empty());
          more = false;
          break;
        case Event::command:
          heard.push_back(describe(codec.command()));
          if (codec.command().verb == Verb::auth) codec.set_mode(Mode::sasl);
          break;
        case Event::bad_command:
          heard.push_back("-ERR " + codec.error());
          codec.set_mode(mode);
          break;
        case Event::sasl_line:
          heard.push_back("sasl '" + std::string(codec.sasl_line()) + "'");
          codec.set_mode(mode);
          break;
        case Event::protocol_error:
          EXPECT_EQ(codec.next(in), Event::protocol_error);
          heard.push_back("broken: " + codec.error());
          return heard;
      }
    }
  }
  return heard;
}

Transcript listen_chopped(std::string_view text, Mode mode = Mode::login) {
  const Transcript whole = listen({text}, mode);
  for (const Pieces& pieces : test::choppings(text)) {
    EXPECT_EQ(listen(pieces, mode), whole) << "seed " << test::seed();
  }
  return whole;
}

TEST(ServerCodecTest, ReadsASessionHoweverItIsChopped) {
  EXPECT_THAT(
      listen_chopped("CAPA\r\nuser joe\r\nPASS  a b \r\nSTAT\r\nRETR 1\r\nXYZ\r\nQUIT\r\n"),
      ElementsAre("CAPA", "USER 'joe'", "PASS ' a b '", "STAT", "RETR #1", "OTHER", "QUIT"));
}

TEST(ServerCodecTest, TakesOneLineACall) {
  test::Source source;
  ServerCodec codec;
  ByteChain in = source.chain("STLS\r\nUSER eve\r\n");
  ASSERT_EQ(codec.next(in), Event::command);
  EXPECT_EQ(codec.command().verb, Verb::stls);
  EXPECT_EQ(in.to_string(), "USER eve\r\n");
  EXPECT_FALSE(codec.mid_line());
}

TEST(ServerCodecTest, HalfALineIsMidLine) {
  test::Source source;
  ServerCodec codec;
  ByteChain in = source.chain("STLS\r\nUS");
  ASSERT_EQ(codec.next(in), Event::command);
  ASSERT_EQ(codec.next(in), Event::need_data);
  EXPECT_TRUE(codec.mid_line());
}

TEST(ServerCodecTest, BadCommandDoesNotEndTheSession) {
  EXPECT_THAT(listen_chopped("RETR x\r\n\r\nNOOP\r\n"),
              ElementsAre("-ERR Message number expected", "-ERR Command expected", "NOOP"));
}

TEST(ServerCodecTest, LineBreakersInsideALineAreBadCommands) {
  const std::string text("USER a\0b\r\nUSER a\rDELE 1\r\nNOOP\r\n", 31);
  EXPECT_THAT(listen_chopped(text), ElementsAre("-ERR Forbidden character in line",
                                                "-ERR Forbidden character in line", "NOOP"));
}

TEST(ServerCodecTest, BareLfEndsTheSession) {
  EXPECT_THAT(listen_chopped("NOOP\r\nNOOP\nDELE 1\r\nQUIT\r\n"),
              ElementsAre("NOOP", "broken: Lines must end with CRLF"));
}

TEST(ServerCodecTest, LineThatIsTooLongIsOneErrorInEveryMode) {
  struct Case {
    Mode mode;
    std::size_t limit;
    std::string_view start;
    std::string seen;
  };
  const Case cases[] = {
      {Mode::transaction, ServerCodec::kMaxCommandLine, "PASS ",
       "PASS '" + std::string(ServerCodec::kMaxCommandLine - 7, 'x') + "'"},
      {Mode::login, ServerCodec::kMaxLoginLine, "XYZ ", "OTHER"},
  };
  for (const auto& [mode, limit, start, seen] : cases) {
    const std::string fits = std::string(start) + std::string(limit - start.size() - 2, 'x');
    EXPECT_THAT(listen({fits + "\r\nNOOP\r\n"}, mode), ElementsAre(seen, "NOOP"));
    EXPECT_THAT(listen({fits + "x\r\nNOOP\r\n"}, mode), ElementsAre("-ERR Line too long", "NOOP"));
    EXPECT_THAT(listen_chopped(fits + " QUIT\rDELE 1\r\nNOOP\r\n", mode),
                ElementsAre("-ERR Line too long", "NOOP"));
  }
}

TEST(ServerCodecTest, SaslLinesAreNotCommands) {
  EXPECT_THAT(listen_chopped("AUTH PLAIN\r\nQUIT\r\nAUTH LOGIN\r\n\r\nAUTH PLAIN\r\n*\r\nNOOP\r\n"),
              ElementsAre("AUTH 'PLAIN'", "sasl 'QUIT'", "AUTH 'LOGIN'", "sasl ''", "AUTH 'PLAIN'",
                          "sasl '*'", "NOOP"));
}

TEST(ServerCodecTest, SaslLinesHaveALimitOfTheirOwn) {
  const std::string fits(ServerCodec::kMaxSaslLine - 2, 'A');
  EXPECT_THAT(listen({"AUTH PLAIN\r\n" + fits + "\r\nNOOP\r\n"}),
              ElementsAre("AUTH 'PLAIN'", "sasl '" + fits + "'", "NOOP"));
  EXPECT_THAT(listen({"AUTH PLAIN\r\n" + fits + "A\r\nNOOP\r\n"}),
              ElementsAre("AUTH 'PLAIN'", "-ERR Line too long", "NOOP"));
}

TEST(ServerCodecTest, LineBreakersInASaslLineEndTheDialog) {
  EXPECT_THAT(listen_chopped("AUTH PLAIN\r\nAA\rAA\r\nNOOP\r\n"),
              ElementsAre("AUTH 'PLAIN'", "-ERR Forbidden character in line", "NOOP"));
}

TEST(ServerCodecTest, InitialResponseComesWithTheCommand) {
  EXPECT_THAT(listen({"AUTH PLAIN AGEAYg==\r\n"}), ElementsAre("AUTH 'PLAIN' initial AGEAYg=="));
}

TEST(ServerCodecTest, TlsIsToldWithoutALineEnd) {
  EXPECT_THAT(listen({"\x16\x03\x01\x02"}), ElementsAre("broken: This is POP3, not TLS"));
  EXPECT_THAT(listen_chopped("\x16\x03\x01\x02 QUIT\r\n"),
              ElementsAre("broken: This is POP3, not TLS"));
  EXPECT_THAT(listen_chopped("STLS\r\n\x16\x03\x01"),
              ElementsAre("STLS", "broken: This is POP3, not TLS"));
}

TEST(ServerCodecTest, HttpIsNotInterpreted) {
  EXPECT_THAT(listen_chopped("POST / HTTP/1.1\r\nHost: x\r\n\r\nUSER joe\r\nPASS x\r\n"),
              ElementsAre("broken: This is POP3, not HTTP"));
  EXPECT_THAT(listen({"GET / HTTP/1.1\r\n"}), ElementsAre("broken: This is POP3, not HTTP"));
  EXPECT_THAT(listen({"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}),
              ElementsAre("broken: This is POP3, not HTTP"));
}

TEST(ServerCodecTest, HttpWithAMethodOfItsOwnIsNotInterpreted) {
  for (const std::string line : {"XYZZY / HTTP/1.1", "USER / HTTP/1.0", "QUIT * HTTP/2.0",
                                 "Host: localhost", "Content-Length:5", "PASS: x"}) {
    EXPECT_THAT(listen_chopped(line + "\r\nQUIT\r\n"),
                ElementsAre("broken: This is POP3, not HTTP"))
        << line;
  }
}

TEST(ServerCodecTest, APasswordMayLookLikeHttp) {
  EXPECT_THAT(listen({"PASS / HTTP/1.1\r\npass a: b\r\n"}),
              ElementsAre("PASS '/ HTTP/1.1'", "PASS 'a: b'"));
}

TEST(ServerCodecTest, HttpInALineThatIsTooLongIsNotInterpretedEither) {
  const std::string text = "POST /" + std::string(3000, 'x') + " HTTP/1.1\r\nQUIT\r\n";
  EXPECT_THAT(listen_chopped(text), ElementsAre("broken: This is POP3, not HTTP"));
}

TEST(ServerCodecTest, WipeForgetsThePassword) {
  test::Source source;
  ServerCodec codec;
  for (const std::string_view password : {"short", "a password that no short string holds"}) {
    ByteChain in = source.chain("PASS " + std::string(password) + "\r\n");
    ASSERT_EQ(codec.next(in), Event::command);
    const char* const memory = codec.command().text.data();
    ASSERT_EQ(codec.command().text, password);
    codec.wipe();
    EXPECT_EQ(std::string_view(memory, password.size()), std::string(password.size(), '\0'));
    EXPECT_EQ(codec.command().text, "");
  }
}

TEST(ServerCodecTest, RandomStreamsGiveTheSameEventsHoweverTheyAreChopped) {
  constexpr std::string_view kWords[] = {"\r\n", "\r\n",    "\r\n",       "USER ", "PASS ", "RETR ",
                                         "1",    "TOP 1 2", "AUTH PLAIN", " ",     "\r",    "x",
                                         "QUIT", "=",       "AGEAYg==",   "LIST"};
  std::mt19937 random(test::seed());
  for (int round = 0; round < 1000; ++round) {
    std::string text;
    for (int i = 0; i < 20; ++i) text += kWords[test::below(random, std::size(kWords))];
    ASSERT_EQ(listen(test::random_pieces(random, text)), listen({text}))
        << testing::PrintToString(text) << " seed " << test::seed();
  }
}

}  // namespace
}  // namespace gatepost::pop3
