#pragma once

#include <memory>

#include "config/config.h"
#include "filters/rewrite/rule.h"
#include "proxy/base/error.h"

namespace gatepost::filters {

/// Removes, renames or holds back attachments by what they are called, what they are, and what is
/// in them. Every reading of a part counts: of its types, its encodings, its names. Signed parts
/// are no exception, what is changed in them breaks the signature.
///
/// Options (docs/filters.md):
///   names, except_names             list of texts: patterns for file names
///   types, declared, except_types   list of texts: patterns for MIME types, or words for groups
///   archives                        bool: look into archives, too (true)
///   encrypted                       bool: encrypted archives and documents are unwanted (false)
///   unreadable                      bool: so is what cannot be looked into (as archives)
///   inline                          bool: parts without a name count, too (true)
///   action                          strip, rename, notice, quarantine, refuse
///   suffix                          text: what rename puts behind a name (".blocked")
///   language                        en, de: of what stands in place of an attachment
///
/// Opens libmagic: make it before the process gives up its rights.
[[nodiscard]] Result<std::shared_ptr<const Rule>> make_attachments(const config::Filter& filter);

}  // namespace gatepost::filters
