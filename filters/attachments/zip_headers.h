#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace gatepost::filters {

/// Finds every header of an entry of a ZIP file (APPNOTE.TXT 4.3.7 and 4.3.12) in what streams by,
/// wherever it stands and whatever the directory says: unpacking programs believe one or the other.
class ZipHeaders {
 public:
  /// A longer name is taken for none, and the header for chance.
  static constexpr std::size_t kMaxEntryName = 4 * 1024;

  struct Header {
    std::string_view name;
    bool central = false;  ///< of the directory at the end
    bool encrypted = false;
    bool folder = false;  ///< a name and nothing else
  };
  using Sink = std::function<void(const Header&)>;

  /// The next piece, cut anywhere.
  void feed(std::string_view piece, const Sink& sink);
  /// Nothing follows.
  void end(const Sink& sink);

  [[nodiscard]] std::uint64_t local() const { return local_; }
  [[nodiscard]] std::uint64_t central() const { return central_; }
  /// Whether both kinds name the same entries.
  [[nodiscard]] bool agree() const { return local_ == central_ && names_ == 0; }

 private:
  /// Octets of the header at the front of `text`, after telling of it; 0: it is none; kMore.
  [[nodiscard]] std::size_t header(std::string_view text, const Sink& sink);
  /// Tells of all headers in `text` up to the first that may go on behind it, which it returns;
  /// at the end none does.
  [[nodiscard]] std::size_t scan(std::string_view text, bool last, const Sink& sink);
  std::string held_;
  std::uint64_t local_ = 0;
  std::uint64_t central_ = 0;
  std::uint64_t names_ = 0;  // hashes of the names, those of the directory taken away
};

}  // namespace gatepost::filters
