#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/attachments/content.h"
#include "proxy/base/error.h"

namespace gatepost::filters {

/// How far archives are looked into; all that is looked at for one message together, except where
/// it says otherwise. Whatever is beyond is unreadable, never nothing.
struct ArchiveLimits {
  /// Archives within each other, each compression counts as one (a .tar.gz is two).
  static constexpr unsigned kMaxArchiveDepth = 8;
  static constexpr std::size_t kMaxEntries = 20'000;
  static constexpr std::uint64_t kMaxUnpacked = 256 * 1024 * 1024;
  /// Octets unpacked for each octet of an attachment, once there are more than kRatioFrom of them.
  static constexpr std::uint64_t kMaxRatio = 200;
  static constexpr std::uint64_t kRatioFrom = 16 * 1024 * 1024;
  /// A file in an archive that is held, so that it can be read anywhere, if it is an archive. A
  /// larger one is read once from its beginning: that is enough for ZIP, tar and RAR, not for 7z.
  static constexpr std::size_t kMaxHeld = 8 * 1024 * 1024;

  unsigned depth = kMaxArchiveDepth;
  std::size_t entries = kMaxEntries;
  std::uint64_t unpacked = kMaxUnpacked;
  std::uint64_t ratio = kMaxRatio;
  std::uint64_t ratio_from = kRatioFrom;
  std::size_t held = kMaxHeld;
};

/// A file in an archive, or in an archive in an archive. What is known of one may come bit by bit:
/// its name more than once, its octets with one of them.
struct ArchiveEntry {
  /// Octets of its beginning that are shown.
  static constexpr std::size_t kMaxShown = 64 * 1024;

  std::vector<std::string> names;
  std::string_view beginning;  ///< empty: not known here
  bool macros = false;         ///< a document with macros
};

/// Why not all of a file was seen.
enum class Unreadable : std::uint8_t {
  no,            ///< it was
  broken,        ///< it ends too early, or says what cannot be
  unknown_kind,  ///< an archive that is none of those below
  too_deep,      ///< ArchiveLimits::kMaxArchiveDepth
  too_many,      ///< kMaxEntries
  too_large,     ///< kMaxUnpacked
  bomb,          ///< kMaxRatio
};

/// Looks inside ZIP, tar, 7z, RAR, CAB, LHA, CPIO, ISO 9660, ar, and what is compressed with gzip,
/// bzip2, xz, zstd and the like, by libarchive, also behind other octets (a program that unpacks
/// itself). A file that is several of them at once is looked at as each; ZIP by its directory and
/// by its headers.
class ArchiveLook {
 public:
  /// Hears of every entry; says false when it has heard enough.
  using Sink = std::function<bool(const ArchiveEntry&)>;
  struct Report {
    bool archive = false;    ///< it is one
    bool encrypted = false;  ///< it, or something in it; a document, too
    bool macros = false;     ///< it is a document with macros
    bool enough = false;     ///< the sink said so
    Unreadable unreadable = Unreadable::no;
  };

  /// Whether libarchive can do all this without starting programs.
  [[nodiscard]] static Result<void> check_library();

  explicit ArchiveLook(ArchiveLimits limits = {}) : limits_(limits) {}
  /// `names` are the file's own. An error is the content's.
  [[nodiscard]] Result<Report> look(Content& content, const std::vector<std::string>& names,
                                    const Sink& sink);

 private:
  friend class ArchivePass;
  ArchiveLimits limits_;
  std::size_t entries_ = 0;
  std::size_t headers_ = 0;  // of ZIP files
  std::uint64_t unpacked_ = 0;
};

}  // namespace gatepost::filters
