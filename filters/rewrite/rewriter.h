#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "filters/rewrite/rule_book.h"
#include "filters/spool/spool.h"
#include "proxy/base/error.h"

namespace gatepost::filters {

/// What the rules of a chain make of one message.
struct Rewritten {
  std::vector<Splice> splices;     ///< of the message
  std::vector<HeaderEdit> header;  ///< of what the splices leave
  std::optional<RewritePlan::Stop> stop;
  std::vector<std::string> notes;
  std::vector<RewritePlan::PassedBy> passed_by;
  bool loses = false;    ///< a part of the message is replaced
  std::size_t held = 0;  ///< octets of the texts in it
};

/// By the rules that need no more than the header, `input.header`.
[[nodiscard]] Result<Rewritten> rewrite_header(const RuleBook& rules, RuleInput input);
/// By all of them; blocks, in any thread. More parts than MimeScanner takes give the message up.
[[nodiscard]] Result<Rewritten> rewrite_message(const RuleBook& rules, RuleInput input,
                                                const MessageText& text);

/// The message of a ready spool, which must outlive it.
class SpoolText final : public MessageText {
 public:
  explicit SpoolText(const Spool& spool) : spool_(spool) {}
  [[nodiscard]] std::uint64_t size() const override { return spool_.size(); }
  [[nodiscard]] Result<void> read(std::uint64_t begin, std::uint64_t end,
                                  const std::function<bool(std::string_view)>& sink) const override;

 private:
  const Spool& spool_;
};

}  // namespace gatepost::filters
