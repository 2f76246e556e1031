#pragma once

#include <string>
#include <string_view>

namespace gatepost::filters {

/// Sees in a document that streams by whether it is encrypted, and whether it has macros: OLE
/// (Word, Excel, PowerPoint up to 2003, and what Office makes of an encrypted newer one), PDF, and
/// the manifest of an OpenDocument file. Documents that are ZIP files are the archive look's.
class DocumentMarks {
 public:
  /// The next piece, cut anywhere.
  void feed(std::string_view piece);
  [[nodiscard]] bool encrypted() const;
  [[nodiscard]] bool macros() const;

 private:
  /// Octets at the beginning that are kept.
  static constexpr std::size_t kBeginning = 1024;
  [[nodiscard]] bool is_ole() const;
  [[nodiscard]] bool is_old_encrypted() const;
  std::string beginning_;
  std::string tail_;  // where a mark may have begun
  bool package_ = false;
  bool vba_ = false;
  bool pdf_encrypt_ = false;
  bool manifest_ = false;
};

}  // namespace gatepost::filters
