#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/attachments/content.h"
#include "proxy/base/error.h"

namespace gatepost::filters {

/// Octets for libarchive.
class ArchiveSource {
 public:
  virtual ~ArchiveSource() = default;
  /// The next octets, which last until the next call; empty: the end.
  [[nodiscard]] virtual Result<std::string_view> next() = 0;
  /// Goes elsewhere; false where that cannot be done.
  [[nodiscard]] virtual bool seek(std::uint64_t /*offset*/) { return false; }
  [[nodiscard]] virtual std::optional<std::uint64_t> size() const { return std::nullopt; }
  [[nodiscard]] virtual std::uint64_t offset() const = 0;
};

class ContentSource final : public ArchiveSource {
 public:
  explicit ContentSource(Content& content) : content_(content) {}
  [[nodiscard]] Result<std::string_view> next() override;
  [[nodiscard]] bool seek(std::uint64_t offset) override;
  [[nodiscard]] std::optional<std::uint64_t> size() const override { return content_.size(); }
  [[nodiscard]] std::uint64_t offset() const override { return offset_; }

 private:
  Content& content_;
  std::uint64_t offset_ = 0;
};

/// Which readers of libarchive are asked.
enum class ArchiveKind : std::uint8_t {
  zip_by_directory,  ///< reads the end first
  zip_by_headers,    ///< from its beginning on
  others,
  streamed,    ///< the last two: what can be read once only
  compressed,  ///< one file, as compression_of() says
};

/// The compression that `beginning` announces, as a number of ours; 0: none, or one that cannot be
/// looked into.
[[nodiscard]] std::size_t compression_of(std::string_view beginning);

/// libarchive's reader with its errors as ours.
class ArchiveReader {
 public:
  /// `compression` is needed for `compressed`.
  ArchiveReader(ArchiveSource& source, ArchiveKind kind, std::size_t compression = 0);

  enum class Step : std::uint8_t {
    entry,
    end,
    not_one,    ///< not an archive of these kinds
    encrypted,  ///< nothing more can be read
    broken,     ///< nothing more can be read
  };
  /// The next entry, or the first.
  [[nodiscard]] Step next();
  /// What the source said when it failed.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

  [[nodiscard]] bool is_folder() const;
  [[nodiscard]] bool is_encrypted() const;
  /// "" where there is none, and for what is only compressed.
  [[nodiscard]] std::string name() const;
  [[nodiscard]] bool is_only_compressed() const { return compressed_; }
  /// Whether the archive says that something in it is encrypted.
  [[nodiscard]] bool has_encrypted() const;

  enum class Data : std::uint8_t { piece, end, encrypted, broken };
  /// The next octets of the entry. They last until the next call.
  [[nodiscard]] Data data(std::string_view& piece);

 private:
  static la_ssize_t on_read(archive* reader, void* self, const void** octets);
  static la_int64_t on_skip(archive* reader, void* self, la_int64_t request);
  static la_int64_t on_seek(archive* reader, void* self, la_int64_t offset, int whence);
  void enable(ArchiveKind kind, std::size_t compression);
  [[nodiscard]] bool open();
  [[nodiscard]] bool says_encrypted() const;

  ArchiveSource& source_;
  std::unique_ptr<archive, decltype(&archive_read_free)> reader_;
  bool compressed_;
  // In what it unpacks libarchive would look for another compression, and in that for one more,
  // gigabytes that nobody counts. So an octet of ours comes first, compressed by itself; it is
  // taken away again.
  bool led_;
  std::string_view lead_;
  archive_entry* entry_ = nullptr;  // libarchive's
  std::optional<Error> error_;
  bool began_ = false;
  bool first_ = true;  // no entry was asked for
};

/// Which of libarchive's readers would start a program to decompress; empty: none.
[[nodiscard]] std::string missing_decompressor();

/// Names in UTF-8 while it lives, in this thread, whatever the program's locale.
class Utf8Locale {
 public:
  Utf8Locale();
  ~Utf8Locale();
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  void* before_ = nullptr;  // locale_t
};

}  // namespace gatepost::filters
