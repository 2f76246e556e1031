#include "filters/spool/spool.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

namespace gatepost::filters {

namespace {

/// A file without a name.
Result<UniqueFd> open_nameless(const std::string& folder) {
  UniqueFd file(open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  // Not every file system knows O_TMPFILE.
  if (file.get() < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
    std::string name = folder + "/gatepost-XXXXXX";
    file = UniqueFd(mkostemp(name.data(), O_CLOEXEC));
    if (file.get() >= 0) unlink(name.c_str());
  }
  if (file.get() < 0) return system_failure("temporary file in " + folder, errno);
  return file;
}

}  // namespace

SpoolRoom::SpoolRoom(std::string folder, std::uint64_t max_message, std::uint64_t max_total)
    : folder_(std::move(folder)), max_message_(max_message), max_total_(max_total) {}

bool SpoolRoom::take(std::uint64_t octets) {
  const std::uint64_t before = used_.fetch_add(octets, std::memory_order_relaxed);
  if (before + octets <= max_total_) return true;
  give_back(octets);
  return false;
}

void SpoolRoom::give_back(std::uint64_t octets) {
  used_.fetch_sub(octets, std::memory_order_relaxed);
}

struct Spool::State {
  /// The file and what is written to it: a worker's thread has it while `writing`.
  struct File {
    UniqueFd descriptor;
    std::uint64_t size = 0;
    std::optional<Error> failure;
    [[nodiscard]] bool open(const std::string& folder);
    void write(std::vector<iovec> pieces);
  };
  /// One write: what stood in memory until now, then slices. Slices are only read elsewhere; they
  /// come and go on the loop's thread.
  struct Write {
    std::shared_ptr<File> file;
    std::string folder;
    std::string head;
    ByteChain tail;
    void run();
  };

  State(std::shared_ptr<SpoolRoom> a_room, BlockPool& a_pool, Background& a_background,
        std::move_only_function<void()> activity)
      : room(std::move(a_room)),
        pool(a_pool),
        background(a_background),
        on_activity(std::move(activity)) {}

  /// A message that somebody else writes, in a worker's thread.
  struct Fill {
    std::shared_ptr<File> file;  // null: into memory
    std::string folder;
    Source source;
    std::uint64_t octets = 0;
    std::string memory;
    Sha256 hash;
    std::optional<Error> failure;
    std::atomic<bool> unwanted = false;
    void run();
    [[nodiscard]] Result<void> add(std::string_view piece);
  };

  void fail(Error error);
  void write_on();
  void written();
  void filled(Fill& fill);

  const std::shared_ptr<SpoolRoom> room;
  BlockPool& pool;
  Background& background;
  std::move_only_function<void()> on_activity;

  std::uint64_t size = 0;
  Sha256 hash;
  Digest digest{};
  std::string memory;  // flat: small messages would pin blocks that others share
  std::shared_ptr<File> file;
  ByteChain backlog;
  std::size_t in_flight = 0;
  bool writing = false;
  bool sealed = false;
  std::optional<Error> failure;
  std::shared_ptr<Fill> fill;  // while it runs
  Ticket ticket;
};

bool Spool::State::File::open(const std::string& folder) {
  if (descriptor.get() >= 0) return true;
  auto opened = open_nameless(folder);
  if (opened) {
    descriptor = std::move(*opened);
  } else {
    failure = opened.error();
  }
  return opened.has_value();
}

void Spool::State::Write::run() {
  if (!file->open(folder)) return;
  std::vector<iovec> pieces;
  const auto add = [&pieces](std::string_view text) {
    // pwritev() only reads through it.
    if (!text.empty()) pieces.push_back({const_cast<char*>(text.data()), text.size()});
  };
  add(head);
  for (const Slice& slice : tail.slices()) add(slice.view());
  file->write(std::move(pieces));
}

void Spool::State::File::write(std::vector<iovec> pieces) {
  std::size_t next = 0;
  while (next < pieces.size()) {
    const int count = static_cast<int>(std::min<std::size_t>(pieces.size() - next, IOV_MAX));
    const ssize_t n = pwritev(descriptor.get(), &pieces[next], count, static_cast<off_t>(size));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      failure = system_failure("temporary file", n < 0 ? errno : EIO).error();
      return;
    }
    size += static_cast<std::uint64_t>(n);
    auto left = static_cast<std::size_t>(n);
    while (next < pieces.size() && left >= pieces[next].iov_len) left -= pieces[next++].iov_len;
    if (left > 0) {
      pieces[next].iov_base = static_cast<char*>(pieces[next].iov_base) + left;
      pieces[next].iov_len -= left;
    }
  }
}

void Spool::State::fail(Error error) {
  failure = std::move(error);
  backlog.clear();
  memory = {};
}

void Spool::State::write_on() {
  if (writing || failure) return;
  if (!file) file = std::make_shared<File>();
  auto write = std::make_shared<Write>();
  write->file = file;
  write->folder = room->folder();
  write->head = std::exchange(memory, {});
  write->tail = std::exchange(backlog, ByteChain());
  in_flight = write->head.size() + write->tail.size();
  writing = true;
  ticket = background.run([write] { write->run(); }, [this] { written(); });
}

void Spool::State::written() {
  const bool was_congested = in_flight + backlog.size() > kMaxBacklog;
  writing = false;
  in_flight = 0;
  if (file->failure) {
    fail(*file->failure);
  } else if (!backlog.empty()) {
    write_on();
  }
  const bool is_congested = in_flight + backlog.size() > kMaxBacklog;
  const bool is_ready = sealed && !writing;
  if (failure || is_ready || (was_congested && !is_congested)) on_activity();
}

Spool::Spool(std::shared_ptr<SpoolRoom> room, BlockPool& pool, Background& background,
             std::move_only_function<void()> on_activity)
    : state_(std::make_unique<State>(std::move(room), pool, background, std::move(on_activity))) {}

Spool::~Spool() {
  if (state_->fill) state_->fill->unwanted = true;
  state_->room->give_back(state_->size);
}

void Spool::append(ByteChain&& bytes) {
  State& s = *state_;
  ByteChain taken = std::move(bytes);
  if (s.failure || s.sealed || taken.empty()) return;
  if (s.size + taken.size() > s.room->max_message()) {
    return s.fail({ErrorCode::limit, "message larger than spool.max_message"});
  }
  if (!s.room->take(taken.size())) {
    return s.fail({ErrorCode::limit, "all spools together at spool.max_total"});
  }
  s.size += taken.size();
  for (const Slice& slice : taken.slices()) s.hash.update(slice.view());
  if (!s.file && s.memory.size() + taken.size() <= kInMemory) {
    for (const Slice& slice : taken.slices()) s.memory += slice.view();
    return;
  }
  s.backlog.append(std::move(taken));
  s.write_on();
}

bool Spool::congested() const {
  return !state_->failure && state_->in_flight + state_->backlog.size() > kMaxBacklog;
}

void Spool::seal() {
  if (state_->sealed || state_->failure) return;
  state_->sealed = true;
  state_->digest = state_->hash.finish();
}

bool Spool::ready() const {
  return state_->sealed && !state_->failure && !state_->writing && state_->backlog.empty();
}

Result<void> Spool::State::Fill::add(std::string_view piece) {
  if (unwanted) return gatepost::fail(ErrorCode::closed, "not wanted any more");
  if (piece.size() > octets) return gatepost::fail(ErrorCode::system, "longer than expected");
  octets -= piece.size();
  hash.update(piece);
  if (!file) {
    memory += piece;
    return {};
  }
  // pwritev() only reads through it.
  file->write({{const_cast<char*>(piece.data()), piece.size()}});
  if (file->failure) return std::unexpected(*file->failure);
  return {};
}

void Spool::State::Fill::run() {
  if (file && !file->open(folder)) {
    failure = file->failure;
    return;
  }
  Result<void> added;
  const Result<void> given = source([this, &added](std::string_view piece) {
    added = add(piece);
    return added.has_value();
  });
  if (!added) {
    failure = added.error();
  } else if (!given) {
    failure = given.error();
  } else if (octets > 0) {
    failure = Error{ErrorCode::system, "shorter than expected"};
  }
}

void Spool::State::filled(Fill& done) {
  writing = false;
  if (done.failure) {
    fail(*done.failure);
  } else {
    memory = std::move(done.memory);
    digest = done.hash.finish();
  }
  fill.reset();
  on_activity();
}

void Spool::fill(std::uint64_t octets, Source source) {
  State& s = *state_;
  if (!s.room->take(octets)) {
    return s.fail({ErrorCode::limit, "all spools together at spool.max_total"});
  }
  s.size = octets;
  s.sealed = true;
  s.writing = true;
  if (octets > kInMemory) s.file = std::make_shared<State::File>();
  s.fill = std::make_shared<State::Fill>();
  s.fill->file = s.file;
  s.fill->folder = s.room->folder();
  s.fill->source = std::move(source);
  s.fill->octets = octets;
  s.ticket = s.background.run([fill = s.fill] { fill->run(); }, [&s] { s.filled(*s.fill); });
}

const std::optional<Error>& Spool::failure() const { return state_->failure; }
std::uint64_t Spool::size() const { return state_->size; }
const Digest& Spool::digest() const { return state_->digest; }

std::string_view Spool::memory() const {
  return state_->file ? std::string_view() : state_->memory;
}

int Spool::file() const { return state_->file ? state_->file->descriptor.get() : -1; }

Result<void> Spool::read(std::uint64_t offset, std::span<char> room) const {
  if (!state_->file) {
    memory().copy(room.data(), room.size(), offset);
    return {};
  }
  while (!room.empty()) {
    const ssize_t n = pread(file(), room.data(), room.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_failure("temporary file", errno);
    if (n == 0) return fail(ErrorCode::system, "temporary file: too short");
    room = room.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

Result<UniqueFd> Spool::open_again() const {
  if (state_->file) {
    // Not dup(): that would share the offset with everybody else.
    const std::string path = fmt::format("/proc/self/fd/{}", file());
    UniqueFd again(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (again.get() < 0) return system_failure("spool", errno);
    return again;
  }
  UniqueFd memory(memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (memory.get() < 0) return system_failure("memfd", errno);
  const std::string& text = state_->memory;
  const bool whole = text.empty() || pwrite(memory.get(), text.data(), text.size(), 0) ==
                                         static_cast<ssize_t>(text.size());
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
  if (!whole || fcntl(memory.get(), F_ADD_SEALS, kSeals) != 0) {
    return system_failure("memfd", errno);
  }
  return memory;
}

BlockPool& Spool::pool() const { return state_->pool; }
Background& Spool::background() const { return state_->background; }

}  // namespace gatepost::filters
