#include "proxy/command/result_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

namespace gatepost::command {

namespace {

constexpr std::string_view kEnding = ".eml";
constexpr std::string_view kSigns = "._-+=,:@";

bool is_safe(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         kSigns.find(c) != std::string_view::npos;
}

}  // namespace

ResultFolder::File::File(File&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      wanted_(std::move(other.wanted_)),
      file_(std::move(other.file_)) {}

ResultFolder::File& ResultFolder::File::operator=(File&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(wanted_, other.wanted_);
  std::swap(file_, other.file_);
  return *this;
}

ResultFolder::File::~File() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

Result<void> ResultFolder::File::write(std::string_view text) {
  while (!text.empty()) {
    const auto count = ::write(file_.get(), text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_failure(wanted_, errno);
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<std::string> ResultFolder::File::finish() {
  for (int same = 1; same <= kMaxSame; ++same) {
    std::string name = same == 1 ? fmt::format("{}{}", wanted_, kEnding)
                                 : fmt::format("{}_{}{}", wanted_, same, kEnding);
    // Unlike rename(2) it takes nobody's place.
    if (::link(path_.c_str(), name.c_str()) == 0) return name;
    if (errno != EEXIST) return system_failure(name, errno);
  }
  return fail(ErrorCode::limit,
              fmt::format("{}: there are {} files of that name", wanted_, kMaxSame));
}

std::string ResultFolder::safe_name(std::string_view name) {
  if (name.ends_with(kEnding)) name.remove_suffix(kEnding.size());
  std::string safe(name.substr(0, kMaxName));
  std::ranges::replace_if(safe, [](char c) { return !is_safe(c); }, '_');
  if (safe.empty() || safe.front() == '.') safe.insert(0, "_");
  return safe;
}

Result<ResultFolder> ResultFolder::open(std::string path) {
  if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) return system_failure(path, errno);
  struct stat facts{};
  if (::stat(path.c_str(), &facts) != 0) return system_failure(path, errno);
  if (!S_ISDIR(facts.st_mode)) return system_failure(path, ENOTDIR);
  if (::access(path.c_str(), W_OK | X_OK) != 0) return system_failure(path, errno);
  return ResultFolder(std::move(path));
}

Result<ResultFolder::File> ResultFolder::begin(std::string_view name, std::uint64_t number) const {
  File file;
  file.wanted_ = fmt::format("{}/{}", path_, safe_name(name));
  if (number > 0) file.wanted_ += fmt::format("-{:05}", number);
  std::string path = path_ + "/.gatepost-scan.XXXXXX";
  file.file_ = UniqueFd(::mkostemp(path.data(), O_CLOEXEC));
  if (file.file_.get() < 0) return system_failure(path_, errno);
  file.path_ = std::move(path);
  return file;
}

}  // namespace gatepost::command
