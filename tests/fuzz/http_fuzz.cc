// HTTP of the admin listener: requests are the same however the stream is chopped, what they hold
// is within its limits, and a connection answers each with one whole response. Two octets choose
// the chopping.

#include "proxy/http/request_reader.h"

#include "proxy/http/server_connection.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/memory_transport.h"
#include "tests/unit/pop3/chop.h"

using namespace gatepost;
using fuzz::require;
using http::RequestReader;
using Event = RequestReader::Event;

namespace {

struct Asked {
  std::string requests;  // all in one text
  bool refused = false;
};

Asked read(const pop3::test::Pieces& pieces) {
  static pop3::test::Source source;
  RequestReader reader;
  Asked asked;
  ByteChain in;
  for (const std::string_view piece : pieces) {
    in.append(source.chain(piece));
    for (Event next = reader.next(in); next != Event::need_data; next = reader.next(in)) {
      if (next == Event::refused) {
        require(reader.status() >= 400 && !http::reason_phrase(reader.status()).empty());
        require(reader.next(in) == Event::refused);
        asked.refused = true;
        return asked;
      }
      const http::Request& request = reader.request();
      require(request.body.size() <= RequestReader::kMaxBody && !request.path.empty());
      require(request.method.size() + request.target.size() <= RequestReader::kMaxHeader);
      asked.requests += request.method + ' ' + request.target + ' ' + request.path + '?' +
                        request.query + ' ' + request.body + (request.keep_alive ? "+" : "-");
    }
    require(in.empty());
  }
  return asked;
}

http::Response answer_to(const http::Request& request) {
  http::Response response;
  response.status = request.path == "/" ? 200 : 404;
  response.body = request.method + '\n';
  return response;
}

/// Everything through a connection, cut like this; returns the answers.
std::string serve(const pop3::test::Pieces& pieces) {
  static BlockPool pool;
  gatepost::testing::MemoryConnection wire = gatepost::testing::make_memory_transport(pool);
  http::ServerConnection connection(std::move(wire.transport), pool,
                                    [](const http::Request& request, http::Responder responder) {
                                      responder.answer(answer_to(request));
                                    });
  for (const std::string_view piece : pieces) {
    wire.peer->deliver(piece);
    while (wire.peer->turn()) {
    }
  }
  wire.peer->end();
  while (wire.peer->turn()) {
  }
  require(connection.finished());
  return wire.peer->take_sent();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  GTEST_FLAG_SET(break_on_failure, true);
  fuzz::Input input(data, size);
  const unsigned high = input.octet();
  std::minstd_rand random(high * 256U + input.octet());
  const pop3::test::Pieces pieces = pop3::test::random_pieces(random, input.rest());
  const Asked whole = read({input.rest()});
  const Asked cut = read(pieces);
  require(cut.requests == whole.requests);
  const std::string answers = serve(pieces);
  require(answers.empty() || answers.starts_with("HTTP/1.1 "));
  // Nonsense that is not finished may be noticed earlier or later, in other words.
  if (!whole.refused && !cut.refused) require(answers == serve({input.rest()}));
  return 0;
}
