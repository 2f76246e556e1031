#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "proxy/session/notes.h"

namespace gatepost::bench {
namespace {

/// What is asked for at every login: routes that all have to be passed by but the last.
std::vector<upstream::Route> routes(std::size_t count) {
  std::vector<upstream::Route> made(count);
  for (std::size_t i = 0; i < count; ++i) {
    made[i].path = "/routes/" + std::to_string(i);
    made[i].pool =
        std::make_shared<const upstream::Pool>(config::Pool(), std::vector<upstream::Server>());
    if (i + 1 < count) made[i].conditions.users = {"nobody" + std::to_string(i)};
  }
  return made;
}

/// All that the journal is told of a session without a chain: the words made, and written down.
/// The argument: how many routes there are.
void journal_session(benchmark::State& state) {
  session::Settings settings;
  settings.path = "/listeners/0";
  settings.router =
      std::make_shared<const upstream::Router>(routes(static_cast<std::size_t>(state.range(0))));
  net::ClientFacts client;
  client.address = {*IpAddress::parse("192.0.2.7"), 49152};
  client.local = {*IpAddress::parse("192.0.2.1"), 995};
  const net::TlsFacts tls{.version = "TLSv1.3",
                          .cipher = "TLS_AES_128_GCM_SHA256",
                          .server_name = "mail.example.com",
                          .identity = "/etc/gatepost/tls.crt",
                          .identity_rule = "/tls"};
  session::LoginOutcome outcome;
  outcome.result = session::LoginResult::refused;
  outcome.problem = "-ERR [AUTH] Authentication failed.";
  upstream::Server server;
  server.address = {"192.0.2.99", 110, {}};
  const std::string user = "joe@example.com";
  Journal journal;
  std::uint64_t number = 0;
  for (auto _ : state) {
    const std::string id = "0-" + std::to_string(number++);
    Journal::Page page(journal, id);
    session::note_arrival(page, settings, client, client.address);
    session::note_tls(page, settings, tls, false);
    session::note_user(page, user);
    const upstream::Route* route = settings.router->route("pop3s", client, user);
    session::note_route(page, settings, client, user, route);
    session::note_outcome(page, outcome, "PLAIN", &server);
    session::note_rules(page, settings, *route, nullptr, nullptr);
    session::note_end(page, session::EndReason::quit, "", 7, 2);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(journal_session)->Arg(1)->Arg(9);

/// One decision of usual length.
void journal_note(benchmark::State& state) {
  Journal journal;
  const std::string id = "0-1f";
  const std::string text(120, 'x');
  for (auto _ : state) journal.note(id, Decision::About::route, text, "/routes/2");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(journal_note);

}  // namespace
}  // namespace gatepost::bench
