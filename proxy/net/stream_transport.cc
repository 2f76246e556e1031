#include "proxy/net/stream_transport.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/net/stream_shell.h"

namespace gatepost::net {

namespace {

void free_shell(uv_handle_t* handle) { delete static_cast<StreamShell*>(handle->data); }

}  // namespace

void StreamShellDeleter::operator()(StreamShell* shell) const {
  shell->owner = nullptr;
  uv_close(&shell->handle, free_shell);
}

// What the socket did not take at once: libuv keeps pointers into it until the callback.
struct StreamTransport::WriteRequest {
  uv_write_t request{};
  ByteChain bytes;
};

namespace {

constexpr std::size_t kMaxBuffers = 64;

std::size_t fill(const ByteChain& chain, std::array<uv_buf_t, kMaxBuffers>& buffers,
                 std::size_t& bytes) {
  std::size_t n = 0;
  bytes = 0;
  for (const Slice& slice : chain.slices()) {
    if (n == kMaxBuffers) break;
    const std::string_view view = slice.view();
    // libuv's buffers are not const, but writing does not change them.
    buffers[n++] = uv_buf_init(const_cast<char*>(view.data()), static_cast<unsigned>(view.size()));
    bytes += view.size();
  }
  return n;
}

}  // namespace

struct StreamCallbacks {
  static StreamTransport* owner(uv_handle_t* handle) {
    return static_cast<StreamTransport*>(static_cast<StreamShell*>(handle->data)->owner);
  }

  static void allocate(uv_handle_t* handle, std::size_t /*suggested*/, uv_buf_t* buffer) {
    StreamTransport* self = owner(handle);
    if (self->full()) {  // read() is told so
      *buffer = uv_buf_init(nullptr, 0);
      return;
    }
    const std::span<char> room = self->pool_.writable();
    const std::size_t wanted = self->receive_limit_ - self->received_.size();
    *buffer = uv_buf_init(room.data(), static_cast<unsigned>(std::min(room.size(), wanted)));
  }

  static void read(uv_stream_t* stream, ssize_t n, const uv_buf_t* /*buffer*/) {
    StreamTransport* self = owner(reinterpret_cast<uv_handle_t*>(stream));
    if (n == 0) return;
    if (n == UV_ENOBUFS) return self->set_reading(false);
    if (n > 0) {
      const bool wanted = self->state_ == StreamTransport::State::open ||
                          self->state_ == StreamTransport::State::broken;
      if (!wanted) return;  // closed: read on only to see the peer's end
      self->received_.append(self->pool_.commit(static_cast<std::size_t>(n)));
    } else if (n == UV_EOF && self->write_error_ != 0) {
      // The failed write took the socket's error away: this is no orderly end, and not that of one
      // direction only.
      self->set_end(ErrorCode::network, uv_strerror(self->write_error_));
    } else if (n == UV_EOF) {
      self->set_end(ErrorCode::closed, "connection closed by peer");
    } else {
      self->set_end(ErrorCode::network, uv_strerror(static_cast<int>(n)));
    }
    self->notify();
  }

  static void written(uv_write_t* request, int status) {
    using WriteRequest = StreamTransport::WriteRequest;
    const std::unique_ptr<WriteRequest> done(static_cast<WriteRequest*>(request->data));
    StreamTransport* self = owner(reinterpret_cast<uv_handle_t*>(request->handle));
    if (self == nullptr) return;
    self->writing_ = nullptr;
    if (status != 0) {
      self->write_failed(status, done->bytes.size());
    } else {
      self->write();
    }
    self->notify();
  }

  static void shut_down(uv_shutdown_t* request, int /*status*/) { delete request; }
};

StreamTransport::StreamTransport(StreamShellPtr shell, BlockPool& pool, PeerAddress peer,
                                 std::size_t receive_limit)
    : shell_(std::move(shell)), pool_(pool), peer_(peer), receive_limit_(receive_limit) {
  shell_->owner = this;
}

StreamTransport::~StreamTransport() {
  received_.wipe(received_.size());
  if (state_ != State::gone && state_ != State::shut) abort();
}

std::size_t StreamTransport::unsent() const {
  // libuv's count goes down with every part that the socket takes: slow is not stuck.
  return queued_.size() +
         (writing_ != nullptr ? uv_stream_get_write_queue_size(&shell_->stream) : 0) +
         (end_ ? 0 : lost_);
}

void StreamTransport::send(ByteChain&& bytes) {
  if (state_ == State::open) queued_.append(std::move(bytes));
}

bool StreamTransport::send_descriptor(UniqueFd descriptor) {
  const bool possible = state_ == State::open && peer_.unix_socket && unsent() == 0;
  if (possible) descriptor_ = std::move(descriptor);
  return possible;
}

bool StreamTransport::settle() {
  const State before = state_;
  write();
  update_reading();
  return state_ == State::broken && before != State::broken;
}

void StreamTransport::write() {
  if (state_ != State::open && state_ != State::flushing) return;
  if (descriptor_.get() >= 0) write_descriptor();
  while (writing_ == nullptr && !queued_.empty()) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): 1 KiB of zeros for nothing
    std::array<uv_buf_t, kMaxBuffers> buffers;
    std::size_t bytes = 0;
    const auto count = static_cast<unsigned>(fill(queued_, buffers, bytes));
    const int sent = uv_try_write(&shell_->stream, buffers.data(), count);
    if (sent >= 0) queued_.consume(static_cast<std::size_t>(sent));
    if (sent == static_cast<int>(bytes)) continue;
    if (sent < 0 && sent != UV_EAGAIN) return write_failed(sent, 0);

    auto request = std::make_unique<WriteRequest>();
    request->request.data = request.get();
    request->bytes = std::move(queued_);
    queued_.clear();
    ByteChain& rest = request->bytes;
    const auto rest_count = static_cast<unsigned>(fill(rest, buffers, bytes));
    if (bytes < rest.size()) {  // more slices than buffers: the others wait for the callback
      ByteChain now = rest.take(bytes);
      queued_ = std::move(rest);
      rest = std::move(now);
    }
    const int status = uv_write(&request->request, &shell_->stream, buffers.data(), rest_count,
                                StreamCallbacks::written);
    if (status != 0) return write_failed(status, request->bytes.size());
    writing_ = request.release();  // written() frees it
  }
  if (state_ == State::flushing && unsent() == 0) {
    state_ = State::shut;
    auto request = std::make_unique<uv_shutdown_t>();
    if (uv_shutdown(request.get(), &shell_->stream, StreamCallbacks::shut_down) == 0) {
      static_cast<void>(request.release());
    } else {
      set_end(ErrorCode::network, "connection already gone");
    }
  }
}

/// libuv passes its own handles only. The first octet takes the descriptor with it; all before it
/// was taken by the system, so there is room, or the peer has had its chance.
void StreamTransport::write_descriptor() {
  uv_os_fd_t socket = -1;
  if (queued_.empty() || uv_fileno(&shell_->handle, &socket) != 0) return;
  const std::string_view first = queued_.front();
  iovec bytes{.iov_base = const_cast<char*>(first.data()), .iov_len = first.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int));
  const int passed = descriptor_.get();
  std::memcpy(CMSG_DATA(head), &passed, sizeof passed);
  const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  descriptor_ = UniqueFd();
  if (sent > 0) return queued_.consume(static_cast<std::size_t>(sent));
  write_failed(uv_translate_sys_error(errno), 0);
}

void StreamTransport::write_failed(int status, std::size_t lost) {
  // Until the end is seen nobody may take this for sent.
  lost_ = lost + queued_.size();
  queued_.clear();
  // What the peer said before it went may explain why: read on until its end.
  write_error_ = status;
  const bool read_on = state_ == State::open && !end_;
  state_ = State::broken;
  if (read_on) return;
  // A peer that had only ended its direction has gone altogether.
  end_ = Error{ErrorCode::network, uv_strerror(status)};
  update_reading();
}

void StreamTransport::update_reading() {
  if (end_ || state_ == State::gone) return set_reading(false);
  // At the limit reading goes on until there is something to read: most owners have consumed by
  // then, and to stop and start again would be two system calls.
  if (!full()) set_reading(true);
}

void StreamTransport::set_reading(bool wanted) {
  if (wanted == reading_) return;
  reading_ = wanted;
  if (wanted) {
    uv_read_start(&shell_->stream, StreamCallbacks::allocate, StreamCallbacks::read);
  } else {
    uv_read_stop(&shell_->stream);
  }
}

void StreamTransport::close(CloseMode mode) {
  if (state_ == State::gone) return;
  received_.wipe(received_.size());  // what nobody read may be a password
  if (mode == CloseMode::flush) {
    if (state_ != State::open) return;
    state_ = State::flushing;
    settle();
    return;
  }
  abort();
  set_end(ErrorCode::closed, "aborted");
}

void StreamTransport::abort() {
  state_ = State::gone;
  update_reading();
  StreamShell* shell = shell_.get();
  shell->owner = nullptr;
  // A reset tells the peer that this was no orderly end.
  if (shell->handle.type == UV_TCP && uv_tcp_close_reset(&shell->tcp, free_shell) == 0) {
    static_cast<void>(shell_.release());
  } else {
    shell_.reset();
  }
  // The descriptor is closed already, so nobody reads these bytes any more, although libuv calls
  // back later, maybe after the pool is gone.
  if (writing_ != nullptr) std::exchange(writing_, nullptr)->bytes.clear();
  queued_.clear();
}

void StreamTransport::set_end(ErrorCode code, const char* detail) {
  if (end_) return;
  end_ = Error{code, detail};
  update_reading();
}

void StreamTransport::notify() {
  if (observer_ != nullptr) observer_->on_activity();
}

PeerAddress StreamTransport::local() const {
  PeerAddress result{.ip = IpAddress(), .port = 0, .unix_socket = peer_.unix_socket};
  uv_os_fd_t fd = -1;
  if (!shell_ || peer_.unix_socket || uv_fileno(&shell_->handle, &fd) != 0) return result;
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return result;
  return PeerAddress::from(reinterpret_cast<const sockaddr*>(&address));
}

std::optional<std::uint32_t> StreamTransport::peer_user() const {
  uv_os_fd_t fd = -1;
  if (!shell_ || !peer_.unix_socket || uv_fileno(&shell_->handle, &fd) != 0) return std::nullopt;
  ucred who{};
  socklen_t length = sizeof who;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0) return std::nullopt;
  return who.uid;
}

}  // namespace gatepost::net
