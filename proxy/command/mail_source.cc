#include "proxy/command/mail_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "proxy/pop3/ascii.h"

namespace gatepost::command {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFrom = "From ";
constexpr std::string_view kStandardInput = "-";

std::string without_folders(const std::string& path) {
  return path == kStandardInput ? "stdin" : path.substr(path.rfind('/') + 1);
}

/// Fewer octets than there is room for only at the end of the file.
Result<std::size_t> read_at(int file, std::uint64_t at, std::span<char> room) {
  std::size_t done = 0;
  while (done < room.size()) {
    const auto count =
        ::pread(file, room.data() + done, room.size() - done, static_cast<off_t>(at + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_failure("read", errno);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

bool begins_as_mbox(int file) {
  std::array<char, kFrom.size()> beginning{};
  const auto count = read_at(file, 0, beginning);
  return count && std::string_view(beginning.data(), *count) == kFrom;
}

std::uint64_t size_of(int file) {
  struct stat facts{};
  return ::fstat(file, &facts) == 0 ? static_cast<std::uint64_t>(facts.st_size) : 0;
}

/// Goes through a file line by line, however long they are.
class LineWalk {
 public:
  LineWalk(int file, std::uint64_t at, std::uint64_t end) : file_(file), at_(at), end_(end) {}

  [[nodiscard]] std::uint64_t at() const { return at_; }
  [[nodiscard]] bool done() const { return at_ >= end_; }

  /// How the line begins: as many octets as kFrom has, if there are so many left.
  Result<std::string_view> beginning() {
    if (window_.size() < kFrom.size()) {
      if (auto filled = fill(); !filled) return std::unexpected(filled.error());
    }
    return window_.substr(0, kFrom.size());
  }
  Result<void> skip_line() {
    while (!done()) {
      if (window_.empty()) {
        if (auto filled = fill(); !filled) return filled;
      }
      const std::size_t end = window_.find('\n');
      const std::size_t skipped = end == std::string_view::npos ? window_.size() : end + 1;
      at_ += skipped;
      window_.remove_prefix(skipped);
      if (end != std::string_view::npos) break;
    }
    return {};
  }

 private:
  Result<void> fill() {
    const std::size_t room = std::min<std::uint64_t>(buffer_.size(), end_ - at_);
    const auto count = read_at(file_, at_, std::span(buffer_.data(), room));
    if (!count) return std::unexpected(count.error());
    if (*count < room) return fail(ErrorCode::system, "it became shorter while it was read");
    window_ = std::string_view(buffer_.data(), room);
    return {};
  }

  int file_;
  std::uint64_t at_;
  std::uint64_t end_;
  std::string buffer_ = std::string(MailReader::kPiece, '\0');
  std::string_view window_;  // what is read from at_ on
};

/// A message in an mbox.
struct MboxPlace {
  std::uint64_t begin = 0;  // after its own line "From "
  std::uint64_t end = 0;    // without the empty line that belongs to the mbox
  std::uint64_t next = 0;   // where the next line "From " stands, or the end of the file
};

/// From its line "From " at `at` on. Such a line is one only after an empty line.
Result<MboxPlace> find_message(int file, std::uint64_t at, std::uint64_t octets) {
  LineWalk walk(file, at, octets);
  if (auto skipped = walk.skip_line(); !skipped) return std::unexpected(skipped.error());
  MboxPlace place{.begin = walk.at(), .end = octets, .next = octets};
  std::optional<std::uint64_t> empty_line;  // where the line before begins, if it is empty
  while (!walk.done()) {
    const auto beginning = walk.beginning();
    if (!beginning) return std::unexpected(beginning.error());
    if (empty_line && *beginning == kFrom) {
      place.next = walk.at();
      break;
    }
    const bool empty = beginning->starts_with('\n') || beginning->starts_with("\r\n");
    empty_line = empty ? std::optional(walk.at()) : std::nullopt;
    if (auto skipped = walk.skip_line(); !skipped) return std::unexpected(skipped.error());
  }
  if (empty_line) place.end = *empty_line;
  return place;
}

std::vector<std::string> names_in(const std::string& folder, bool only_eml) {
  std::vector<std::string> names;
  std::error_code problem;
  for (fs::directory_iterator it(folder, problem), end; !problem && it != end;
       it.increment(problem)) {
    std::string name = it->path().filename().string();
    const bool wanted = !only_eml || pop3::to_upper(name).ends_with(".EML");
    if (wanted && !name.starts_with('.')) names.push_back(std::move(name));
  }
  std::ranges::sort(names);
  return names;
}

bool is_folder(const std::string& path) {
  std::error_code problem;
  return fs::is_directory(path, problem);
}

}  // namespace

void MboxUnquoter::feed(std::string_view text, std::string& out) {
  while (!text.empty()) {
    if (!at_beginning_) {
      const std::size_t end = text.find('\n');
      const std::size_t count = end == std::string_view::npos ? text.size() : end + 1;
      out += text.substr(0, count);
      text.remove_prefix(count);
      at_beginning_ = end != std::string_view::npos;
      continue;
    }
    held_ += text.front();
    text.remove_prefix(1);
    const std::size_t quotes = std::min(held_.find_first_not_of('>'), held_.size());
    const std::string_view behind = std::string_view(held_).substr(quotes);
    const bool may_be = quotes > 0 && quotes < kMaxQuote && kFrom.starts_with(behind);
    if (may_be && behind.size() < kFrom.size()) continue;
    out += may_be ? held_.substr(1) : held_;
    at_beginning_ = held_.ends_with('\n');
    held_.clear();
  }
}

void MboxUnquoter::end(std::string& out) {
  out += held_;
  held_.clear();
}

Result<void> MailReader::next(std::string& piece) {
  piece.clear();
  while (piece.empty() && at_ < end_) {
    std::string raw(std::min<std::uint64_t>(kPiece, end_ - at_), '\0');
    const auto count = read_at(file_->get(), at_, raw);
    if (!count) return std::unexpected(count.error());
    if (*count < raw.size()) {
      return fail(ErrorCode::system, "it became shorter while it was read");
    }
    at_ += raw.size();
    if (!quoted_) {
      piece = std::move(raw);
      continue;
    }
    unquoter_.feed(raw, piece);
    if (at_ == end_) unquoter_.end(piece);
  }
  return {};
}

MailSource::MailSource(const std::vector<std::string>& paths, std::string piped_to,
                       std::uint64_t max_piped)
    : piped_to_(std::move(piped_to)), max_piped_(max_piped) {
  for (const std::string& path : paths) {
    if (path == kStandardInput || !is_folder(path)) {
      add(path);
      continue;
    }
    const std::size_t before = entries_.size();
    const bool maildir = is_folder(path + "/cur") && is_folder(path + "/new");
    if (maildir) {
      add_folder(path + "/new", false);
      add_folder(path + "/cur", false);
    } else {
      add_folder(path, true);
      if (entries_.size() == before) {
        entries_.push_back({path, 0, "neither a Maildir nor a folder with files *.eml"});
      }
    }
  }
}

void MailSource::add(const std::string& path) {
  struct stat facts{};
  const int done =
      path == kStandardInput ? ::fstat(STDIN_FILENO, &facts) : ::stat(path.c_str(), &facts);
  const auto octets = done == 0 && S_ISREG(facts.st_mode)
                          ? static_cast<std::uint64_t>(facts.st_size)
                          : 0;  // what is wrong is told when it is opened
  entries_.push_back({path, octets, ""});
  total_octets_ += octets;
}

void MailSource::add_folder(const std::string& path, bool only_eml) {
  if (::access(path.c_str(), R_OK | X_OK) != 0) {
    entries_.push_back({path, 0, system_failure("folder", errno).error().detail});
    return;
  }
  for (const std::string& name : names_in(path, only_eml)) {
    const std::string file = fmt::format("{}/{}", path, name);
    if (!is_folder(file)) add(file);
  }
}

Result<UniqueFd> MailSource::open(const std::string& path) const {
  struct stat facts{};
  if (path == kStandardInput) {
    const bool file = ::fstat(STDIN_FILENO, &facts) == 0 && S_ISREG(facts.st_mode);
    if (!file) return piped();
    UniqueFd copy(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
    if (copy.get() < 0) return system_failure("open", errno);
    return copy;
  }
  // Without waiting: nobody might ever write to a FIFO.
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return system_failure("open", errno);
  if (::fstat(file.get(), &facts) != 0) return system_failure("open", errno);
  if (!S_ISREG(facts.st_mode)) return fail(ErrorCode::system, "it is no file");
  return file;
}

/// Standard input, in a file that has no name.
Result<UniqueFd> MailSource::piped() const {
  std::string name = piped_to_ + "/gatepost-stdin.XXXXXX";
  UniqueFd file(::mkostemp(name.data(), O_CLOEXEC));
  if (file.get() < 0) return system_failure(piped_to_, errno);
  ::unlink(name.c_str());
  std::string buffer(MailReader::kPiece, '\0');
  std::uint64_t octets = 0;
  for (;;) {
    const auto count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_failure("read", errno);
    if (count == 0) return file;
    octets += static_cast<std::uint64_t>(count);
    if (octets > max_piped_) {
      return fail(ErrorCode::limit, fmt::format("larger than {} octets", max_piped_));
    }
    std::string_view text(buffer.data(), static_cast<std::size_t>(count));
    while (!text.empty()) {
      const auto written = ::write(file.get(), text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return system_failure(piped_to_, errno);
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }
}

MailSource::Mail MailSource::given(Mail mail) {
  mail.index = next_index_++;
  return mail;
}

std::optional<MailSource::Mail> MailSource::next() {
  const std::lock_guard lock(mutex_);
  while (mbox_) {
    auto mail = next_of(*mbox_);
    if (mail) return given(*std::move(mail));
    mbox_.reset();
  }
  if (next_entry_ >= entries_.size()) return std::nullopt;
  const Entry& entry = entries_[next_entry_++];
  Mail mail{.name = entry.path, .file = without_folders(entry.path)};
  if (!entry.problem.empty()) {
    mail.text = fail(ErrorCode::system, entry.problem);
    return given(std::move(mail));
  }
  auto opened = open(entry.path);
  if (!opened) {
    mail.text = std::unexpected(opened.error());
    return given(std::move(mail));
  }
  const auto file = std::make_shared<const UniqueFd>(*std::move(opened));
  const std::uint64_t octets = size_of(file->get());
  if (begins_as_mbox(file->get())) {
    mbox_ = Mbox{.file = file, .path = entry.path, .octets = octets};
    auto first = next_of(*mbox_);
    return given(*std::move(first));
  }
  given_ += entry.octets;
  mail.text = MailReader(file, 0, octets, false);
  return given(std::move(mail));
}

/// Its next message; nothing after the last.
std::optional<MailSource::Mail> MailSource::next_of(Mbox& mbox) {
  if (mbox.at >= mbox.octets) return std::nullopt;
  const std::uint64_t number = ++mbox.messages;
  Mail mail{.name = fmt::format("{}:{}", mbox.path, number),
            .file = without_folders(mbox.path),
            .number = number};
  const auto place = find_message(mbox.file->get(), mbox.at, mbox.octets);
  if (!place) {
    mail.text = std::unexpected(place.error());
    given_ += mbox.octets - mbox.at;
    mbox.at = mbox.octets;
    return mail;
  }
  mail.text = MailReader(mbox.file, place->begin, place->end, true);
  given_ += place->next - mbox.at;
  mbox.at = place->next;
  return mail;
}

unsigned MailSource::useful_jobs(unsigned most) const {
  if (entries_.size() >= most) return most;
  for (const Entry& entry : entries_) {
    if (!entry.problem.empty()) continue;
    // What comes through a pipe may be anything.
    if (entry.path == kStandardInput) return most;
    const auto file = open(entry.path);
    if (file && begins_as_mbox(file->get())) return most;
  }
  return std::max(1U, static_cast<unsigned>(entries_.size()));
}

}  // namespace gatepost::command
