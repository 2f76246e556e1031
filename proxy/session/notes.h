#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/journal.h"
#include "proxy/net/client_facts.h"
#include "proxy/net/transport.h"
#include "proxy/session/authorization.h"
#include "proxy/session/login_desk.h"
#include "proxy/session/services.h"

/// What a session tells the journal: each function words one decision. Never a password, nor
/// anything of a message but what a scanner or a rule says that it found.
namespace gatepost::session {

/// Before login. `peer`: who connected, in front of whom the client may stand.
void note_arrival(Journal::Page& page, const Settings& settings, const net::ClientFacts& facts,
                  const PeerAddress& peer);
/// XCLIENT was believed.
void note_xclient(Journal::Page& page, const Settings& settings, const net::ClientFacts& facts);
void note_tls(Journal::Page& page, const Settings& settings, const net::TlsFacts& tls, bool legacy);
/// What the client said to get in, if it is answered -ERR.
void note_refused(Journal::Page& page, const Settings& settings, const pop3::Command& command,
                  const Authorization::Verdict& verdict, bool login_allowed);

/// Login. `user` as the client named it, "" while it has not.
void note_user(Journal::Page& page, std::string_view user);
void note_delay(Journal::Page& page, Duration delay, bool turned_away);
void note_route(Journal::Page& page, const Settings& settings, const net::ClientFacts& facts,
                std::string_view user, const upstream::Route* route);
/// The name that the user has upstream, and the device, where the route makes something of it.
void note_names(Journal::Page& page, const upstream::Route& route, std::string_view user,
                std::string_view upstream_user);
/// A server let itself be opened, and could not log anybody in.
void note_no_login(Journal::Page& page, const upstream::Pool& pool, const upstream::Server& server,
                   std::string_view problem);
/// `server`: null if none was asked.
void note_outcome(Journal::Page& page, const LoginOutcome& outcome, std::string_view method,
                  const upstream::Server* server);

/// After login: the chain and the policy that are in force.
void note_rules(Journal::Page& page, const Settings& settings, const upstream::Route& route,
                const filters::Chain* chain, const filters::RetentionPolicy* policy);

/// A message that went through a chain, once it is over.
struct MessageStory {
  std::string_view command;  ///< "RETR"
  std::uint32_t number = 0;  ///< as the client counts
  const filters::Chain& chain;
  const filters::Inspection* inspection;  ///< null: it was not decided
  bool released = false;                  ///< it came out of the quarantine
  std::uint64_t ladder_lines = 0;
  Duration took{};
  std::string_view problem;
};
void note_message(Journal::Page& page, const MessageStory& story);

/// Where a policy's type stands, or the list of those whom no policy touches.
[[nodiscard]] std::string path_of(const filters::RetentionPolicy& policy);

/// The answer to a QUIT that had something to settle.
void note_quit(Journal::Page& page, std::string_view reply);
/// `messages`: retrieved.
void note_end(Journal::Page& page, EndReason reason, std::string_view problem,
              std::uint64_t commands, std::uint64_t messages);

}  // namespace gatepost::session
