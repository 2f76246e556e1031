#include "filters/retention/findings.h"

#include <ctime>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "filters/retention/opening.h"

namespace gatepost::filters {

using What = RetentionFinding::What;

namespace {

constexpr auto kAbout = Decision::About::retention;

/// Clients count what they see.
class Numbers {
 public:
  explicit Numbers(const std::vector<std::uint8_t>& marks) : before_(marks.size()) {
    std::uint32_t hidden = 0;
    for (std::size_t i = 0; i < marks.size(); ++i) {
      const bool not_seen = (marks[i] & MessageMark::kHidden) != 0;
      before_[i] = not_seen ? kNotSeen : hidden;
      if (not_seen) ++hidden;
    }
  }
  /// 0: the client does not see it.
  [[nodiscard]] std::uint32_t of(std::uint32_t index) const {
    if (index >= before_.size()) return index + 1;
    return before_[index] == kNotSeen ? 0 : index + 1 - before_[index];
  }
  /// "message 3", "message 7 of the mail server, which is not shown"
  [[nodiscard]] std::string name(std::uint32_t index) const {
    const std::uint32_t number = of(index);
    if (number > 0) return fmt::format("message {}", number);
    return fmt::format("message {} of the mail server, which is not shown", index + 1);
  }

 private:
  static constexpr std::uint32_t kNotSeen = 0xffff'ffffU;
  std::vector<std::uint32_t> before_;
};

std::string date(std::int64_t time) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(static_cast<std::time_t>(time)));
}

std::string_view words_of(RetentionGuard guard) {
  switch (guard) {
    case RetentionGuard::not_retrieved:
      return "it was never retrieved whole";
    case RetentionGuard::not_allowed:
      return "it was not delivered as it is: kept in quarantine, replaced, or without a verdict";
    case RetentionGuard::brake:
      return "the brake: too many deletions in one session";
    case RetentionGuard::hold:
      return "a legal hold";
    case RetentionGuard::ambiguous:
      return "another message has the same UIDL";
    case RetentionGuard::changed:
      return "it was brought back meanwhile";
    case RetentionGuard::count_:
      break;
  }
  std::unreachable();
}

std::string_view words_of(const std::optional<RetentionGuard>& guard) {
  return guard ? words_of(*guard) : "the policy, or a record that cannot be read";
}

/// The key that decided.
std::string key_of(const RetentionPolicy& policy, const RetentionFinding& finding) {
  if (policy.held || finding.guard == RetentionGuard::hold) return "/retention/hold";
  if (finding.guard == RetentionGuard::brake) return policy.path + "/brake";
  switch (finding.what) {
    case What::hidden:
    case What::kept:
      return policy.path + "/view";
    case What::goes:
      return policy.path + (finding.cause == RemovalCause::period ? "/period" : "/type");
    case What::later:
      return policy.path + "/period";
    case What::refused:
    case What::guarded:
      break;
  }
  return policy.path + "/type";
}

std::string words_of(const RetentionPolicy& policy, const RetentionFinding& finding) {
  switch (finding.what) {
    case What::hidden:
      return "DELE: the message is kept, and not shown any more";
    case What::kept:
      return "DELE: the message is kept, and shown again in the next session";
    case What::refused:
      return fmt::format("DELE cannot be done, the message is kept: {}", words_of(finding.guard));
    case What::goes:
      return fmt::format("the message is to be removed: {}",
                         removal_reason(policy.config, finding.cause));
    case What::guarded:
      return fmt::format("due since {}, and kept: {}", date(finding.due), words_of(finding.guard));
    case What::later:
      return fmt::format("kept until {} or later", date(finding.due));
  }
  std::unreachable();
}

}  // namespace

void note_findings(Journal::Page& page, const RetentionPolicy& policy,
                   const std::vector<std::uint8_t>& marks,
                   const std::vector<RetentionFinding>& findings) {
  if (findings.empty()) return;
  const Numbers numbers(marks);
  const std::string_view as_if = policy.config.dry_run ? "dry run: " : "";
  std::string others;
  for (const RetentionFinding& finding : findings) {
    if (finding.what == What::guarded || finding.what == What::later) {
      others += fmt::format("\n{}: {} ({})", numbers.name(finding.index), words_of(policy, finding),
                            key_of(policy, finding));
      continue;
    }
    std::string text = fmt::format("{}{}", as_if, words_of(policy, finding));
    const std::uint32_t number = numbers.of(finding.index);
    if (number == 0) text += fmt::format("\nit is {}", numbers.name(finding.index));
    page.note(kAbout, text, key_of(policy, finding), number);
  }
  if (!others.empty()) page.note(kAbout, fmt::format("{}what stays", as_if) + others, policy.path);
}

void note_idle(Journal::Page& page, const RetentionPolicy& policy, std::int64_t next_due) {
  page.note(kAbout,
            next_due == Opening::kNever
                ? std::string("nothing to settle, and nothing will be due by itself")
                : fmt::format("nothing to settle, and nothing due before {}", date(next_due)),
            policy.path);
}

void note_gone(Journal::Page& page, const RetentionPolicy& policy,
               const std::vector<std::uint8_t>& marks, const std::vector<Removal>& removals) {
  if (removals.empty()) return;
  const Numbers numbers(marks);
  for (const Removal& removal : removals) {
    std::string text = "the mail server has removed the message";
    const std::uint32_t number = numbers.of(removal.index);
    if (number == 0) text += fmt::format("\nit is {}", numbers.name(removal.index));
    page.note(kAbout, text, policy.path, number);
  }
}

}  // namespace gatepost::filters
