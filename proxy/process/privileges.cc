#include "proxy/process/privileges.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "proxy/net/listener.h"

namespace gatepost::process {

namespace {

constexpr std::size_t kEntryRoom = std::size_t{64} * 1024;  // of one entry of passwd or group

std::optional<std::uint32_t> number_in(const std::string& text) {
  std::uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || at != end) return std::nullopt;
  return number;
}

struct User {
  uid_t user = 0;
  std::optional<gid_t> group;
};

std::optional<User> find_user(const std::string& name) {
  std::vector<char> room(kEntryRoom);
  passwd entry{};
  passwd* found = nullptr;
  const auto number = number_in(name);
  const int status = number ? ::getpwuid_r(*number, &entry, room.data(), room.size(), &found)
                            : ::getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found);
  if (status == 0 && found != nullptr) return User{found->pw_uid, found->pw_gid};
  if (number) return User{*number, std::nullopt};  // in a container nobody may have a name
  return std::nullopt;
}

std::optional<gid_t> find_group(const std::string& name) {
  if (const auto number = number_in(name)) return number;
  std::vector<char> room(kEntryRoom);
  group entry{};
  group* found = nullptr;
  if (::getgrnam_r(name.c_str(), &entry, room.data(), room.size(), &found) != 0) {
    return std::nullopt;
  }
  return found != nullptr ? std::optional(found->gr_gid) : std::nullopt;
}

std::unexpected<Error> failed(const char* what) {
  const int code = errno;
  return system_failure(fmt::format("cannot give up privileges: {}", what), code);
}

bool has_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return true;
  return std::ranges::any_of(
      sets, [](const auto& set) { return set.permitted != 0 || set.effective != 0; });
}

/// What was given up must not come back.
Result<void> verify(const Identity& identity) {
  uid_t real = 0;
  uid_t effective = 0;
  uid_t saved = 0;
  if (::getresuid(&real, &effective, &saved) != 0) return failed("getresuid");
  const bool user = real == identity.user && effective == real && saved == real;
  gid_t group = 0;
  gid_t effective_group = 0;
  gid_t saved_group = 0;
  if (::getresgid(&group, &effective_group, &saved_group) != 0) return failed("getresgid");
  const bool same = group == identity.group && effective_group == group && saved_group == group;
  if (!user || !same || ::setuid(0) == 0 || ::seteuid(0) == 0 || ::getgroups(0, nullptr) != 0 ||
      has_capabilities()) {
    return fail(ErrorCode::system, "cannot give up privileges: they are still there");
  }
  return {};
}

std::string reason_of(int code) { return std::generic_category().message(code); }

/// 0 or the error's number. Opened, not asked about: only that takes everything into account.
int try_to_read(const std::string& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  return fd.get() < 0 ? errno : 0;
}

int try_to_append(const std::string& file) {
  std::error_code ignored;
  const bool there = std::filesystem::exists(file, ignored);
  const std::string folder = std::filesystem::path(file).parent_path().string();
  const std::string& asked = there ? file : folder.empty() ? "." : folder;
  return ::faccessat(AT_FDCWD, asked.c_str(), W_OK, AT_EACCESS) != 0 ? errno : 0;
}

/// One number for each file, in order; the last is for the one to write.
std::vector<int> try_all(std::span<const std::string> read, const std::string& written) {
  std::vector<int> results;
  results.reserve(read.size() + 1);
  for (const std::string& file : read) results.push_back(try_to_read(file));
  results.push_back(written.empty() ? 0 : try_to_append(written));
  return results;
}

std::vector<HiddenFile> named(std::span<const std::string> read, const std::string& written,
                              const std::vector<int>& results) {
  std::vector<HiddenFile> hidden;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i] == 0) continue;
    hidden.push_back({i < read.size() ? read[i] : written, reason_of(results[i])});
  }
  return hidden;
}

}  // namespace

void set_dumpable(bool wanted) {
  ::prctl(PR_SET_DUMPABLE, wanted ? 1 : 0);
  if (wanted) return;
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}

void forbid_new_privileges() { ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

Result<std::optional<Identity>> find_identity(const config::Process& process) {
  if (process.user.empty()) return std::nullopt;
  const auto wrong = [](const char* key, const std::string& text) {
    return fail(ErrorCode::config, fmt::format("/process/{}: {}", key, text));
  };
  const std::optional<User> user = find_user(process.user);
  if (!user) return wrong("user", fmt::format("there is no user {}", process.user));
  if (user->user == 0) return wrong("user", "that is root: nothing would be given up");
  std::optional<gid_t> group = user->group;
  if (!process.group.empty()) {
    group = find_group(process.group);
    if (!group) return wrong("group", fmt::format("there is no group {}", process.group));
  }
  if (!group) return wrong("group", "missing: the user has no entry that would name one");
  if (::geteuid() != 0 && ::geteuid() != user->user) {
    return wrong("user", fmt::format("only root can become {}", process.user));
  }
  return Identity{user->user, *group, process.user};
}

Result<void> become(const Identity& identity) {
  if (::geteuid() != 0) return {};  // that user already, with the capabilities that it was given
  // The groups first, and the user last: afterwards nothing of this would be allowed. The C
  // library does it in all threads.
  if (::setgroups(0, nullptr) != 0) return failed("setgroups");
  if (::setresgid(identity.group, identity.group, identity.group) != 0) return failed("setresgid");
  if (::setresuid(identity.user, identity.user, identity.user) != 0) return failed("setresuid");
  return verify(identity);
}

std::vector<HiddenFile> hidden_files(std::span<const std::string> read,
                                     const std::string& written) {
  return named(read, written, try_all(read, written));
}

std::vector<HiddenFile> hidden_files_for(const Identity& identity,
                                         std::span<const std::string> read,
                                         const std::string& written) {
  if (::geteuid() != 0) return {};
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  const UniqueFd out(ends[0]);
  UniqueFd in(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    if (!become(identity)) ::_exit(1);
    const std::vector<int> results = try_all(read, written);
    const auto bytes = std::as_bytes(std::span(results));
    ::_exit(::write(in.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size())
                ? 0
                : 1);
  }
  in = UniqueFd();
  if (child < 0) return {};
  std::vector<int> results(read.size() + 1);
  const auto bytes = std::as_writable_bytes(std::span(results));
  std::size_t had = 0;
  while (had < bytes.size()) {
    const ssize_t n = ::read(out.get(), bytes.data() + had, bytes.size() - had);
    if (n <= 0) break;
    had += static_cast<std::size_t>(n);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return had == bytes.size() ? named(read, written, results) : std::vector<HiddenFile>();
}

}  // namespace gatepost::process
