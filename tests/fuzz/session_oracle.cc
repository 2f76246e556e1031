#include "tests/fuzz/session_oracle.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>

#include "proxy/pop3/ascii.h"
#include "proxy/pop3/command.h"
#include "proxy/pop3/reply.h"
#include "proxy/pop3/server_codec.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/pop3/naive_dot.h"

namespace gatepost::fuzz {

namespace {

using pop3::Verb;

/// A command as the session should see it.
struct Asked {
  enum class Kind { local, forwarded, perhaps, stop };  // perhaps: forwarded if upstream knows it
  Kind kind = Kind::stop;
  Verb verb = Verb::unknown;
  pop3::ReplyShape shape = pop3::ReplyShape::single;
  std::string wire = {};
};

/// The next line with its line end, or nothing.
std::optional<std::string_view> cut_line(std::string_view& text) {
  const std::size_t lf = text.find('\n');
  if (lf == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, lf + 1);
  text.remove_prefix(lf + 1);
  return line;
}

bool is_http(std::string_view line) {
  constexpr std::string_view kMethods[] = {"GET ",     "POST ",    "HEAD ",  "PUT ",
                                           "OPTIONS ", "CONNECT ", "PATCH ", "PRI "};
  return std::ranges::any_of(kMethods, [line](auto method) { return line.starts_with(method); });
}

Asked read_command(std::string_view line) {
  if (line.front() == '\x16' || is_http(line) || !line.ends_with("\r\n")) return {};
  if (line.size() > pop3::ServerCodec::kMaxCommandLine) return {.kind = Asked::Kind::local};
  line.remove_suffix(2);
  const Result<pop3::Command> command = pop3::parse_command(line);
  if (!command) return {.kind = Asked::Kind::local};
  Asked asked{.kind = Asked::Kind::local, .verb = command->verb};
  switch (command->verb) {
    case Verb::quit:
    case Verb::stat:
    case Verb::list:
    case Verb::retr:
    case Verb::dele:
    case Verb::noop:
    case Verb::rset:
    case Verb::top:
    case Verb::uidl:
    case Verb::lang:
      asked.kind = command->verb == Verb::lang ? Asked::Kind::perhaps : Asked::Kind::forwarded;
      asked.shape = command->reply_shape();
      asked.wire = command->wire();
      break;
    default:
      break;
  }
  return asked;
}

class Judge {
 public:
  explicit Judge(const Transcript& transcript) : left_(transcript) {}

  Verdict run() {
    read_commands();
    require(left_.to_upstream.empty());  // upstream heard nothing that the client did not say
    for (const Asked& asked : asked_) {
      if (!answer(asked)) break;
    }
    if (!left_.to_client.empty()) last_words();
    return verdict_;
  }

 private:
  /// What is asked, and which of it has gone upstream.
  void read_commands() {
    std::size_t bad = 0;
    while (const auto line = cut_line(left_.from_client)) {
      Asked asked = read_command(*line);
      if (asked.kind == Asked::Kind::stop) return;
      bad = asked.verb == Verb::unknown ? bad + 1 : 0;
      if (bad > left_.bad_commands) return;
      const bool sent = !asked.wire.empty() && left_.to_upstream.starts_with(asked.wire);
      if (asked.kind == Asked::Kind::perhaps) {
        asked.kind = sent ? Asked::Kind::forwarded : Asked::Kind::local;
      }
      if (sent) {
        left_.to_upstream.remove_prefix(asked.wire.size());
        ++verdict_.commands;
      }
      asked_.push_back(asked);
      if (asked.verb == Verb::quit) return;
    }
  }

  /// Whether the next command may have been answered, too.
  bool answer(const Asked& asked) {
    if (asked.kind == Asked::Kind::local) return local_answer(asked);
    verdict_.up_to_date = false;
    if (verdict_.answered == verdict_.commands) return false;  // nothing owed, and not sent
    return forwarded_answer(asked);
  }

  bool local_answer(const Asked& asked) {
    verdict_.up_to_date = !left_.to_client.empty();
    if (left_.to_client.empty()) return false;
    if (asked.verb != Verb::capa) {
      const auto line = cut_line(left_.to_client);
      require(line && line->starts_with("-ERR ") && line->ends_with("\r\n"));
      return true;
    }
    if (left_.over && left_.to_client.starts_with("-ERR")) return false;
    require(left_.to_client.starts_with("+OK"));
    const auto whole = pop3::test::naive(pop3::DotDecoder::Form::as_sent, left_.to_client);
    require(whole.done);
    judge_own_reply(left_.to_client.substr(0, whole.out.size()));
    left_.to_client.remove_prefix(whole.out.size());
    return true;
  }

  bool forwarded_answer(const Asked& asked) {
    std::string_view up = left_.from_upstream;
    const auto line = cut_line(up);
    verdict_.up_to_date = !line;
    if (!line || line->size() > 4096 || !line->ends_with("\r\n")) return false;
    const auto status = pop3::parse_status(line->substr(0, line->size() - 2));
    if (!status) return false;
    if (!left_.to_client.starts_with(*line)) return false;
    left_.to_client.remove_prefix(line->size());
    left_.from_upstream = up;
    if (status->ok && asked.shape == pop3::ReplyShape::multi) {
      if (!body()) return false;
      if (asked.verb == Verb::retr) ++verdict_.messages;
    }
    ++verdict_.answered;
    verdict_.up_to_date = true;
    verdict_.quit_answered = asked.verb == Verb::quit;
    return true;
  }

  /// Whether the client has it whole.
  bool body() {
    const auto said = pop3::test::naive(pop3::DotDecoder::Form::as_sent, left_.from_upstream);
    const std::size_t got = std::min(said.out.size(), left_.to_client.size());
    require(left_.to_client.substr(0, got) == std::string_view(said.out).substr(0, got));
    left_.to_client.remove_prefix(got);
    left_.from_upstream.remove_prefix(got);
    if (said.done && got == said.out.size()) return true;
    require(left_.to_client.empty());  // nothing may follow half a message
    verdict_.mid_reply = true;
    verdict_.up_to_date = got == said.out.size();
    return false;
  }

  void last_words() const {
    std::string_view rest = left_.to_client;
    const auto line = cut_line(rest);
    require(left_.over && line && rest.empty());
    require(line->starts_with("-ERR ") && line->ends_with("\r\n"));
  }

  Transcript left_;
  Verdict verdict_;
  std::deque<Asked> asked_;
};

}  // namespace

Verdict judge(const Transcript& transcript) { return Judge(transcript).run(); }

void judge_own_reply(std::string_view reply) {
  std::string_view rest = reply;
  const auto status = cut_line(rest);
  const auto clean = [](std::string_view line) {
    return line.ends_with("\r\n") && !pop3::breaks_lines(line.substr(0, line.size() - 2));
  };
  require(status && clean(*status) && status->size() <= 4096);
  require(status->starts_with("+OK") || status->starts_with("-ERR") || status->starts_with("+ "));
  if (rest.empty()) return;
  require(status->starts_with("+OK") && rest.ends_with("\r\n.\r\n"));
  while (const auto line = cut_line(rest)) {
    require(clean(*line) && (rest.empty() || !line->starts_with('.')));
  }
  require(rest.empty());
}

}  // namespace gatepost::fuzz
