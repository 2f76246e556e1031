#include "tests/bench/common/usage.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cctype>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <system_error>

namespace gatepost::bench {
namespace {

struct ProcessStat {
  bool found = false;
  int parent = 0;
  std::uint64_t own = 0;     // clock ticks
  std::uint64_t reaped = 0;  // of children waited for
};

ProcessStat read_stat(int pid) {
  ProcessStat stat;
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return stat;
  std::istringstream words(text.substr(name_end + 1));
  std::string state;
  std::string skipped;
  std::uint64_t user = 0;
  std::uint64_t system = 0;
  std::uint64_t reaped_user = 0;
  std::uint64_t reaped_system = 0;
  words >> state >> stat.parent;
  for (int i = 0; i < 9; i++) words >> skipped;
  stat.found = static_cast<bool>(words >> user >> system >> reaped_user >> reaped_system);
  stat.own = user + system;
  stat.reaped = reaped_user + reaped_system;
  return stat;
}

bool is_number(const std::string& text) {
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) != 0;
}

std::vector<int> numbered(const std::string& folder) {
  std::vector<int> numbers;
  std::error_code failed;
  for (auto entry = std::filesystem::directory_iterator(folder, failed);
       !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
    const std::string name = entry->path().filename();
    if (is_number(name)) numbers.push_back(std::atoi(name.c_str()));
  }
  return numbers;
}

std::vector<int> tree_of(int root) {
  std::map<int, std::vector<int>> children;
  for (const int pid : numbered("/proc")) {
    const ProcessStat stat = read_stat(pid);
    if (stat.found) children[stat.parent].push_back(pid);
  }
  std::vector<int> tree{root};
  for (std::size_t i = 0; i < tree.size(); i++) {
    const auto found = children.find(tree[i]);
    if (found != children.end())
      tree.insert(tree.end(), found->second.begin(), found->second.end());
  }
  return tree;
}

double ticks_per_second() { return static_cast<double>(sysconf(_SC_CLK_TCK)); }

}  // namespace

double tree_cpu_seconds(int root) {
  std::uint64_t ticks = 0;
  double seconds = 0;
  for (const int pid : tree_of(root)) {
    const ProcessStat stat = read_stat(pid);
    if (!stat.found) continue;
    ticks += stat.reaped;
    // The file rounds each process down to 10 ms; the CPU clock of the process does not.
    clockid_t clock = 0;
    timespec used{};
    if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &used) == 0)
      seconds += static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
    else
      ticks += stat.own;
  }
  return static_cast<double>(ticks) / ticks_per_second() + seconds;
}

double own_cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

TreeMemory tree_memory(int root) {
  TreeMemory memory;
  for (const int pid : tree_of(root)) {
    const std::string folder = "/proc/" + std::to_string(pid);
    std::ifstream file(folder + "/smaps_rollup");
    if (!file) continue;
    std::string line;
    while (std::getline(file, line)) {
      std::istringstream words(line);
      std::string key;
      std::uint64_t kib = 0;
      words >> key >> kib;
      if (key == "Rss:") memory.rss += kib;
      if (key == "Pss:") memory.pss += kib;
      if (key == "Anonymous:") memory.anonymous += kib;
    }
    memory.processes++;
    memory.threads += static_cast<int>(numbered(folder + "/task").size());
  }
  return memory;
}

CpuTimes cpu_times() {
  CpuTimes times;
  std::ifstream file("/proc/stat");
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string name;
    std::uint64_t user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, stolen = 0;
    words >> name >> user >> nice >> system >> idle >> wait >> irq >> soft >> stolen;
    if (!name.starts_with("cpu") || !is_number(name.substr(3))) continue;
    times.busy.push_back(static_cast<double>(user + nice + system + irq + soft) /
                         ticks_per_second());
    times.stolen.push_back(static_cast<double>(stolen) / ticks_per_second());
  }
  return times;
}

std::uint64_t kernel_kib() {
  std::ifstream file("/proc/meminfo");
  std::uint64_t sum = 0;
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string key;
    std::uint64_t kib = 0;
    words >> key >> kib;
    if (key == "Slab:" || key == "KernelStack:" || key == "PageTables:") sum += kib;
  }
  return sum;
}

}  // namespace gatepost::bench
