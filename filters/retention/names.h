#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/error.h"
#include "proxy/base/secret.h"
#include "proxy/store/record_store.h"

namespace gatepost::filters {

using store::HashedName;

/// Makes the names that the store holds. Immutable, thread-safe.
class NameHasher {
 public:
  /// Octets of a key file.
  static constexpr std::size_t kMinKey = 16;
  static constexpr std::size_t kMaxKey = 4'096;

  /// The whole file is the key, but for a line end behind it. Fails with `config`.
  [[nodiscard]] static Result<std::shared_ptr<const NameHasher>> read(const std::string& path);
  /// The same; makes the file (0600) with 32 random octets, in hexadecimal, when it is not there.
  [[nodiscard]] static Result<std::shared_ptr<const NameHasher>> read_or_make(
      const std::string& path);
  explicit NameHasher(std::string_view key);
  ~NameHasher();

  /// `dry`: the account as dry runs know it, which has nothing to do with the other.
  [[nodiscard]] HashedName account(std::string_view pool, std::string_view user, bool dry) const;
  [[nodiscard]] HashedName uidl(const HashedName& account, std::string_view uidl) const;
  [[nodiscard]] HashedName device(const HashedName& account, std::string_view device) const;

 private:
  struct State;
  std::unique_ptr<const State> state_;
};

/// 32 hexadecimal digits.
[[nodiscard]] std::string to_hex(const HashedName& name);

}  // namespace gatepost::filters
