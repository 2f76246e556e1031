#pragma once

#include <memory>

#include "filters/rewrite/rule.h"

namespace gatepost::filters {

/// The rule `defang`: whatever a mail program may take for HTML is harmless afterwards
/// (html_defang.h). A part in which nothing does harm stays octet for octet.
///
/// Options:
///   remote_images  "block" (the default) or "keep"
///   links          "keep" (the default) or "show": the target behind the text
///   attachments    whether files named .htm, .html, … are looked at, too (true)
///   signed         "change" (the default) or "keep": nothing within multipart/signed is touched
[[nodiscard]] Result<std::shared_ptr<const Rule>> make_defang(const config::Filter& rule);

}  // namespace gatepost::filters
