#include "filters/scan/clamd.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "filters/scan/inquiry.h"
#include "filters/scan/tell_later.h"

namespace gatepost::filters {

namespace {

using namespace std::string_view_literals;

/// What stands behind the name that clamd gives to what it was handed, "stream" or "fd[12]".
std::optional<std::string_view> behind_name(std::string_view reply, bool by_descriptor) {
  std::string_view rest = reply;
  const auto skip = [&rest](std::string_view word) {
    if (!rest.starts_with(word)) return false;
    rest.remove_prefix(word.size());
    return true;
  };
  if (!by_descriptor) return skip("stream: ") ? std::optional(rest) : std::nullopt;
  if (!skip("fd[")) return std::nullopt;
  const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
  rest.remove_prefix(digits);
  return digits > 0 && skip("]: ") ? std::optional(rest) : std::nullopt;
}

std::optional<std::size_t> up_to_nul(std::string_view so_far) {
  const std::size_t nul = so_far.find('\0');
  return nul == std::string_view::npos ? std::nullopt : std::optional(nul + 1);
}

class Clamd final : public Scanner {
 public:
  Clamd(config::Scanner config, const ScannerTools& tools)
      : config_(std::move(config)), tools_(tools) {}

  [[nodiscard]] Ticket scan(ScanJob job, Done done) override {
    const bool by_descriptor = config_.descriptor;
    auto question = by_descriptor ? handing_over(*job.message) : streaming(std::move(job.message));
    if (!question) {
      return tell_later(tools_.timers,
                        [done = std::move(done), error = std::move(question.error())]() mutable {
                          done(Verdict::of(Cause::spool_full, error.detail));
                        });
    }
    return inquire(
        tools_, config_.address, config_.timeout, std::move(*question),
        [by_descriptor, done = std::move(done)](const Answer& answer) mutable {
          if (answer.failure) return done(answer.trouble());
          done(read_clamd_reply(without_nul(answer.reply), by_descriptor, answer.all_sent));
        });
  }
  [[nodiscard]] Ticket ask_version(VersionDone done) override {
    return inquire(tools_, config_.address, config_.timeout, ask("zVERSION\0"sv),
                   [done = std::move(done)](Answer answer) mutable {
                     if (answer.failure) return done(std::unexpected(*answer.failure));
                     std::string version(without_nul(answer.reply));
                     // "ClamAV 1.4.6/27000/date": without an official database it tells that of no
                     // database at all, and nobody would notice when one changes.
                     if (!version.contains('/')) {
                       return done(fail(ErrorCode::protocol, "no version of a database"));
                     }
                     done(std::move(version));
                   });
  }

 private:
  static std::string_view without_nul(std::string_view reply) {
    return reply.substr(0, reply.size() - 1);
  }
  static Question ask(std::string_view command) {
    Question question;
    question.head = command;
    question.max_reply = kMaxClamdReply;
    question.reply_size = up_to_nul;
    return question;
  }
  static Result<Question> streaming(std::shared_ptr<const Spool> message) {
    Question question = ask("zINSTREAM\0"sv);
    question.message = std::move(message);
    question.framing = Question::Framing::chunks;
    return question;
  }
  /// The descriptor comes with one octet behind the command (clamd(8), FILDES).
  static Result<Question> handing_over(const Spool& message) {
    auto descriptor = message.open_again();
    if (!descriptor) return std::unexpected(descriptor.error());
    Question question = ask("zFILDES\0\0"sv);
    question.descriptor = std::move(*descriptor);
    return question;
  }

  const config::Scanner config_;
  const ScannerTools tools_;
};

}  // namespace

Verdict read_clamd_reply(std::string_view reply, bool by_descriptor, bool all_sent) {
  if (reply == "INSTREAM size limit exceeded. ERROR") {
    return Verdict::of(Cause::oversize, "StreamMaxLength of clamd exceeded");
  }
  constexpr std::string_view kFound = " FOUND";
  const auto said = behind_name(reply, by_descriptor);
  if (said == "OK") {
    if (all_sent) return Verdict::clean();
    return Verdict::of(Cause::not_understood, "OK before it had the whole message");
  }
  if (said && said->ends_with(kFound) && said->size() > kFound.size()) {
    const std::string_view threat = said->substr(0, said->size() - kFound.size());
    const bool not_seen_all = threat.starts_with("Heuristics.Encrypted") ||
                              threat.starts_with("Heuristics.Limits.Exceeded");
    return Verdict::of(not_seen_all ? Cause::unscannable : Cause::infected, threat);
  }
  return Verdict::of(Cause::not_understood, reply);
}

std::unique_ptr<Scanner> make_clamd(const config::Scanner& config, const ScannerTools& tools) {
  return std::make_unique<Clamd>(config, tools);
}

}  // namespace gatepost::filters
