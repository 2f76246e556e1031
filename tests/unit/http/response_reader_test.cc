#include "proxy/http/response_reader.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/chop.h"

namespace gatepost::http {
namespace {

using Event = ResponseReader::Event;
using testing::Chopping;

/// What a stream becomes when it arrives like this and then ends: "200 body", with a "+" if the
/// connection may be used on and "|rest" if something follows; or why it was refused.
std::string read(std::string_view bytes, Chopping chopping) {
  BlockPool pool;
  ResponseReader reader;
  ByteChain in;
  Event event = Event::need_data;
  while (event == Event::need_data && !bytes.empty()) {
    const std::size_t n = std::min(bytes.size(), chopping.next());
    in.append(pool, bytes.substr(0, n));
    bytes.remove_prefix(n);
    event = reader.next(in);
    EXPECT_TRUE(event != Event::need_data || in.empty());
  }
  if (event == Event::need_data) event = reader.end();
  if (event == Event::refused) {
    EXPECT_EQ(reader.next(in), Event::refused);
    return std::string(reader.problem());
  }
  const std::string rest = in.to_string() + std::string(bytes);
  return std::to_string(reader.status()) + " " + reader.body() + (reader.keep_alive() ? "+" : "") +
         (rest.empty() ? "" : "|" + rest);
}

/// Whole, octet by octet, and cut at random: the same.
std::string read(std::string_view bytes) {
  const std::string whole = read(bytes, Chopping(Chopping::Kind::whole));
  EXPECT_EQ(read(bytes, Chopping(Chopping::Kind::bytes)), whole);
  for (std::uint64_t i = 0; i < 10; ++i) {
    EXPECT_EQ(read(bytes, Chopping(Chopping::Kind::random, i)), whole) << testing::Random::name();
  }
  return whole;
}

TEST(ResponseReader, reads_a_body_of_announced_length) {
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), "200 hello+");
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\ncontent-length:5\r\nConnection: close\r\n\r\nhello"),
            "200 hello");
  EXPECT_EQ(read("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), "200 +");
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP"), "200 hello+|HTTP");
}

TEST(ResponseReader, reads_chunks) {
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "3\r\nhel\r\n2 ;x=y\r\nlo\r\n0\r\nT: t\r\n\r\n"),
            "200 hello+");
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx"), "200 +|x");
}

TEST(ResponseReader, reads_until_the_end) {
  EXPECT_EQ(read("HTTP/1.0 200 OK\r\n\r\nhello"), "200 hello");
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\n\r\n"), "200 ");
}

TEST(ResponseReader, knows_responses_without_a_body) {
  EXPECT_EQ(read("HTTP/1.1 204 No Content\r\n\r\n"), "204 +");
  EXPECT_EQ(read("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"), "304 +");
}

TEST(ResponseReader, skips_interim_responses_but_not_for_ever) {
  const std::string interim = "HTTP/1.1 100 Continue\r\n\r\n";
  std::string many;
  for (int i = 0; i < ResponseReader::kMaxInterim; ++i) many += interim;
  const std::string last = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
  EXPECT_EQ(read(many + last), "200 x+");
  EXPECT_EQ(read(many + interim + last), "too many interim responses");
  EXPECT_EQ(read("HTTP/1.1 101 Switching\r\n\r\n"), "another protocol that nobody asked for");
}

TEST(ResponseReader, knows_the_defaults_of_http_1_0) {
  const std::string body = "\r\nContent-Length: 1\r\n\r\nx";
  EXPECT_EQ(read("HTTP/1.0 200 OK" + body), "200 x");
  EXPECT_EQ(read("HTTP/1.0 200 OK\r\nConnection: a, Keep-Alive" + body), "200 x+");
}

TEST(ResponseReader, refuses_bodies_whose_end_is_in_doubt) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  EXPECT_EQ(read(ok + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx"), "more than one length");
  EXPECT_EQ(read(ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx"),
            "more than one length");
  for (const std::string bad : {"-1", "+1", "1, 1", "0x1", "", "1 1", "99999999999999999999"}) {
    EXPECT_EQ(read(ok + "Content-Length: " + bad + "\r\n\r\nx"), "Content-Length is not a number")
        << bad;
  }
  for (const std::string bad : {"gzip, chunked", "chunked, chunked", "identity", "xchunked"}) {
    EXPECT_EQ(read(ok + "Transfer-Encoding: " + bad + "\r\n\r\n0\r\n\r\n"),
              "a transfer coding other than chunked")
        << bad;
  }
  EXPECT_EQ(read("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            "a transfer coding other than chunked");
}

TEST(ResponseReader, refuses_malformed_chunks) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string bad : {"x\r\n", "-1\r\n", "0x1\r\nx\r\n0\r\n\r\n", "1\nx\r\n0\r\n\r\n",
                                "1\r\nxy\r\n0\r\n\r\n", "\r\n", " 1\r\nx\r\n0\r\n\r\n",
                                "1 1\r\nx\r\n", "ffffffffffffff\r\n", "1\r\nx\n0\r\n\r\n"}) {
    EXPECT_EQ(read(head + bad), "malformed chunks") << bad;
  }
}

TEST(ResponseReader, refuses_malformed_headers) {
  for (const std::string bad :
       {"HTTP/2 200 OK\r\n\r\n", "HTTP/1.2 200 OK\r\n\r\n", "http/1.1 200 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000\r\n\r\n",
        "HTTP/1.1 020 OK\r\n\r\n", "ICAP/1.0 200 OK\r\n\r\n", "\r\n\r\n\r\n"}) {
    EXPECT_EQ(read(bad), "not a status line of HTTP/1") << bad;
  }
  for (const std::string bad : {"A : b", "A b", ": b", "A\xe4: b", "A: b\rC: d", "A: b\nC: d"}) {
    EXPECT_EQ(read("HTTP/1.1 204 x\r\n" + bad + "\r\n\r\n"), "malformed or too large a header")
        << bad;
  }
  EXPECT_EQ(read("HTTP/1.1 204 x\r\n A: b\r\n\r\n"), "malformed or too large a header");
}

TEST(ResponseReader, refuses_what_is_cut_short) {
  const std::string why = "the response is cut short";
  EXPECT_EQ(read(""), why);
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Le"), why);
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"), why);
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"), why);
}

TEST(ResponseReader, limits_the_header) {
  const auto with_header_of = [](std::size_t octets) {
    std::string text = "HTTP/1.1 204 x\r\nX: ";
    text.append(octets - text.size() - 4, 'x');
    return text + "\r\n\r\n";
  };
  EXPECT_EQ(read(with_header_of(HeadReader::kMaxHeader)), "204 +");
  EXPECT_EQ(read(with_header_of(HeadReader::kMaxHeader + 1)), "malformed or too large a header");
}

TEST(ResponseReader, limits_the_body) {
  const std::string most(ResponseReader::kMaxBody, 'b');
  const auto whole = [](const std::string& text) {
    return read(text, Chopping(Chopping::Kind::whole));
  };
  const auto counted = [](std::size_t n) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(n) + "\r\n\r\n";
  };
  EXPECT_EQ(whole(counted(most.size()) + most), "200 " + most + "+");
  EXPECT_EQ(whole(counted(most.size() + 1) + most + "b"), "the body is too large");
  EXPECT_EQ(whole("HTTP/1.1 200 OK\r\n\r\n" + most), "200 " + most);
  EXPECT_EQ(whole("HTTP/1.1 200 OK\r\n\r\n" + most + "b"), "the body is too large");
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(whole(chunked + "100000\r\n" + most + "\r\n0\r\n\r\n"), "200 " + most + "+");
  EXPECT_EQ(whole(chunked + "100001\r\n" + most + "b\r\n0\r\n\r\n"), "the body is too large");
}

TEST(ResponseReader, limits_chunk_framing) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(read(head + "1;" + std::string(ChunkDecoder::kMaxLine - 4, 'e') + "\r\nb\r\n0\r\n\r\n"),
            "200 b+");
  EXPECT_EQ(read(head + "1;" + std::string(ChunkDecoder::kMaxLine - 3, 'e') + "\r\nb\r\n0\r\n\r\n"),
            "malformed chunks");
  std::string padded = head;
  while (padded.size() < 2 * ResponseReader::kMaxFraming) {
    padded += "1;" + std::string(1000, 'e') + "\r\nb\r\n";
  }
  EXPECT_EQ(read(padded, Chopping(Chopping::Kind::whole)), "too much chunk framing");
  std::string trailer = head + "0\r\n";
  while (trailer.size() < 2 * ChunkDecoder::kMaxTrailer) trailer += "T: t\r\n";
  EXPECT_EQ(read(trailer + "\r\n"), "malformed chunks");
}

TEST(Head, unfolds_and_finds_fields) {
  BlockPool pool;
  ByteChain in(pool, "ICAP/1.0 200 OK\r\nX:  a \r\n\tb\r\nY: 1\r\ny: 2, Three\r\n\r\nrest");
  HeadReader reader('\n');
  ASSERT_EQ(reader.next(in), HeadReader::Event::head);
  EXPECT_EQ(in.to_string(), "rest");
  const Head& head = reader.head();
  EXPECT_EQ(head.only("x"), "a\nb");
  EXPECT_EQ(head.first("Y"), "1");
  EXPECT_FALSE(head.only("Y"));
  EXPECT_FALSE(head.first("Z"));
  EXPECT_TRUE(head.lists("Y", "three"));
  EXPECT_FALSE(head.lists("Y", "thre"));
}

}  // namespace
}  // namespace gatepost::http
