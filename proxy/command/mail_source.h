#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/base/unique_fd.h"

/// Messages that someone keeps in files.
namespace gatepost::command {

/// Takes one ">" from lines that begin with ">From ", ">>From " and so on: what mboxrd puts there
/// when a message is stored. Text in pieces.
class MboxUnquoter {
 public:
  /// Octets of a line that are looked at: a longer run of ">" stays as it is.
  static constexpr std::size_t kMaxQuote = 128;

  void feed(std::string_view text, std::string& out);
  /// Nothing follows.
  void end(std::string& out);

 private:
  std::string held_;  // the beginning of a line that may be quoted
  bool at_beginning_ = true;
};

/// The text of one message, as it stands in its file; from front to back.
class MailReader {
 public:
  static constexpr std::size_t kPiece = 64 * 1024;

  /// Octets `begin` to `end` of `file`; `quoted`: those of an mbox.
  MailReader(std::shared_ptr<const UniqueFd> file, std::uint64_t begin, std::uint64_t end,
             bool quoted)
      : file_(std::move(file)), at_(begin), end_(end), quoted_(quoted) {}

  /// What comes next in place of what `piece` held; empty at the end of the message. A file that
  /// became shorter meanwhile is an error.
  [[nodiscard]] Result<void> next(std::string& piece);

 private:
  std::shared_ptr<const UniqueFd> file_;
  std::uint64_t at_;
  std::uint64_t end_;
  bool quoted_;
  MboxUnquoter unquoter_;
};

/// Finds the messages of files, mboxes (RFC 4155), Maildirs and folders, one after the other: no
/// more than one message's place is known at a time. Thread-safe but for the constructor.
class MailSource {
 public:
  /// Of standard input that is no file: it goes into one without a name first.
  static constexpr std::uint64_t kMaxPiped = std::size_t{4} * 1024 * 1024 * 1024;

  struct Mail {
    std::uint64_t index = 0;   ///< from 0, in the order in which they stand
    std::string name;          ///< of the file, with ":N" the N-th of an mbox
    std::string file;          ///< name without folders
    std::uint64_t number = 0;  ///< in its mbox, from 1; 0: the file holds one message
    /// Or why it cannot be had.
    Result<MailReader> text = fail(ErrorCode::system, "not opened");
  };

  /// `paths`: a file that begins with "From " is an mbox, any other is a message; a folder with
  /// cur/ and new/ is a Maildir; of another folder all files in itself that are called *.eml are
  /// taken, not those of its folders; "-" is standard input. What cannot be read is told in its
  /// turn. `piped_to`: the folder for standard input.
  explicit MailSource(const std::vector<std::string>& paths, std::string piped_to = "/tmp",
                      std::uint64_t max_piped = kMaxPiped);

  /// Nothing: there are no more.
  [[nodiscard]] std::optional<Mail> next();

  /// More than one file; each may hold many messages.
  [[nodiscard]] bool several_files() const { return entries_.size() > 1; }
  /// How many of `most` could have something to do.
  [[nodiscard]] unsigned useful_jobs(unsigned most) const;
  /// Of all files, and of those whose messages were given; rough, for showing progress.
  [[nodiscard]] std::uint64_t total_octets() const { return total_octets_; }
  [[nodiscard]] std::uint64_t octets_given() const { return given_.load(); }

 private:
  /// A file, or the reason why it is none.
  struct Entry {
    std::string path;
    std::uint64_t octets = 0;
    std::string problem;
  };
  /// An mbox that is being read.
  struct Mbox {
    std::shared_ptr<const UniqueFd> file;
    std::string path;
    std::uint64_t at = 0;  // its next line that begins with "From "
    std::uint64_t octets = 0;
    std::uint64_t messages = 0;
  };

  void add(const std::string& path);
  void add_folder(const std::string& path, bool only_eml);
  [[nodiscard]] Result<UniqueFd> open(const std::string& path) const;
  [[nodiscard]] Result<UniqueFd> piped() const;
  [[nodiscard]] std::optional<Mail> next_of(Mbox& mbox);
  [[nodiscard]] Mail given(Mail mail);

  std::string piped_to_;
  std::uint64_t max_piped_;
  std::vector<Entry> entries_;
  std::uint64_t total_octets_ = 0;
  std::atomic<std::uint64_t> given_ = 0;
  std::mutex mutex_;
  std::size_t next_entry_ = 0;
  std::uint64_t next_index_ = 0;
  std::optional<Mbox> mbox_;
};

}  // namespace gatepost::command
