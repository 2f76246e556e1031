#include "filters/scan/spamd.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "filters/message/header_scanner.h"
#include "filters/scan/inquiry.h"
#include "filters/scan/tell_later.h"

namespace gatepost::filters {

namespace {

constexpr std::string_view kHeaderEnd = "\r\n\r\n";

/// What was judged, without a doubt.
struct Judged {
  bool spam = false;
  double score = 0;
  double threshold = 0;
};

std::optional<std::size_t> whole_number(std::string_view text) {
  std::size_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && at == end ? std::optional(value) : std::nullopt;
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  const bool good = error == std::errc() && at == end && std::isfinite(value);
  return good ? std::optional(value) : std::nullopt;
}

/// The text up to `mark`, which is taken from the front of `rest` with it; all of it without one.
std::string_view take_until(std::string_view& rest, std::string_view mark) {
  const std::size_t at = rest.find(mark);
  const std::string_view taken = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + mark.size());
  return taken;
}

/// The value of the one field of that name.
std::optional<std::string_view> field(std::string_view header, std::string_view name) {
  std::optional<std::string_view> found;
  while (!header.empty()) {
    std::string_view line = take_until(header, "\r\n");
    if (!same_name(take_until(line, ": "), name)) continue;
    if (found) return std::nullopt;  // two opinions
    found = line;
  }
  return found;
}

/// 0 for "SPAMD/1.1 0 EX_OK".
std::optional<std::size_t> status(std::string_view line) {
  if (take_until(line, " ").substr(0, 6) != "SPAMD/") return std::nullopt;
  return whole_number(take_until(line, " "));
}

std::optional<std::size_t> content_length(std::string_view header) {
  const auto value = field(header, "Content-length");
  return value ? whole_number(*value) : std::nullopt;
}

/// "True ; 15.0 / 5.0"
std::optional<Judged> judged(std::string_view value) {
  const std::string_view flag = take_until(value, " ; ");
  const bool spam = flag == "True" || flag == "Yes";
  if (!spam && flag != "False" && flag != "No") return std::nullopt;
  const auto score = number(take_until(value, " / "));
  const auto threshold = number(value);
  if (!score || !threshold) return std::nullopt;
  return Judged{spam, *score, *threshold};
}

/// "GTUBE,WEAK_SUBJECT"
bool are_symbols(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ',';
  });
}

bool has_symbol(std::string_view symbols, std::string_view wanted) {
  while (!symbols.empty()) {
    if (take_until(symbols, ",") == wanted) return true;
  }
  return false;
}

std::vector<HeaderEdit> edits(const Judged& found, std::string_view symbols) {
  const auto set = [](std::string name, std::string value) {
    const auto what = value.empty() ? HeaderEdit::What::remove : HeaderEdit::What::replace;
    return HeaderEdit{what, std::move(name), std::move(value)};
  };
  return {set("X-Spam-Flag", found.spam ? "YES" : ""),
          set("X-Spam-Score", fmt::format("{:.1f}", found.score)),
          set("X-Spam-Symbols", std::string(symbols))};
}

class Spamd final : public Scanner {
 public:
  Spamd(config::Scanner config, const ScannerTools& tools)
      : config_(std::move(config)), tools_(tools) {}

  [[nodiscard]] Ticket scan(ScanJob job, Done done) override {
    Question question;
    // No User: whose preferences are used must not decide, because verdicts are remembered for all.
    const std::uint64_t size = job.message->size();
    // It reads lines: behind no line at all it would wait for one.
    question.head = size > 0 ? head(size) : head(2) + "\r\n";
    question.message = std::move(job.message);
    question.max_reply = kMaxSpamdReply;
    question.reply_size = spamd_reply_size;
    return inquire(
        tools_, config_.address, config_.timeout, std::move(question),
        [done = std::move(done)](const Answer& answer) mutable { done(verdict(answer)); });
  }
  /// spamd says the version of its protocol only, which decides nothing.
  [[nodiscard]] Ticket ask_version(VersionDone done) override {
    return tell_later(tools_.timers, [done = std::move(done)]() mutable { done(std::string()); });
  }

 private:
  static std::string head(std::uint64_t size) {
    return fmt::format("SYMBOLS SPAMC/1.5\r\nContent-length: {}\r\n\r\n", size);
  }
  /// Complaints ("SPAMD/1.0 76 Bad header line: …") have a line only, and end with the connection.
  static Verdict verdict(const Answer& answer) {
    const bool complaint = answer.failure && answer.failure->code == ErrorCode::closed &&
                           answer.reply.ends_with("\r\n") && status(answer.reply).value_or(0) != 0;
    if (!answer.failure || complaint) return read_spamd_reply(answer.reply, answer.all_sent);
    return answer.trouble();
  }

  const config::Scanner config_;
  const ScannerTools tools_;
};

}  // namespace

std::optional<std::size_t> spamd_reply_size(std::string_view so_far) {
  const std::size_t end = so_far.substr(0, kMaxSpamdHeader).find(kHeaderEnd);
  if (end == std::string_view::npos) {
    return so_far.size() < kMaxSpamdHeader ? std::nullopt : std::optional(so_far.size());
  }
  const std::size_t head = end + kHeaderEnd.size();
  const auto body = content_length(so_far.substr(0, end));
  if (!body || *body > kMaxSpamdReply) return so_far.size();
  return head + *body;
}

Verdict read_spamd_reply(std::string_view reply, bool all_sent) {
  const auto nonsense = [&reply] { return Verdict::of(Cause::not_understood, reply); };
  const std::size_t end = reply.find(kHeaderEnd);
  if (end == std::string_view::npos || end > kMaxSpamdHeader) return nonsense();
  std::string_view header = reply.substr(0, end);
  std::string_view symbols = reply.substr(end + kHeaderEnd.size());
  const auto length = content_length(header);
  if (!length || *length != symbols.size()) return nonsense();
  if (symbols.ends_with("\r\n")) symbols.remove_suffix(2);
  const auto value = field(header, "Spam");
  const auto found = value ? judged(*value) : std::nullopt;
  if (status(take_until(header, "\r\n")) != 0 || !found || !are_symbols(symbols)) {
    return nonsense();
  }
  if (!all_sent) return Verdict::of(Cause::not_understood, "a reply before it had the message");
  if (!found->spam && has_symbol(symbols, "TIME_LIMIT_EXCEEDED")) {
    return Verdict::of(Cause::timeout, "time_limit of SpamAssassin exceeded");
  }
  Verdict verdict = Verdict::clean();
  if (found->spam) {
    verdict = Verdict::of(
        Cause::spam, fmt::format("{:.1f} of {:.1f}: {}", found->score, found->threshold, symbols));
  }
  verdict.score = found->score;
  verdict.edits = edits(*found, symbols);
  return verdict;
}

std::unique_ptr<Scanner> make_spamd(const config::Scanner& config, const ScannerTools& tools) {
  return std::make_unique<Spamd>(config, tools);
}

}  // namespace gatepost::filters
