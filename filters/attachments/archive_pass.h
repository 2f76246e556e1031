#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/attachments/archive.h"
#include "filters/attachments/archive_reader.h"
#include "filters/attachments/document_marks.h"
#include "filters/attachments/zip_headers.h"

namespace gatepost::filters {

/// One look at one file, which may lead to others in it: the depth of the recursion is limited.
class ArchivePass {
 public:
  /// Of one attachment, with all that is in it.
  struct Shared {
    ArchiveLook& look;
    const ArchiveLook::Sink& sink;
    std::uint64_t size;      ///< of the attachment
    std::uint64_t unpacked;  ///< so far
    bool over_limit;         ///< nothing more is unpacked
    std::optional<Error> error;
  };
  ArchivePass(Shared& shared, unsigned depth, const std::vector<std::string>& names)
      : shared_(shared), depth_(depth), names_(names) {}

  /// All readings of a file that can be read anywhere.
  void of(Content& content);
  /// The one of a file whose octets come once.
  void of(ArchiveSource& source, std::string_view beginning);
  /// For who gets at octets of the file in order.
  void feed(std::string_view octets);
  void end();
  [[nodiscard]] ArchiveLook::Report& report() { return report_; }

 private:
  /// False: this reader found no archive.
  bool read(ArchiveSource& source, ArchiveKind kind, std::size_t& entries,
            std::size_t compression = 0);
  [[nodiscard]] bool done() const {
    return report_.enough || shared_.over_limit || shared_.error.has_value();
  }
  void entry(ArchiveReader& reader);
  /// Counts octets that were unpacked; false beyond a limit.
  [[nodiscard]] bool count(std::size_t octets);
  void on_data_end(ArchiveReader::Data data);
  void inner(ArchivePass& pass, const std::vector<std::string>& names);
  void tell(const ArchiveEntry& entry);
  void on_header(const ZipHeaders::Header& header);
  void note_name(std::string_view name);
  void unreadable(Unreadable why);
  [[nodiscard]] std::vector<std::string> names_of(const ArchiveReader& reader) const;

  class EntrySource;
  Shared& shared_;
  unsigned depth_;
  const std::vector<std::string>& names_;
  ArchiveLook::Report report_;
  /// Octets at the beginning that tell the compression.
  static constexpr std::size_t kMaxHeader = 1024;
  std::string beginning_;
  ZipHeaders headers_;
  DocumentMarks marks_;
};

}  // namespace gatepost::filters
