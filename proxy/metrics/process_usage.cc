#include "proxy/metrics/process_usage.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <system_error>

namespace gatepost::metrics {

namespace {

constexpr const char* kDescriptors = "/proc/self/fd";

/// Files of the kernel are small; of a longer one only so much is read.
constexpr std::size_t kMaxKernelFile = 4096;

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::string text(kMaxKernelFile, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return text;
}

/// The number at the beginning of a text; none for "max".
std::optional<std::uint64_t> leading_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc()) return std::nullopt;
  return number;
}

std::uint64_t resident_octets() {
  // "size resident shared …", in pages
  const std::string text = read_file("/proc/self/statm");
  const auto blank = text.find(' ');
  if (blank == std::string::npos) return 0;
  const auto pages = leading_number(std::string_view(text).substr(blank + 1));
  return pages.value_or(0) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t memory_limit() {
  struct sysinfo machine{};
  const std::uint64_t all =
      ::sysinfo(&machine) == 0 ? std::uint64_t{machine.totalram} * machine.mem_unit : 0;
  const std::uint64_t group =
      memory_limit_of_group(read_file("/proc/self/cgroup"), "/sys/fs/cgroup");
  if (group == 0 || all == 0) return std::max(group, all);
  return std::min(group, all);
}

std::uint64_t milliseconds(const timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1000 +
         static_cast<std::uint64_t>(time.tv_usec) / 1000;
}

std::uint64_t count_descriptors() {
  struct stat facts{};
  if (::stat(kDescriptors, &facts) == 0 && facts.st_size > 0) {
    return static_cast<std::uint64_t>(facts.st_size);  // the kernel has counted
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(kDescriptors), &::closedir);
  if (!folder) return 0;
  std::uint64_t entries = 0;
  while (::readdir(folder.get()) != nullptr) ++entries;
  constexpr std::uint64_t kNotOurs = 3;  // ".", "..", and the descriptor of the folder itself
  return entries > kNotOurs ? entries - kNotOurs : 0;
}

}  // namespace

std::uint64_t memory_limit_of_group(const std::string& membership, const std::string& root) {
  constexpr std::string_view kUnified = "0::/";  // the line of version 2
  const auto at = membership.starts_with(kUnified) ? 0 : membership.find("\n0::/");
  if (at == std::string::npos) return 0;
  const auto begin = membership.find('/', at);
  std::string group = membership.substr(begin, membership.find('\n', begin) - begin);
  std::uint64_t smallest = 0;
  while (true) {
    const auto limit = leading_number(read_file(root + group + "/memory.max"));
    if (limit && (smallest == 0 || *limit < smallest)) smallest = *limit;
    if (group.empty()) return smallest;
    group.resize(group.rfind('/'));
  }
}

ProcessUsage process_usage() {
  ProcessUsage usage;
  usage.resident_octets = resident_octets();
  usage.memory_limit = memory_limit();
  usage.open_descriptors = count_descriptors();
  struct rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) == 0) {
    usage.cpu_milliseconds = milliseconds(used.ru_utime) + milliseconds(used.ru_stime);
  }
  struct rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) usage.descriptors_limit = limit.rlim_cur;
  return usage;
}

}  // namespace gatepost::metrics
