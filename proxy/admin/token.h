#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/base/digest.h"
#include "proxy/base/error.h"

namespace gatepost::admin {

/// Octets of a token: printable ASCII without blanks.
constexpr std::size_t kMinToken = 16;
constexpr std::size_t kMaxToken = 256;
/// Octets of the file that has it in its first line.
constexpr std::size_t kMaxTokenFile = 4'096;

/// The digest of the token in the first line of a file; the token itself is not kept. Fails with
/// `config`, "/path: why", without anything of what the file holds.
[[nodiscard]] Result<Digest> read_token(const std::string& file);

/// Whether both are the same, in a time that does not tell where they differ.
[[nodiscard]] bool same(const Digest& one, const Digest& other);

/// 128 bits that nobody can guess, in hexadecimal.
[[nodiscard]] std::string random_word();

}  // namespace gatepost::admin
