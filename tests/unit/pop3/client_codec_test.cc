#include "proxy/pop3/client_codec.h"

#include <gmock/gmock.h>

#include "tests/unit/pop3/chop.h"

namespace gatepost::pop3 {
namespace {

using test::Pieces;
using testing::ElementsAre;
using Event = ClientCodec::Event;
using Form = DotDecoder::Form;
using Transcript = std::vector<std::string>;

constexpr Expected kSingle{};
constexpr Expected kMulti{.shape = ReplyShape::multi};
constexpr Expected kUnstuffed{.shape = ReplyShape::multi, .form = Form::unstuffed};
constexpr Expected kAuth{.continuation = true};

/// What a session would hear; the pieces of one body are joined.
Transcript listen(const std::vector<Expected>& expected, const Pieces& pieces) {
  test::Source source;
  ClientCodec codec;
  for (const Expected& reply : expected) codec.expect(reply);
  Transcript heard;
  std::string body;
  ByteChain in;
  for (const std::string_view piece : pieces) {
    in.append(source.chain(piece));
    for (bool more = true; more;) {
      switch (codec.next(in)) {
        case Event::need_data:
          EXPECT_TRUE(in.empty());
          more = false;
          break;
        case Event::status:
          heard.push_back((codec.status().ok ? "+OK " : "-ERR ") + codec.status().text);
          break;
        case Event::continuation:
          heard.push_back("+ " + codec.status().text);
          break;
        case Event::body_data: {
          const ByteChain data = codec.take_body();
          EXPECT_FALSE(data.empty());
          EXPECT_TRUE(codec.mid_reply());
          body += data.to_string();
          break;
        }
        case Event::body_end:
          heard.push_back("body '" + std::exchange(body, "") + "'");
          break;
        case Event::protocol_error:
          EXPECT_EQ(codec.next(in), Event::protocol_error);
          heard.push_back("broken: " + codec.error());
          return heard;
      }
    }
  }
  if (!body.empty()) heard.push_back("part '" + body + "'");
  if (codec.owed() > 0) heard.push_back("owed " + std::to_string(codec.owed()));
  return heard;
}

Transcript listen_chopped(const std::vector<Expected>& expected, std::string_view text) {
  const Transcript whole = listen(expected, {text});
  for (const Pieces& pieces : test::choppings(text)) {
    EXPECT_EQ(listen(expected, pieces), whole) << "seed " << test::seed();
  }
  return whole;
}

TEST(ClientCodecTest, RepliesComeInTheOrderOfTheCommands) {
  EXPECT_THAT(listen_chopped({kSingle, kMulti, kUnstuffed, kSingle},
                             "+OK ready\r\n+OK 2 octets\r\n..\r\nx\r\n.\r\n+OK\r\n..\r\nx\r\n.\r\n"
                             "-ERR [SYS/TEMP] no\r\n"),
              ElementsAre("+OK ready", "+OK 2 octets", "body '..\r\nx\r\n.\r\n'", "+OK ",
                          "body '.\r\nx\r\n'", "-ERR [SYS/TEMP] no"));
}

TEST(ClientCodecTest, ErrToAMultiLineCommandIsSingle) {
  EXPECT_THAT(listen_chopped({kMulti, kSingle}, "-ERR no such message\r\n+OK\r\n"),
              ElementsAre("-ERR no such message", "+OK "));
}

TEST(ClientCodecTest, EmptyBodyHasNoPieces) {
  EXPECT_THAT(listen_chopped({kUnstuffed, kSingle}, "+OK\r\n.\r\n+OK x\r\n"),
              ElementsAre("+OK ", "body ''", "+OK x"));
}

TEST(ClientCodecTest, BodyLooksLikeRepliesWithoutBeingOne) {
  EXPECT_THAT(listen_chopped({kMulti}, "+OK\r\n+OK\r\n-ERR\r\n.\r\n"),
              ElementsAre("+OK ", "body '+OK\r\n-ERR\r\n.\r\n'"));
}

TEST(ClientCodecTest, UnfinishedReplyStaysOwed) {
  EXPECT_THAT(listen_chopped({kMulti, kSingle}, "+OK\r\nabc\r\n"),
              ElementsAre("+OK ", "part 'abc\r\n'", "owed 2"));
  EXPECT_THAT(listen_chopped({kSingle}, "+OK half"), ElementsAre("owed 1"));
}

TEST(ClientCodecTest, MidReplyTellsWhetherSomethingWasTakenIn) {
  test::Source source;
  ClientCodec codec;
  codec.expect(kMulti);
  EXPECT_FALSE(codec.mid_reply());
  ByteChain in = source.chain("+O");
  ASSERT_EQ(codec.next(in), Event::need_data);
  EXPECT_TRUE(codec.mid_reply());
  in = source.chain("K\r\n.\r\n");
  ASSERT_EQ(codec.next(in), Event::status);
  EXPECT_TRUE(codec.mid_reply());
  ASSERT_EQ(codec.next(in), Event::body_data);
  ASSERT_EQ(codec.next(in), Event::body_end);
  EXPECT_FALSE(codec.mid_reply());
  EXPECT_EQ(codec.owed(), 0U);
}

TEST(ClientCodecTest, ReplyThatNobodyAskedForIsAnError) {
  EXPECT_THAT(listen_chopped({}, "+OK\r\n"), ElementsAre("broken: reply that nobody asked for"));
  EXPECT_THAT(listen_chopped({kSingle}, "+OK\r\n+OK forged\r\n"),
              ElementsAre("+OK ", "broken: reply that nobody asked for"));
  EXPECT_THAT(listen_chopped({kMulti}, "-ERR\r\nbody\r\n.\r\n"),
              ElementsAre("-ERR ", "broken: reply that nobody asked for"));
}

TEST(ClientCodecTest, NothingOwedWithNothingThereNeedsData) {
  ClientCodec codec;
  ByteChain in;
  EXPECT_EQ(codec.next(in), Event::need_data);
}

TEST(ClientCodecTest, LinesThatAreNoStatusAreErrors) {
  for (const std::string_view line : {"", "hello", "+ok", "* OK", "+", "+ x", ".", "220 ready"}) {
    EXPECT_THAT(listen({kSingle}, {std::string(line) + "\r\n"}),
                ElementsAre("broken: not a status line"))
        << line;
  }
}

TEST(ClientCodecTest, LineBreakersInAStatusAreErrors) {
  EXPECT_THAT(listen_chopped({kSingle}, "+OK\n+OK\r\n"),
              ElementsAre("broken: bare LF in a status line"));
  EXPECT_THAT(listen_chopped({kSingle}, "+OK a\rb\r\n"), ElementsAre("broken: not a status line"));
  EXPECT_THAT(listen_chopped({kSingle}, std::string_view("+OK a\0b\r\n", 9)),
              ElementsAre("broken: not a status line"));
  EXPECT_THAT(listen_chopped({kAuth}, "+ a\rb\r\n"), ElementsAre("broken: not a status line"));
}

TEST(ClientCodecTest, StatusLineHasALimit) {
  const std::string text(ClientCodec::kMaxStatusLine - 6, 'x');
  EXPECT_THAT(listen({kSingle}, {"+OK " + text + "\r\n"}), ElementsAre("+OK " + text));
  EXPECT_THAT(listen({kSingle}, {"+OK " + text + "x\r\n"}),
              ElementsAre("broken: status line too long"));
}

TEST(ClientCodecTest, EndlessStatusLineIsAnErrorBeforeItEnds) {
  EXPECT_THAT(listen({kSingle}, {"+OK " + std::string(ClientCodec::kMaxStatusLine, 'x')}),
              ElementsAre("broken: status line too long"));
}

TEST(ClientCodecTest, ContinuationLeavesTheReplyOwed) {
  EXPECT_THAT(listen_chopped({kAuth}, "+ VXNlcm5hbWU6\r\n+\r\n+ \r\n-ERR [AUTH] no\r\n"),
              ElementsAre("+ VXNlcm5hbWU6", "+ ", "+ ", "-ERR [AUTH] no"));
  EXPECT_THAT(listen({kAuth}, {"+ x\r\n"}), ElementsAre("+ x", "owed 1"));
}

TEST(ClientCodecTest, ContinuationMustBeExpected) {
  EXPECT_THAT(listen({kAuth, kSingle}, {"+OK\r\n+ x\r\n"}),
              ElementsAre("+OK ", "broken: not a status line"));
}

TEST(ClientCodecTest, PiecesNotTakenAddUp) {
  test::Source source;
  ClientCodec codec;
  codec.expect(kMulti);
  ByteChain in = source.chain("+OK\r\nab");
  ASSERT_EQ(codec.next(in), Event::status);
  ASSERT_EQ(codec.next(in), Event::body_data);
  in = source.chain("cd\r\n.\r\n");
  ASSERT_EQ(codec.next(in), Event::body_data);
  EXPECT_EQ(codec.take_body().to_string(), "abcd\r\n.\r\n");
  EXPECT_TRUE(codec.take_body().empty());
}

TEST(ClientCodecTest, KeepsALineAsItCameWhenItIsWanted) {
  for (const Pieces& pieces :
       {Pieces{"+OK \r\n-ERR  no \r\n"}, Pieces{"+", "OK ", "\r", "\n-ERR  no \r\n"}}) {
    test::Source source;
    ClientCodec codec;
    codec.expect({.keep_line = true});
    codec.expect({.keep_line = true});
    std::string lines;
    ByteChain in;
    for (const std::string_view piece : pieces) {
      in.append(source.chain(piece));
      while (codec.next(in) == Event::status) lines += codec.take_line().to_string();
    }
    EXPECT_EQ(lines, "+OK \r\n-ERR  no \r\n");
    EXPECT_TRUE(codec.take_line().empty());
  }
}

TEST(ClientCodecTest, OverwritesALineThatNobodyWants) {
  BlockPool pool;
  ByteChain in(pool, "+OK sesame\r\n");
  const std::string_view place = in.front();
  ClientCodec codec;
  codec.expect(kSingle);
  ASSERT_EQ(codec.next(in), Event::status);
  EXPECT_TRUE(codec.take_line().empty());
  EXPECT_EQ(pool.held_blocks(), 0U);
  EXPECT_EQ(place, std::string(12, '\0'));
}

TEST(ClientCodecTest, ErrorHoldsNothingOfUpstream) {
  const Transcript heard = listen({kSingle}, {"sesame\r\n"});
  EXPECT_EQ(heard.front().find("sesame"), std::string::npos);
}

TEST(ClientCodecTest, RandomStreamsGiveTheSameEventsHoweverTheyAreChopped) {
  constexpr std::string_view kWords[] = {"\r\n",      "\r\n",     "\r\n.\r\n", "+OK",
                                         "+OK x\r\n", "-ERR\r\n", "+ ",        ".",
                                         "x",         "\r",       "..",        "+OK\r\n"};
  std::mt19937 random(test::seed());
  for (int round = 0; round < 2000; ++round) {
    std::string text = "+OK\r\n";
    for (int i = 0; i < 15; ++i) text += kWords[test::below(random, std::size(kWords))];
    const std::vector<Expected> expected = {kSingle, kMulti, kUnstuffed, kAuth, kMulti};
    ASSERT_EQ(listen(expected, test::random_pieces(random, text)), listen(expected, {text}))
        << testing::PrintToString(text) << " seed " << test::seed();
  }
}

}  // namespace
}  // namespace gatepost::pop3
