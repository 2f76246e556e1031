#pragma once

#include <optional>
#include <span>
#include <string>

#include "filters/utf8_downgrade/field_writer.h"
#include "filters/utf8_downgrade/tokens.h"

/// Addresses of fields that are downgraded (RFC 6857 section 3.1.5 to 3.1.8). Tokens are cut at
/// kAddressSpecials.
namespace gatepost::filters::downgrade {

/// The address of `tokens`, without comments and blanks, in ASCII: its domain with A-labels. Null
/// where that cannot be, above all because its local part is not ASCII.
[[nodiscard]] std::optional<std::string> ascii_address(std::span<const Token> tokens);

/// Words with comments between them: a display name, a keyword.
void write_phrase(FieldWriter& writer, std::span<const Token> tokens);

/// A list of mailboxes and groups. A mailbox whose address ASCII cannot say becomes an empty group,
/// so that nobody replies to another one; its name is the display name and the address, in encoded
/// words. A group with such a mailbox becomes empty too, with its list in its name.
void write_addresses(FieldWriter& writer, std::span<const Token> tokens);

}  // namespace gatepost::filters::downgrade
