#include "filters/retention/names.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "filters/small_file.h"
#include "proxy/base/digest.h"
#include "proxy/base/unique_fd.h"

namespace gatepost::filters {

namespace {

constexpr std::size_t kMadeKey = 32;  // octets of a key that we make

HashedName cut(const Digest& digest) {
  HashedName name;
  std::copy_n(digest.begin(), name.octets.size(), name.octets.begin());
  return name;
}

std::string_view octets_of(const HashedName& name) {
  return {reinterpret_cast<const char*>(name.octets.data()), name.octets.size()};
}

Result<Secret> new_key() {
  std::array<std::uint8_t, kMadeKey> octets{};
  if (::getrandom(octets.data(), octets.size(), 0) != static_cast<ssize_t>(octets.size())) {
    return system_failure("random octets", errno);
  }
  std::string text = gatepost::to_hex(octets);
  explicit_bzero(octets.data(), octets.size());
  Secret key(text);
  wipe(text);
  return key;
}

Result<void> write_key(const std::string& path, const Secret& key) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.get() < 0) return system_failure(path, errno);
  const std::string_view text = key.reveal();
  const bool whole =
      ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::write(file.get(), "\n", 1) == 1;
  if (!whole || ::fsync(file.get()) != 0) return system_failure(path, errno);
  return {};
}

/// Several processes may do so at once: the first one's key is the key.
Result<void> make_key_file(const std::string& path) {
  const auto key = new_key();
  if (!key) return std::unexpected(key.error());
  const std::string draft = fmt::format("{}.{}", path, ::getpid());
  auto made = write_key(draft, *key);
  if (made && ::link(draft.c_str(), path.c_str()) != 0 && errno != EEXIST) {
    made = system_failure(path, errno);
  }
  ::unlink(draft.c_str());
  return made;
}

}  // namespace

struct NameHasher::State {
  explicit State(std::string_view key) : hmac(key) {}
  HmacSha256 hmac;
};

Result<std::shared_ptr<const NameHasher>> NameHasher::read(const std::string& path) {
  auto text = read_small_file(path, kMaxKey + 2);  // with a CRLF
  if (!text) return std::unexpected(text.error());
  const Secret whole(*text);
  wipe(*text);
  std::string_view key = whole.reveal();
  if (key.ends_with('\n')) key.remove_suffix(1);
  if (key.ends_with('\r')) key.remove_suffix(1);
  if (key.size() < kMinKey || key.size() > kMaxKey) {
    return fail(ErrorCode::config,
                fmt::format("{}: a key has {} to {} octets", path, kMinKey, kMaxKey));
  }
  return std::make_shared<const NameHasher>(key);
}

Result<std::shared_ptr<const NameHasher>> NameHasher::read_or_make(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    if (auto made = make_key_file(path); !made) {
      return fail(ErrorCode::config, made.error().detail);
    }
  }
  return read(path);
}

NameHasher::NameHasher(std::string_view key) : state_(std::make_unique<const State>(key)) {}

NameHasher::~NameHasher() = default;

// Each kind of name begins with another word, and with the length of what could be mistaken.

HashedName NameHasher::account(std::string_view pool, std::string_view user, bool dry) const {
  return cut(state_->hmac.of(
      fmt::format("{} {}:{}{}", dry ? "dry-account" : "account", pool.size(), pool, user)));
}

HashedName NameHasher::uidl(const HashedName& account, std::string_view uidl) const {
  return cut(state_->hmac.of(fmt::format("uidl {}{}", octets_of(account), uidl)));
}

HashedName NameHasher::device(const HashedName& account, std::string_view device) const {
  return cut(state_->hmac.of(fmt::format("device {}{}", octets_of(account), device)));
}

std::string to_hex(const HashedName& name) { return gatepost::to_hex(name.octets); }

}  // namespace gatepost::filters
