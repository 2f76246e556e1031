#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/timer.h"

/// Plain data of the filter chains. Included through config/config.h.
namespace gatepost::config {

/// What was found out about a message, the harmless first, the worst last.
enum class Cause : std::uint8_t {
  clean,
  spam,
  unreachable,     ///< a scanner could not be asked, its queue was full, or it broke off
  timeout,         ///< a scanner did not answer in time
  not_understood,  ///< a scanner answered nonsense, or with an error of its own
  spool_full,      ///< no room to keep the message while it is looked at
  partial,         ///< a piece of a message that is cut in several (message/partial, RFC 2046)
  oversize,        ///< larger than a scanner takes
  unscannable,     ///< encrypted or nested so that a scanner cannot look into it
  encrypted,       ///< a rule does not want encrypted attachments
  attachment,      ///< a rule does not want such attachments
  infected,
  count_,
};

enum class Action : std::uint8_t {
  deliver,     ///< as it came
  tag,         ///< with a header line that says so, and a mark in the subject
  refuse,      ///< -ERR [SYS/TEMP]: the message stays where it is
  notice,      ///< a message of ours in its place
  quarantine,  ///< the same, and the original is kept
  count_,
};

/// By Cause. clean is always deliver.
using Policy = std::array<Action, static_cast<std::size_t>(Cause::count_)>;
[[nodiscard]] inline Action& action_for(Policy& policy, Cause cause) {
  return policy[static_cast<std::size_t>(cause)];
}
[[nodiscard]] inline Action action_for(const Policy& policy, Cause cause) {
  return policy[static_cast<std::size_t>(cause)];
}

/// With a quarantine: infected, unscannable, partial, oversize go there. Without one: infected and
/// partial become a notice, what could not be scanned for its size or encryption is refused. Spam
/// is tagged. Trouble that may pass (unreachable, time-out, not understood, spool full) is refused.
[[nodiscard]] inline Policy default_policy(bool with_quarantine) {
  Policy policy{};
  const Action keep = with_quarantine ? Action::quarantine : Action::notice;
  const Action hold = with_quarantine ? Action::quarantine : Action::refuse;
  action_for(policy, Cause::clean) = Action::deliver;
  action_for(policy, Cause::spam) = Action::tag;
  for (const Cause cause :
       {Cause::unreachable, Cause::timeout, Cause::not_understood, Cause::spool_full}) {
    action_for(policy, cause) = Action::refuse;
  }
  for (const Cause cause : {Cause::infected, Cause::partial}) action_for(policy, cause) = keep;
  // What rules find has the rule's own action.
  for (const Cause cause : {Cause::encrypted, Cause::attachment}) action_for(policy, cause) = keep;
  for (const Cause cause : {Cause::unscannable, Cause::oversize}) action_for(policy, cause) = hold;
  return policy;
}

/// Their names in the document, in the log and in metrics, in the order of the values.
inline constexpr std::array<std::string_view, static_cast<std::size_t>(Cause::count_)> kCauseNames =
    {"clean",   "spam",     "unreachable", "timeout",   "not_understood", "spool_full",
     "partial", "oversize", "unscannable", "encrypted", "attachment",     "infected"};
inline constexpr std::array<std::string_view, static_cast<std::size_t>(Action::count_)>
    kActionNames = {"deliver", "tag", "refuse", "notice", "quarantine"};

enum class ScannerType : std::uint8_t { clamd, icap, rspamd, spamd, command };
inline constexpr std::array kScannerTypes = {ScannerType::clamd, ScannerType::icap,
                                             ScannerType::rspamd, ScannerType::spamd,
                                             ScannerType::command};

/// Its name in the document and for people.
[[nodiscard]] constexpr std::string_view to_string(ScannerType type) {
  switch (type) {
    case ScannerType::clamd:
      return "clamd";
    case ScannerType::icap:
      return "icap";
    case ScannerType::rspamd:
      return "rspamd";
    case ScannerType::spamd:
      return "spamd";
    case ScannerType::command:
      return "command";
  }
  std::unreachable();
}

struct Scanner {
  std::string name;
  ScannerType type = ScannerType::clamd;
  Endpoint address;                  ///< not for command
  bool tls = false;                  ///< icap, rspamd
  bool verify = true;                ///< with tls
  std::string ca_file;               ///< PEM; empty: the system's
  std::string server_name;           ///< expected name; empty: the host
  std::string service;               ///< icap: the path, "avscan"
  bool descriptor = false;           ///< clamd at a Unix socket: it is handed the file (FILDES)
  std::vector<std::string> command;  ///< command: absolute path and arguments
  std::uint64_t command_memory = 512 * 1024 * 1024;  ///< command: octets of address space
  Duration timeout{60'000};                          ///< of one scan, waiting for a place included
  std::uint32_t concurrency = 8;                     ///< scans at once, all workers together
  std::uint32_t queue = 256;                         ///< messages that may wait, all workers
  std::uint64_t max_size = 25 * 1024 * 1024;         ///< a larger message is oversize
  std::uint32_t breaker_failures = 5;  ///< in a row, then nothing is sent for breaker_pause
  Duration breaker_pause{10'000};
  Duration self_test{60'000};  ///< interval; 0: only at start and after trouble
  bool required = true;        ///< readiness depends on it
  bool operator==(const Scanner&) const = default;
};

/// An option of a filter, as the document has it.
using FilterOption = std::variant<bool, std::int64_t, std::string, std::vector<std::string>>;

struct Filter {
  std::string type;  ///< a name of filters/registry.cc
  std::map<std::string, FilterOption> options;
};

/// For which messages a rule is. What is empty holds for all; all that is not must hold.
struct When {
  struct HeaderMatch {
    std::string name;
    std::string pattern;  ///< RE2; of the field's text, decoded, somewhere in it
  };
  std::vector<std::string> routes;          ///< names, one of them
  std::vector<std::string> users;           ///< patterns with * and ?, one of them
  std::vector<IpNetwork> networks;          ///< of the client, one of them
  std::vector<std::string> sender_domains;  ///< of From; ".example.org" with all below it
  std::vector<HeaderMatch> headers;         ///< all of them
  std::uint64_t larger_than = 0;            ///< octets
  std::uint64_t smaller_than = 0;           ///< octets; 0: of any size
  std::vector<std::string> verdicts;        ///< names of causes, one of them
  std::optional<double> min_score;
  std::optional<bool> external;
};

/// What is done with messages after the verdict: a type of filters/rewrite/rules.cc.
struct Rule {
  std::string name;  ///< for the log; empty: the type
  Filter filter;
  When when;
  When unless;  ///< not where this holds, if it is anything
};

/// Who is not external: mail whose sender's domain is one of these, and that did not come from
/// outside of the networks.
struct Internal {
  std::vector<std::string> domains;  ///< ".example.org" with all below it
  std::vector<IpNetwork> networks;   ///< besides the private ones
};

/// What a client hears while its message is looked at.
struct Waiting {
  Duration quiet{20'000};      ///< nothing; any outcome is possible until then
  Duration interval{10'000};   ///< then +OK and a header line each time
  Duration deadline{300'000};  ///< from RETR to the verdict; then it is a time-out
  /// A message whose scan ended in a time-out after +OK is refused at once for so long, so that a
  /// client that comes back can go on to the next.
  Duration refuse_again{600'000};
};

/// The message that stands in for another.
struct Notice {
  std::string language = "en";  ///< en, de, or both: "en,de"
  std::string text_file;        ///< template of the plain part; empty: the built-in one
  std::string html_file;
  std::string contact;  ///< whom to ask: one line
};

enum class Sizes : std::uint8_t {
  upstream,  ///< LIST and STAT say what upstream says
  exact,     ///< and of messages seen before, what a client will really get
};

struct Chain {
  std::string name;
  std::vector<Filter> filters;        ///< in this order, before the scanners look
  std::vector<std::string> scanners;  ///< names; all look at each message, side by side
  std::vector<Rule> rewrite;          ///< in this order, after the verdict
  Internal internal;
  std::string shadow;  ///< name of a chain that looks at the same messages without effect
  Policy policy{};
  Waiting waiting;
  Notice notice;
  /// Lines of the body that TOP may show unscanned; with more it becomes a scanned retrieval.
  std::uint32_t top_lines = 0;
  std::string tag_header = "X-Gatepost-Verdict";
  std::string tag_subject = "[{cause}] ";  ///< {cause} and {threat}; empty: the subject stays
  bool remember = true;                    ///< verdicts, see VerdictMemory
  std::uint32_t read_ahead = 0;            ///< messages fetched and scanned ahead, at most 8
  Sizes sizes = Sizes::upstream;
};

/// Where messages are kept while they are looked at.
struct Spool {
  std::string folder = "/var/tmp";
  std::uint64_t max_message = 256ULL * 1024 * 1024;
  std::uint64_t max_total = 4ULL * 1024 * 1024 * 1024;  ///< all workers together
  bool operator==(const Spool&) const = default;
};

struct Quarantine {
  std::string folder;  ///< empty: there is none
  std::uint64_t max_size = 10ULL * 1024 * 1024 * 1024;
  std::chrono::seconds max_age{30 * 24 * 3600};
  bool operator==(const Quarantine&) const = default;
};

struct VerdictMemory {
  std::uint32_t entries = 100'000;  ///< 0: nothing is remembered
  std::chrono::seconds max_age{24 * 3600};
  bool operator==(const VerdictMemory&) const = default;
};

}  // namespace gatepost::config
