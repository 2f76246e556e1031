#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "proxy/base/digest.h"
#include "proxy/base/error.h"
#include "proxy/base/unique_fd.h"

/// Files of the quarantine: one message each, compressed with zstd. All of it blocks.
namespace gatepost::filters {

/// Gives the next piece of a message each time, an empty one at its end. The view is valid until
/// the next call.
using MessagePieces = std::function<Result<std::string_view>()>;

/// A message on its way into the folder. Until it is moved to its name nobody takes it for one, and
/// it goes with this object; if this process ends before that, remove_leftovers() finds it.
class IncomingFile {
 public:
  [[nodiscard]] static Result<IncomingFile> create(const std::string& folder);
  ~IncomingFile();
  IncomingFile(IncomingFile&& other) noexcept;
  IncomingFile& operator=(IncomingFile&&) = delete;

  /// Compresses all pieces into the file; on the disk when it comes back. Needs about 2 MB.
  [[nodiscard]] Result<void> write(const MessagePieces& next);
  [[nodiscard]] std::uint64_t size() const { return size_; }      ///< octets of the message
  [[nodiscard]] const Digest& digest() const { return digest_; }  ///< of the message
  [[nodiscard]] std::uint64_t stored_size() const { return stored_size_; }  ///< of the file

  /// Gives it its name in the same folder, in place of what had it; on the disk when it comes back.
  [[nodiscard]] Result<void> move_to(const std::string& path);

 private:
  IncomingFile(std::string folder, std::string path, UniqueFd file);
  std::string folder_;
  std::string path_;  // empty once it is moved
  UniqueFd file_;
  std::uint64_t size_ = 0;
  std::uint64_t stored_size_ = 0;
  Digest digest_{};
};

/// What a message file must hold.
struct ExpectedMessage {
  std::uint64_t size = 0;
  std::string digest;  ///< hexadecimal
};

/// Gives the message in pieces to `sink`, which ends it by returning false (error `closed`). Fails
/// with `system` when what came was not what is expected, at the latest at the end.
[[nodiscard]] Result<void> read_message_file(const std::string& path,
                                             const ExpectedMessage& expected,
                                             const std::function<bool(std::string_view)>& sink);

/// Removes what ended processes left on its way. Leaves alone what living ones write.
void remove_leftovers(const std::string& folder);

/// After a file came or went: makes that survive a power cut.
[[nodiscard]] Result<void> sync_folder(const std::string& folder);

}  // namespace gatepost::filters
