#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/error.h"

namespace gatepost::filters {

/// Tells what a file is from its first octets, whatever it is called: libmagic's opinion, and ours
/// where libmagic is weak. Safe in any thread; a caller waits while kCookies others are at it.
class FileTypes {
 public:
  /// Octets that are looked at.
  static constexpr std::size_t kMaxLook = 256 * 1024;
  /// Of libmagic, opened at the start: one serves one thread at a time.
  static constexpr std::size_t kCookies = 4;

  /// The one of this process, opened for the first who asks. That reads libmagic's database: do it
  /// before the process gives up its rights. Afterwards nothing is opened any more.
  [[nodiscard]] static Result<std::shared_ptr<const FileTypes>> shared();
  ~FileTypes();
  FileTypes(const FileTypes&) = delete;
  FileTypes& operator=(const FileTypes&) = delete;

  /// MIME types, in lower case, at least one; the first is the one to show.
  [[nodiscard]] std::vector<std::string> types(std::string_view beginning) const;

 private:
  FileTypes() = default;
  [[nodiscard]] std::string ask_library(std::string_view beginning) const;
  mutable std::mutex mutex_;
  mutable std::condition_variable returned_;
  mutable std::vector<void*> idle_;  // magic_t
};

/// What our own signatures say: types that libmagic does not know, or not always. In no order.
[[nodiscard]] std::vector<std::string_view> known_signatures(std::string_view beginning);

/// A document with macros is of this type, too.
inline constexpr std::string_view kMacroType = "application/x-office-macro";
inline constexpr std::string_view kTnefType = "application/ms-tnef";

}  // namespace gatepost::filters
