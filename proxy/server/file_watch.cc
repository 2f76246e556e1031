#include "proxy/server/file_watch.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace gatepost::server {

namespace {

namespace fs = std::filesystem;

/// Identity, size and times of what `path` leads to; "-" if it leads nowhere.
void add(const std::string& path, std::string& signature) {
  struct stat facts{};
  if (::stat(path.c_str(), &facts) != 0) {
    signature += '-';
    return;
  }
  signature += fmt::format("{}:{}:{}:{}.{}:{}.{};", facts.st_dev, facts.st_ino, facts.st_size,
                           facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec, facts.st_ctim.tv_sec,
                           facts.st_ctim.tv_nsec);
}

std::vector<std::string> entries(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code error;
  fs::directory_iterator at(folder, error);
  for (; !error && at != fs::directory_iterator() && found.size() < FileWatch::kMaxEntries;
       at.increment(error)) {
    found.push_back(at->path().string());
  }
  std::ranges::sort(found);  // the order in a folder is not stable
  return found;
}

void add_all(const std::string& path, int depth, std::string& signature) {
  add(path, signature);
  std::error_code error;
  if (depth == 0 || !fs::is_directory(path, error)) return;
  for (const std::string& entry : entries(path)) {
    signature += entry;
    add_all(entry, depth - 1, signature);
  }
}

}  // namespace

FileWatch::FileWatch(TimerService& timers, std::move_only_function<void()> changed)
    : changed_(std::move(changed)), timer_(timers.make_timer([this] { look(); })) {}

void FileWatch::watch(std::vector<std::string> paths, Duration every) {
  paths_ = std::move(paths);
  every_ = every;
  seen_ = settling_ = signature();
  if (every_ > Duration(0)) {
    timer_->start(every_);
  } else {
    timer_->stop();
  }
}

void FileWatch::look() {
  std::string now = signature();
  const bool settled = now == settling_;
  settling_ = std::move(now);
  if (!settled) return timer_->start(std::min(every_, kSettle));
  timer_->start(every_);
  if (settling_ == seen_) return;
  seen_ = settling_;
  changed_();  // may call watch()
}

std::string FileWatch::signature() const {
  std::string signature;
  for (const std::string& path : paths_) add_all(path, 2, signature);
  return signature;
}

}  // namespace gatepost::server
