#include "proxy/session/notes.h"

#include <fmt/format.h>

#include "filters/message/header_text.h"

namespace gatepost::session {

using About = Decision::About;

namespace {

std::string_view words_of(config::ListenerTls mode) {
  switch (mode) {
    case config::ListenerTls::implicit:
      return "POP3S";
    case config::ListenerTls::starttls:
      return "STLS";
    case config::ListenerTls::none:
      return "without TLS";
  }
  return "";
}

/// ", STLS, PROXY header version 2, told of the client by XCLIENT"
std::string manners(const upstream::Server& server, std::string_view warning) {
  std::string text = server.security == upstream::Security::none   ? ", in clear"
                     : server.security == upstream::Security::stls ? ", STLS"
                                                                   : ", TLS";
  if (server.proxy_protocol != config::ProxyProtocol::off) {
    text += server.proxy_protocol == config::ProxyProtocol::v1 ? ", PROXY header version 1"
                                                               : ", PROXY header version 2";
  }
  if (server.xclient && warning.empty()) text += ", told of the client by XCLIENT";
  if (!warning.empty()) text.append("\n").append(warning);
  return text;
}

std::string_view words_of(config::RetentionType type) {
  switch (type) {
    case config::RetentionType::client:
      return "client";
    case config::RetentionType::keep:
      return "keep";
    case config::RetentionType::keep_for:
      return "keep_for";
    case config::RetentionType::delete_after_retrieval:
      return "delete_after_retrieval";
    case config::RetentionType::read_only:
      return "read_only";
  }
  return "";
}

/// RFC 4422 section 3.1
constexpr std::size_t kMaxMechanism = 20;

/// RFC 1035 section 2.3.4
constexpr std::size_t kMaxName = 255;

std::string_view without_line_end(std::string_view reply) {
  return reply.substr(0, reply.find('\r'));
}

}  // namespace

// ---- Before login

void note_arrival(Journal::Page& page, const Settings& settings, const net::ClientFacts& facts,
                  const PeerAddress& peer) {
  const std::string client = facts.address.to_string();
  const std::string via = peer.to_string();
  std::string text = fmt::format("{} came to listener {} ({})", client, settings.listener,
                                 words_of(settings.client_tls_mode));
  if (client != via) {
    text += fmt::format("\n{} said so in its PROXY header ({}/proxy_protocol)", via, settings.path);
  }
  page.note(About::arrival, text, settings.path);
}

void note_xclient(Journal::Page& page, const Settings& settings, const net::ClientFacts& facts) {
  std::string text = fmt::format("the client is {}, by XCLIENT", facts.address.to_string());
  if (!facts.session_id.empty()) text += fmt::format("\nsession id {}", facts.session_id);
  if (!facts.server_name.empty()) text += fmt::format("\nserver name {}", facts.server_name);
  page.note(About::login, text, settings.path + "/trusted_networks");
}

void note_tls(Journal::Page& page, const Settings& settings, const net::TlsFacts& tls,
              bool legacy) {
  std::string text =
      fmt::format("{}, {}{}", tls.version, tls.cipher, tls.resumed ? ", resumed" : "");
  text += tls.server_name.empty()
              ? std::string(", the client named no server")
              : fmt::format(", for server name {}", filters::inert_text(tls.server_name, kMaxName));
  // Who resumes a session is shown none.
  if (!tls.identity.empty() && !tls.resumed) {
    text += fmt::format("\ncertificate {} ({})", tls.identity, tls.identity_rule);
  }
  if (!tls.certificate.empty()) text += fmt::format("\nclient certificate {}", tls.certificate);
  if (!legacy) return page.note(About::tls, text, "/tls");
  page.note(About::tls, text + "\nwith old TLS allowed", settings.path + "/legacy_tls_networks");
}

void note_refused(Journal::Page& page, const Settings& settings, const pop3::Command& command,
                  const Authorization::Verdict& verdict, bool login_allowed) {
  using Next = Authorization::Next;
  const bool refused = verdict.next == Next::bad ||
                       (verdict.next == Next::answer && verdict.reply.starts_with("-ERR"));
  if (!refused) return;
  std::string text(pop3::to_string(command.verb));
  if (command.verb == pop3::Verb::auth) {
    text.append(" ").append(std::string_view(command.text).substr(0, kMaxMechanism));
  }
  text += fmt::format(" was refused: {}", without_line_end(verdict.reply));
  page.note(About::login, text, login_allowed ? std::string() : settings.path + "/tls");
}

// ---- Login

void note_user(Journal::Page& page, std::string_view user) { page.note(About::user, user); }

void note_delay(Journal::Page& page, Duration delay, bool turned_away) {
  const auto seconds = static_cast<double>(delay.count()) / 1000.0;
  page.note(About::login,
            fmt::format("failed logins before: {:.1f} s to wait{}", seconds,
                        turned_away ? ", longer than there is time to log in" : ""),
            "/limits/free_failed_logins");
}

void note_route(Journal::Page& page, const Settings& settings, const net::ClientFacts& facts,
                std::string_view user, const upstream::Route* route) {
  const upstream::RouteStory story =
      settings.router->explain(route, settings.listener, facts, user);
  page.note(About::route, story.text, story.rule);
}

void note_names(Journal::Page& page, const upstream::Route& route, std::string_view user,
                std::string_view upstream_user) {
  const std::string device = route.form.device(user);
  if (!device.empty()) {
    page.note(About::user, route.form.account(user), route.path + "/device_suffix");
    page.note(About::login, fmt::format("device {}", device), route.path + "/device_suffix");
  }
  if (user != upstream_user) page.note(About::user, upstream_user, route.path + "/user");
}

void note_no_login(Journal::Page& page, const upstream::Pool& pool, const upstream::Server& server,
                   std::string_view problem) {
  page.note(About::upstream,
            fmt::format("{} could not log in: {}", server.address.to_string(), problem),
            pool.path() + "/retries");
}

void note_outcome(Journal::Page& page, const LoginOutcome& outcome, std::string_view method,
                  const upstream::Server* server) {
  std::string text = fmt::format("{} by {}", to_string(outcome.result), method);
  if (server != nullptr) text += fmt::format(", {}", server->address.to_string());
  if (outcome.result == LoginResult::ok) {
    text += manners(*server, outcome.place->opened.warning);
    if (outcome.downgrade) text += "\nthe server sends UTF-8, the client gets it downgraded";
  }
  if (!outcome.problem.empty()) text.append("\n").append(outcome.problem);
  page.note(About::login, text);
}

// ---- After login

void note_rules(Journal::Page& page, const Settings& settings, const upstream::Route& route,
                const filters::Chain* chain, const filters::RetentionPolicy* policy) {
  const std::string& who_has_chain = route.chain ? route.path : settings.path;
  const std::string& who_has_policy = route.retention ? route.path : settings.path;
  std::string text = chain == nullptr ? std::string("messages are relayed as they are")
                                      : fmt::format("messages go through chain {} ({})",
                                                    chain->config.name, chain->path);
  if (policy == nullptr) {
    text += "\nthe client decides what is deleted";
  } else {
    text +=
        fmt::format("\npolicy {}, {}{}{} ({})", policy->config.name, words_of(policy->config.type),
                    policy->config.dry_run ? ", as a dry run: the client decides" : "",
                    policy->held ? ", under a legal hold" : "", path_of(*policy));
    text += fmt::format("\nit is in force by {}/retention", who_has_policy);
  }
  page.note(About::rules, text, chain == nullptr ? std::string() : who_has_chain + "/chain");
}

void note_message(Journal::Page& page, const MessageStory& story) {
  if (story.inspection == nullptr) {
    std::string text = fmt::format("{} came to no decision", story.command);
    if (!story.problem.empty()) text.append("\n").append(story.problem);
    return page.note(About::message, text, story.chain.path, story.number);
  }
  const filters::Inspection& inspection = *story.inspection;
  const filters::Inspection::Reasons reasons = inspection.reasons();
  std::string text = fmt::format("{}: {}, so {}, after {} ms", story.command,
                                 filters::to_string(inspection.cause()),
                                 filters::to_string(inspection.action()), story.took.count());
  if (story.released) text += "\nit was released from the quarantine";
  const filters::Judgement& judgement = inspection.judgement();
  for (const filters::Opinion& opinion : judgement.trail) {
    text += fmt::format("\n{}: {}", opinion.scanner, filters::to_string(opinion.verdict.cause));
    if (!opinion.verdict.detail.empty()) text += fmt::format(" ({})", opinion.verdict.detail);
    if (opinion.took > Duration(0)) text += fmt::format(", {} ms", opinion.took.count());
  }
  if (judgement.remembered) text += "\nthe verdict was remembered, nobody was asked";
  if (!story.released && !story.chain.scans()) text += "\nthe chain has no scanners";
  for (const std::string& note : inspection.notes()) text += fmt::format("\nrule: {}", note);
  for (const std::string& rule : reasons.passed_by) {
    text += fmt::format("\nrule not applied: {}{}", story.chain.path, rule);
  }
  if (story.ladder_lines > 0) {
    text += fmt::format("\nthe client was kept waiting with +OK and {} lines", story.ladder_lines);
  }
  if (!story.problem.empty()) text.append("\n").append(story.problem);
  page.note(About::message, text, story.released ? std::string() : story.chain.path + reasons.key,
            story.number);
  const std::uint64_t number = inspection.quarantine_number();
  if (number > 0) page.note(About::quarantined, std::to_string(number), {}, story.number);
}

void note_quit(Journal::Page& page, std::string_view reply) {
  page.note(About::mailbox, fmt::format("QUIT was answered {}", without_line_end(reply)));
}

void note_end(Journal::Page& page, EndReason reason, std::string_view problem,
              std::uint64_t commands, std::uint64_t messages) {
  std::string text =
      fmt::format("{}, after {} commands and {} messages", to_string(reason), commands, messages);
  if (!problem.empty()) text.append("\n").append(problem);
  if (page.left_out() > 0) text += fmt::format("\n{} decisions are not kept", page.left_out());
  page.note(About::end, text);
}

std::string path_of(const filters::RetentionPolicy& policy) {
  return policy.held ? std::string("/retention/hold") : policy.path;
}

}  // namespace gatepost::session
