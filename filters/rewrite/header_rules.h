#pragma once

#include <memory>

#include "filters/rewrite/rule.h"

/// Rules of the header alone; lines and tags may hold variables (TemplateText).
namespace gatepost::filters {

/// Options: `lines`, "Name: value"; `at`: top, end. Fields of the same names that came with the
/// message are forged and go, if they begin with "X-"; with `forged`: `keep` they stay.
[[nodiscard]] Result<std::shared_ptr<const Rule>> make_add_header_rule(const config::Filter& rule);
/// Options: `lines`: each replaces all fields of its name; `at`.
[[nodiscard]] Result<std::shared_ptr<const Rule>> make_replace_header_rule(
    const config::Filter& rule);
/// Options: `names`; "X-Name-*" are all that begin so.
[[nodiscard]] Result<std::shared_ptr<const Rule>> make_remove_header_rule(
    const config::Filter& rule);
/// Options: `names`, each "Old: New".
[[nodiscard]] Result<std::shared_ptr<const Rule>> make_rename_header_rule(
    const config::Filter& rule);
/// Options: `tag`, put before the subject, once.
[[nodiscard]] Result<std::shared_ptr<const Rule>> make_tag_subject_rule(const config::Filter& rule);

}  // namespace gatepost::filters
