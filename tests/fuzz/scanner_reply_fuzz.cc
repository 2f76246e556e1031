// Any octets as what a scanner replies: clamd, spamd, a command. Clean is only what is clearly so,
// the same however it arrives, and nothing of the reply leaves as anything but inert text.

#include <algorithm>
#include <string>

#include "filters/message/header_edit.h"
#include "filters/scan/clamd.h"
#include "filters/scan/command.h"
#include "filters/scan/spamd.h"
#include "tests/fuzz/fuzz.h"

using namespace gatepost;
using namespace gatepost::filters;
using fuzz::require;

namespace {

void require_inert(const Verdict& verdict) {
  require(verdict.detail.size() <= Verdict::kMaxDetail);
  require(std::ranges::all_of(verdict.detail, [](char c) { return c >= ' ' && c <= '~'; }));
  require(verdict.edits.size() <= Verdict::kMaxEdits);
  for (const HeaderEdit& edit : verdict.edits) {
    require(is_field_name(edit.name));
    require(std::ranges::all_of(edit.value, [](char c) { return c >= ' ' && c <= '~'; }));
  }
}

void look_at_clamd(std::string_view reply) {
  for (const bool by_descriptor : {false, true}) {
    const Verdict whole = read_clamd_reply(reply, by_descriptor, true);
    const Verdict half = read_clamd_reply(reply, by_descriptor, false);
    require_inert(whole);
    require(half.cause != Cause::clean);
    if (whole.cause != Cause::clean) continue;
    require(by_descriptor ? reply.starts_with("fd[") && reply.ends_with("]: OK")
                          : reply == "stream: OK");
  }
}

void look_at_spamd(std::string_view reply) {
  const Verdict whole = read_spamd_reply(reply, true);
  require_inert(whole);
  require(read_spamd_reply(reply, false).cause == Cause::not_understood);
  if (whole.cause == Cause::clean) require(whole.score.has_value());
  // What was understood had come whole, and not before.
  if (whole.cause == Cause::not_understood) return;
  require(spamd_reply_size(reply) == reply.size());
  for (std::size_t n = 0; n < reply.size(); ++n) {
    const auto size = spamd_reply_size(reply.substr(0, n));
    require(!size || *size == reply.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const int status = input.octet();
  const std::string_view reply = input.rest();
  look_at_clamd(reply);
  look_at_spamd(reply);
  using How = net::ProgramEnd::How;
  for (const How how : {How::exited, How::signalled, How::not_run, How::too_talkative}) {
    const Verdict verdict = read_program_end({how, status, std::string(reply)});
    require_inert(verdict);
    require((verdict.cause == Cause::clean) == (how == How::exited && status == 0));
  }
  return 0;
}
