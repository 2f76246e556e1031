#include "filters/policy_text.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace gatepost::filters {

std::string_view refusal_text(Cause cause) {
  static constexpr std::array<std::string_view, static_cast<std::size_t>(Cause::count_)> kTexts = {
      "Message held back",
      "Message held back: taken for spam",
      "Message could not be scanned, try again later",
      "Message was not scanned in time, try again later",
      "Message could not be scanned, try again later",
      "No room to scan the message, try again later",
      "Message held back: a piece of a larger message, which cannot be scanned",
      "Message held back: too large to be scanned",
      "Message held back: it cannot be scanned",
      "Message held back: it has an encrypted attachment",
      "Message held back: it has an attachment that is not allowed",
      "Message held back: infected"};
  return kTexts[static_cast<std::size_t>(cause)];
}

namespace {

/// All that the gateway adds by itself, but for a tag's header line of another name.
constexpr const char* kOwnFields = "X-Gatepost-*";

/// {cause} and {threat} in it, in one pass: what is put in is not looked at again.
std::string subject_mark(std::string_view pattern, const Verdict& verdict) {
  std::string mark;
  while (!pattern.empty()) {
    if (pattern.starts_with("{cause}")) {
      mark += to_string(verdict.cause);
      pattern.remove_prefix(7);
    } else if (pattern.starts_with("{threat}")) {
      mark += verdict.detail;
      pattern.remove_prefix(8);
    } else {
      mark += pattern.front();
      pattern.remove_prefix(1);
    }
  }
  return mark;
}

void add_tag(const config::Chain& chain, const Opinion& worst, std::vector<HeaderEdit>& edits) {
  const Verdict& verdict = worst.verdict;
  edits.push_back({.what = HeaderEdit::What::replace,
                   .name = chain.tag_header,
                   .value = fmt::format("{}; {}; {}", to_string(verdict.cause), verdict.detail,
                                        worst.scanner)});
  if (chain.tag_subject.empty()) return;
  add_edit(edits, {.what = HeaderEdit::What::prefix,
                   .name = "Subject",
                   .value = subject_mark(chain.tag_subject, verdict)});
}

}  // namespace

void add_edit(std::vector<HeaderEdit>& edits, HeaderEdit edit) {
  bool marked = false;
  for (HeaderEdit& other : edits) {
    const bool gives =
        other.what == HeaderEdit::What::add || other.what == HeaderEdit::What::replace;
    if (edit.what != HeaderEdit::What::prefix || !gives || !same_name(other.name, edit.name)) {
      continue;
    }
    other.value = fmt::format("{} {}", edit.value, other.value);
    marked = true;
  }
  if (!marked) edits.push_back(std::move(edit));
}

std::vector<HeaderEdit> delivery_edits(const config::Chain& chain, Action action,
                                       const Judgement& judgement, const Opinion& worst) {
  // What we say ourselves nobody else is to have said.
  std::vector<HeaderEdit> edits = {
      {.what = HeaderEdit::What::remove, .name = kOwnFields, .value = {}},
      {.what = HeaderEdit::What::remove, .name = chain.tag_header, .value = {}}};
  for (const Opinion& opinion : judgement.trail) {
    edits.insert(edits.end(), opinion.verdict.edits.begin(), opinion.verdict.edits.end());
  }
  if (action == Action::tag) add_tag(chain, worst, edits);
  return edits;
}

}  // namespace gatepost::filters
