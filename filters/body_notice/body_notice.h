#pragma once

#include <cstddef>
#include <memory>

#include "filters/rewrite/rule.h"

namespace gatepost::filters {

/// Octets of a notice, as text or as HTML, and of one line of it.
inline constexpr std::size_t kMaxBodyNotice = 64 * 1024;
inline constexpr std::size_t kMaxBodyNoticeLine = 500;

/// The rule `body_notice`: the same words in the body of every message. They go into each form of
/// the message's own text (own_text.h), the rest stays octet for octet. What is signed or encrypted
/// is not touched.
///
/// Options:
///   text, text_file  the notice, plain text in UTF-8, as TemplateText
///   html, html_file  the same for HTML parts; without it the text in a box
///   at               "top" of the text (the default) or its "end"
///   signed           what becomes of signed and encrypted messages: "skip" (the default), or
///                    "wrap", which puts a part with the notice in front, if there is a place
///   no_text          the same for messages without a text; "wrap" is the default
[[nodiscard]] Result<std::shared_ptr<const Rule>> make_body_notice(const config::Filter& rule);

}  // namespace gatepost::filters
