#include "filters/rewrite/rewriter.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace gatepost::filters {

namespace {

/// Octets that are read at a time.
constexpr std::size_t kPiece = 64 * 1024;

Result<Rewritten> finish(RewritePlan& plan) {
  Rewritten rewritten;
  rewritten.notes = plan.notes();
  rewritten.passed_by = plan.passed_by();
  if (plan.stopped()) {
    rewritten.stop = plan.stopped();
    return rewritten;
  }
  auto outcome = plan.finish();
  if (!outcome) return std::unexpected(outcome.error());
  rewritten.splices = std::move(outcome->splices);
  rewritten.header = std::move(outcome->header);
  rewritten.loses = outcome->loses;
  for (const Splice& splice : rewritten.splices) rewritten.held += splice.text.size();
  for (const HeaderEdit& edit : rewritten.header) rewritten.held += edit.value.size();
  return rewritten;
}

}  // namespace

Result<Rewritten> rewrite_header(const RuleBook& rules, RuleInput input) {
  RewritePlan plan(nullptr, nullptr);
  if (auto done = rules.apply(input, RuleBook::Which::header_only, plan); !done) {
    return std::unexpected(done.error());
  }
  return finish(plan);
}

Result<Rewritten> rewrite_message(const RuleBook& rules, RuleInput input, const MessageText& text) {
  MimeScanner scanner;
  auto read = text.read(0, text.size(), [&scanner](std::string_view piece) {
    scanner.feed(piece);
    return true;
  });
  if (!read) return std::unexpected(read.error());
  scanner.end();
  const MimeStructure structure = scanner.take_structure();
  if (structure.too_complex) {
    return fail(ErrorCode::limit, "more parts, or deeper in each other, than is looked at");
  }
  input.size = text.size();
  input.text = &text;
  input.structure = &structure;
  RewritePlan plan(&text, &structure);
  if (auto done = rules.apply(input, RuleBook::Which::all, plan); !done) {
    return std::unexpected(done.error());
  }
  return finish(plan);
}

Result<void> SpoolText::read(std::uint64_t begin, std::uint64_t end,
                             const std::function<bool(std::string_view)>& sink) const {
  end = std::min(end, spool_.size());
  begin = std::min(begin, end);
  if (spool_.file() < 0) {
    if (end > begin) sink(spool_.memory().substr(begin, end - begin));
    return {};
  }
  std::string buffer;
  for (std::uint64_t at = begin; at < end; at += buffer.size()) {
    buffer.resize(std::min<std::uint64_t>(kPiece, end - at));
    if (auto done = spool_.read(at, buffer); !done) return done;
    if (!sink(buffer)) break;
  }
  return {};
}

}  // namespace gatepost::filters
