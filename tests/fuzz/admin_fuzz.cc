// The status page: whatever is asked, an answer is whole, texts of peers are inert, and nothing
// happens to the gateway without the token. The input is what a client sends, and a name as well.

#include "proxy/admin/admin_service.h"

#include <algorithm>
#include <string>

#include "proxy/http/server_connection.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/fake_office.h"
#include "tests/support/fake_rooms.h"
#include "tests/support/fake_timers.h"
#include "tests/support/memory_transport.h"
#include "tests/support/recording_log.h"

using namespace gatepost;
using fuzz::require;

namespace {

struct World {
  explicit World(bool local)
      : service({.metrics = [] { return std::string("m 1\n"); },
                 .not_ready = [] { return std::vector<std::string>{"starting"}; },
                 .configuration = [] { return std::string("{}"); },
                 .office = office,
                 .quarantine = quarantine,
                 .retention = retention,
                 .log = log},
                timers, {.local = local, .host = "localhost"}) {
    service.set_token(sha256("correct-horse-battery-staple"));
  }

  std::string ask(std::string_view text) {
    gatepost::testing::MemoryConnection wire = gatepost::testing::make_memory_transport(pool);
    http::ServerConnection connection(
        std::move(wire.transport), pool,
        [this](const http::Request& request, http::Responder responder) {
          service.handle(request, PeerAddress{}, std::move(responder));
        });
    wire.peer->deliver(text);
    while (wire.peer->turn()) {
    }
    timers.advance(admin::Events::kInterval);
    wire.peer->end();
    while (wire.peer->turn()) {
    }
    return wire.peer->take_sent();
  }
  /// The same name wherever a peer can put one.
  void call_all(const std::string& name) {
    session::SessionFacts one;
    for (std::string* text : {&one.id, &one.user, &one.client, &one.device, &one.doing,
                              &one.server_name, &one.upstream, &one.state}) {
      *text = name;
    }
    office.list_.sessions = {one};
    office.status_.not_ready = {name};
    office.status_.logins = {{name, 1}};
    office.status_.upstreams = {{name, name, "down", name, 0, 1, 0, 0}};
    gatepost::testing::FakeQuarantine::Message message;
    message.record.number = 1;
    message.record.subject = message.record.from = message.record.user = name;
    message.fields = {{name, name}};
    quarantine.messages = {message};
  }

  BlockPool pool;
  gatepost::testing::FakeTimers timers;
  gatepost::testing::RecordingLog log;
  gatepost::testing::FakeOffice office;
  gatepost::testing::FakeQuarantine quarantine;
  gatepost::testing::FakeRetention retention;
  admin::AdminService service;
};

bool only_asked(const World& world) {
  return world.quarantine.done.empty() && world.office.done_.empty();
}

/// Of a page: the name has made no element of its own.
void require_inert(const std::string& answer) {
  require(answer.starts_with("HTTP/1.1 200 "));
  const std::string_view page = std::string_view(answer).substr(answer.find("\r\n\r\n") + 4);
  std::size_t scripts = 0;
  for (auto at = page.find("<script"); at != std::string_view::npos;
       at = page.find("<script", at + 1)) {
    ++scripts;
  }
  require(scripts == 1 && page.ends_with("</main></body></html>"));
  require(std::ranges::none_of(
      page, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  GTEST_FLAG_SET(break_on_failure, true);
  const std::string text(reinterpret_cast<const char*>(data), size);
  const bool knows_token = text.find("correct-horse-battery-staple") != std::string::npos;
  for (const bool local : {true, false}) {
    World world(local);
    world.call_all(text.substr(0, 4'000));
    const std::string answers = world.ask(text);
    require(answers.empty() || answers.starts_with("HTTP/1.1 "));
    require(knows_token || only_asked(world));
  }
  World world(true);
  world.call_all(text.substr(0, 4'000));
  for (const char* path : {"/", "/sessions", "/upstreams", "/quarantine", "/quarantine?number=1"}) {
    require_inert(world.ask(std::string("GET ") + path +
                            " HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n"
                            "Connection: close\r\n\r\n"));
  }
  return 0;
}
