#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "filters/message/header_edit.h"
#include "filters/verdict.h"

/// What a policy's action says about a message, in words.
namespace gatepost::filters {

/// For -ERR [SYS/TEMP]: why the client does not get the message, without a detail that an
/// administrator alone should see.
[[nodiscard]] std::string_view refusal_text(Cause cause);

/// Adds an edit to those that there are: a mark for a subject that another edit sets goes into
/// that.
void add_edit(std::vector<HeaderEdit>& edits, HeaderEdit edit);

/// What is changed in the header of a message that is delivered: what scanners wish, and with
/// Action::tag the verdict in the tag's header line and a mark in the subject, by `worst`.
[[nodiscard]] std::vector<HeaderEdit> delivery_edits(const config::Chain& chain, Action action,
                                                     const Judgement& judgement,
                                                     const Opinion& worst);

}  // namespace gatepost::filters
