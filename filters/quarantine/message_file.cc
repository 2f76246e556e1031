#include "filters/quarantine/message_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace gatepost::filters {

namespace {

constexpr int kLevel = 3;
/// Of the octets that a compressor looks back on, the logarithm: what it needs depends on it.
constexpr int kWindowLog = 19;
/// A file of another version may look back further, but not without bound.
constexpr int kMaxWindowLog = 23;
constexpr std::string_view kIncoming = "incoming.";

Result<void> write_all(int file, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_failure(path, errno);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

/// Compresses into a file.
class Compressor {
 public:
  Compressor(int file, const std::string& path)
      : file_(file), path_(path), context_(ZSTD_createCCtx()), room_(ZSTD_CStreamOutSize()) {
    if (!context_) return;
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_windowLog, kWindowLog);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }

  Result<void> add(std::string_view piece) { return run(piece, ZSTD_e_continue); }
  Result<void> finish() { return run({}, ZSTD_e_end); }
  [[nodiscard]] std::uint64_t written() const { return written_; }

 private:
  Result<void> run(std::string_view piece, ZSTD_EndDirective mode) {
    if (!context_) return system_failure(path_, ENOMEM);
    ZSTD_inBuffer in{piece.data(), piece.size(), 0};
    while (true) {
      ZSTD_outBuffer out{room_.data(), room_.size(), 0};
      const std::size_t left = ZSTD_compressStream2(context_.get(), &out, &in, mode);
      if (ZSTD_isError(left) != 0) {
        return fail(ErrorCode::system, fmt::format("{}: {}", path_, ZSTD_getErrorName(left)));
      }
      if (auto done = write_all(file_, {room_.data(), out.pos}, path_); !done) return done;
      written_ += out.pos;
      if (mode == ZSTD_e_end ? left == 0 : in.pos == in.size) return {};
    }
  }

  int file_;
  const std::string& path_;
  std::unique_ptr<ZSTD_CCtx, FreeCompressor> context_;
  std::vector<char> room_;
  std::uint64_t written_ = 0;
};

}  // namespace

IncomingFile::IncomingFile(std::string folder, std::string path, UniqueFd file)
    : folder_(std::move(folder)), path_(std::move(path)), file_(std::move(file)) {}

IncomingFile::IncomingFile(IncomingFile&& other) noexcept
    : folder_(std::move(other.folder_)),
      path_(std::exchange(other.path_, {})),
      file_(std::move(other.file_)),
      size_(other.size_),
      stored_size_(other.stored_size_),
      digest_(other.digest_) {}

IncomingFile::~IncomingFile() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

Result<IncomingFile> IncomingFile::create(const std::string& folder) {
  constexpr int kAttempts = 10;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::string path = fmt::format("{}/{}XXXXXX", folder, kIncoming);
    UniqueFd made(::mkostemp(path.data(), O_CLOEXEC));
    const int file = made.get();
    if (file < 0) return system_failure(path, errno);
    IncomingFile incoming(folder, std::move(path), std::move(made));
    // The lock says that somebody is at it. Before it was taken remove_leftovers() may have come.
    struct stat facts{};
    if (::flock(file, LOCK_EX | LOCK_NB) == 0 && ::fstat(file, &facts) == 0 && facts.st_nlink > 0) {
      return incoming;
    }
  }
  return system_failure(folder, EAGAIN);
}

Result<void> IncomingFile::write(const MessagePieces& next) {
  Compressor compressor(file_.get(), path_);
  Sha256 sha;
  while (true) {
    const auto piece = next();
    if (!piece) return std::unexpected(piece.error());
    if (piece->empty()) break;
    sha.update(*piece);
    size_ += piece->size();
    if (auto done = compressor.add(*piece); !done) return done;
  }
  if (auto done = compressor.finish(); !done) return done;
  digest_ = sha.finish();
  stored_size_ = compressor.written();
  if (::fsync(file_.get()) != 0) return system_failure(path_, errno);
  return {};
}

Result<void> IncomingFile::move_to(const std::string& path) {
  if (::rename(path_.c_str(), path.c_str()) != 0) return system_failure(path, errno);
  path_.clear();
  return sync_folder(folder_);
}

Result<void> read_message_file(const std::string& path, const ExpectedMessage& expected,
                               const std::function<bool(std::string_view)>& sink) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0) return system_failure(path, errno);
  const std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context(ZSTD_createDCtx());
  if (!context) return system_failure(path, ENOMEM);
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
  const auto damaged = [&path](std::string_view how) {
    return fail(ErrorCode::system, fmt::format("{} is damaged: {}", path, how));
  };

  std::vector<char> compressed(ZSTD_DStreamInSize());
  std::vector<char> plain(ZSTD_DStreamOutSize());
  Sha256 sha;
  std::uint64_t size = 0;
  std::size_t left = 1;  // 0 at the end of the compressed text
  while (true) {
    const ssize_t got = ::read(file.get(), compressed.data(), compressed.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure(path, errno);
    if (got == 0) break;
    ZSTD_inBuffer in{compressed.data(), static_cast<std::size_t>(got), 0};
    bool more = true;
    while (more) {
      ZSTD_outBuffer out{plain.data(), plain.size(), 0};
      left = ZSTD_decompressStream(context.get(), &out, &in);
      if (ZSTD_isError(left) != 0) return damaged(ZSTD_getErrorName(left));
      const std::string_view piece(plain.data(), out.pos);
      size += piece.size();
      if (size > expected.size) return damaged("more than was put into it");
      sha.update(piece);
      if (!piece.empty() && !sink(piece)) return fail(ErrorCode::closed, "reading was stopped");
      // Behind the end there is nothing to be flushed, and asking for it would begin another text.
      more = in.pos < in.size || (out.pos == out.size && left != 0);
    }
  }
  if (left != 0) return damaged("it ends too early");
  if (size != expected.size || to_hex(sha.finish()) != expected.digest) {
    return damaged("not what was put into it");
  }
  return {};
}

void remove_leftovers(const std::string& folder) {
  std::error_code ignored;  // what is left goes another time
  std::filesystem::directory_iterator entry(folder, ignored);
  for (; !ignored && entry != std::filesystem::directory_iterator(); entry.increment(ignored)) {
    if (!entry->path().filename().string().starts_with(kIncoming)) continue;
    const std::string path = entry->path();
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (file.get() >= 0 && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0) ::unlink(path.c_str());
  }
}

Result<void> sync_folder(const std::string& folder) {
  const UniqueFd file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.get() < 0 || ::fsync(file.get()) != 0) return system_failure(folder, errno);
  return {};
}

}  // namespace gatepost::filters
