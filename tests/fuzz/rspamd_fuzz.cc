// What rspamd answers in JSON, and what a message says of where it came from: within bounds, and
// nothing that could end a line of a request.

#include "filters/scan/mail_origin.h"
#include "filters/scan/rspamd_reply.h"
#include "tests/fuzz/fuzz.h"

using namespace gatepost;
using namespace gatepost::filters;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static BlockPool pool;
  const std::string_view text = fuzz::Input(data, size).rest();
  const Verdict verdict = rspamd_verdict(text);
  require(verdict.edits.size() <= Verdict::kMaxEdits);
  require(verdict.detail.size() <= Verdict::kMaxDetail);
  for (const HeaderEdit& edit : verdict.edits) {
    require(is_field_name(edit.name) && edit.value.size() <= HeaderEditor::kMaxValue);
  }
  // A score and an action, else it is nothing.
  require(verdict.score.has_value() == (verdict.cause != Cause::not_understood));
  if (verdict.cause == Cause::clean) require(text.contains("score") && text.contains("action"));

  const MailOrigin origin = MailOrigin::of(ByteChain(pool, text));
  require(!origin.sender || origin.sender->empty() || is_header_word(*origin.sender));
  require(origin.address.empty() || is_header_word(origin.address));
  require(origin.helo.empty() || is_header_word(origin.helo));
  return 0;
}
