#include "proxy/http/request_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace gatepost::http {
namespace {

using Event = RequestReader::Event;

/// What a stream of bytes becomes: "GET /path?query body" for each request, and a last number when
/// the rest was refused. `sizes` says how many bytes come at a time.
std::vector<std::string> read_all(std::string_view bytes,
                                  const std::function<std::size_t()>& sizes) {
  BlockPool pool;
  RequestReader reader;
  ByteChain in;
  std::vector<std::string> seen;
  for (;;) {
    const Event event = reader.next(in);
    if (event == Event::request) {
      const Request& r = reader.request();
      seen.push_back(r.method + ' ' + r.path + '?' + r.query + ' ' + r.body +
                     (r.keep_alive ? "" : " (last)"));
    } else if (event == Event::refused) {
      EXPECT_EQ(reader.next(in), Event::refused);
      seen.push_back(std::to_string(reader.status()));
      return seen;
    } else if (bytes.empty()) {
      return seen;
    } else {
      EXPECT_TRUE(in.empty());
      const std::size_t n = std::min(bytes.size(), sizes());
      in.append(pool, bytes.substr(0, n));
      bytes.remove_prefix(n);
    }
  }
}

/// Whole, byte by byte and in random pieces: the result must be the same.
std::vector<std::string> read_all(std::string_view bytes) {
  auto whole = read_all(bytes, [] { return std::size_t{1} << 30U; });
  EXPECT_EQ(read_all(bytes, [] { return std::size_t{1}; }), whole);
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  EXPECT_EQ(read_all(bytes, [&] { return std::size_t{1} + random() % 700; }), whole)
      << "seed " << seed;
  return whole;
}

using Seen = std::vector<std::string>;

std::string request_with_header_of(std::size_t octets) {
  std::string result = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  result.append(octets - result.size() - 4, 'x');
  return result + "\r\n\r\n";
}

TEST(RequestReader, ReadsARequestWithoutABody) {
  EXPECT_EQ(read_all("GET /metrics?a=1&b HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            Seen{"GET /metrics?a=1&b "});
}

TEST(RequestReader, ReadsABodyOfAnnouncedLength) {
  EXPECT_EQ(read_all("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"),
            Seen{"POST /? hello"});
}

TEST(RequestReader, ReadsAChunkedBody) {
  EXPECT_EQ(read_all("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nTrailer: t\r\n\r\n"),
            Seen{"POST /? hello"});
}

TEST(RequestReader, ReadsAChunkedBodyOfNothing) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(read_all(head + "0\r\n\r\n" + head + "0\r\nTrailer: t\r\n\r\n"),
            (Seen{"POST /? ", "POST /? "}));
}

TEST(RequestReader, ReadsPipelinedRequestsInTurn) {
  EXPECT_EQ(read_all("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
                     "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxx\r\n"
                     "GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
            (Seen{"GET /1? ", "POST /2? xx", "GET /3?  (last)"}));
}

TEST(RequestReader, KnowsTheDefaultsOfHttp10) {
  EXPECT_EQ(read_all("GET / HTTP/1.0\r\n\r\n"), Seen{"GET /?  (last)"});
  EXPECT_EQ(read_all("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), Seen{"GET /? "});
}

TEST(RequestReader, AcceptsTheAbsoluteFormOfATarget) {
  EXPECT_EQ(read_all("GET http://h:1/healthz?x HTTP/1.1\r\nHost: h:1\r\n\r\n"),
            Seen{"GET /healthz?x "});
  EXPECT_EQ(read_all("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n"), Seen{"GET /? "});
}

TEST(RequestReader, WantsExactlyOneHostInHttp11) {
  EXPECT_EQ(read_all("GET / HTTP/1.1\r\n\r\n"), Seen{"400"});
  EXPECT_EQ(read_all("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), Seen{"400"});
}

TEST(RequestReader, RefusesWhatIsNotHttp) {
  EXPECT_EQ(read_all("USER joe\r\n\r\n"), Seen{"400"});
  EXPECT_EQ(read_all("\x16\x03\x01\x02\x01\r\n\r\n"), Seen{"400"});
  EXPECT_EQ(read_all("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), Seen{"400"});
  EXPECT_EQ(read_all("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), Seen{"400"});
  EXPECT_EQ(read_all("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Seen{"505"});
}

TEST(RequestReader, RefusesBodiesWhoseEndIsInDoubt) {
  EXPECT_EQ(read_all("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            Seen{"400"});
  EXPECT_EQ(
      read_all("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"),
      Seen{"400"});
  EXPECT_EQ(read_all("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"), Seen{"400"});
  EXPECT_EQ(read_all("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
            Seen{"501"});
  EXPECT_EQ(read_all("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n"),
            Seen{"501"});
  EXPECT_EQ(read_all("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), Seen{"400"});
}

TEST(RequestReader, LimitsTheHeader) {
  EXPECT_EQ(read_all(request_with_header_of(RequestReader::kMaxHeader)), Seen{"GET /? "});
  EXPECT_EQ(read_all(request_with_header_of(RequestReader::kMaxHeader + 1)), Seen{"431"});
  EXPECT_EQ(read_all(std::string(100'000, 'G')), Seen{"431"});
}

TEST(RequestReader, LimitsTheBody) {
  const auto post = [](std::size_t octets) {
    return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(octets) + "\r\n\r\n" +
           std::string(octets, 'b');
  };
  EXPECT_EQ(read_all(post(RequestReader::kMaxBody)),
            Seen{"POST /? " + std::string(RequestReader::kMaxBody, 'b')});
  EXPECT_EQ(read_all(post(RequestReader::kMaxBody + 1)), Seen{"413"});
}

TEST(RequestReader, LimitsChunksAndTheirFraming) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(read_all(head + "10001\r\n" + std::string(0x10001, 'b') + "\r\n0\r\n\r\n"),
            Seen{"413"});
  EXPECT_EQ(read_all(head + "1;" + std::string(RequestReader::kMaxHeader, 'e')), Seen{"431"});
  std::string padded = head;
  while (padded.size() < 2 * RequestReader::kMaxRequest) {
    padded += "1;" + std::string(1000, 'e') + "\r\nb\r\n";
  }
  EXPECT_EQ(read_all(padded), Seen{"413"});
}

TEST(RequestReader, AnyBytesEndInRequestsOrARefusal) {
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  const std::string good =
      "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3;a=\"b\"\r\nhel\r\n0\r\nT: "
      "t\r\n\r\nGET /y?z HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = good;
    for (int change = 0; change < 3; ++change) {
      const auto at = random() % bytes.size();
      if (random() % 2 == 0) {
        bytes[at] = static_cast<char>(random());
      } else {
        bytes.erase(at, random() % 20);
        bytes += good.substr(random() % good.size());
      }
    }
    const auto piece = 1 + random() % 40;
    const Seen seen = read_all(bytes, [piece] { return piece; });
    EXPECT_LE(seen.size(), 10U) << "seed " << seed;
  }
}

TEST(RequestTest, HandsOnHeaderFieldsThatCameOnce) {
  Request request;
  request.headers = {{"Cookie", "a=b"}, {"X-Two", "1"}, {"x-two", "2"}, {"Empty", ""}};
  EXPECT_EQ(request.header("cookie"), "a=b");
  EXPECT_EQ(request.header("x-two"), "");
  EXPECT_EQ(request.header("empty"), "");
  EXPECT_EQ(request.header("absent"), "");
}

}  // namespace
}  // namespace gatepost::http
