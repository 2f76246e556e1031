#include "proxy/process/handover.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/base/secret.h"

namespace gatepost::process {

namespace {

using What = HandoverPacket::What;

constexpr std::size_t kControl = CMSG_SPACE(HandoverPacket::kMaxDescriptors * sizeof(int));

/// What came along: ours from here on, whatever the packet turns out to be.
std::vector<UniqueFd> take_descriptors(msghdr& message) {
  std::vector<UniqueFd> taken;
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
       head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(head) + i * sizeof(int), sizeof descriptor);
      taken.emplace_back(descriptor);
    }
  }
  return taken;
}

bool is_known(What what) { return what >= What::sockets && what <= What::failed; }

}  // namespace

Result<bool> send_packet(int socket, const HandoverPacket& packet) {
  if (packet.text.size() > HandoverPacket::kMaxText ||
      packet.descriptors.size() > HandoverPacket::kMaxDescriptors) {
    return fail(ErrorCode::limit, "too much for one packet");
  }
  What what = packet.what;
  std::array<iovec, 2> pieces{
      {{&what, sizeof what}, {const_cast<char*>(packet.text.data()), packet.text.size()}}};
  alignas(cmsghdr) std::array<char, kControl> control{};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  if (const std::size_t count = packet.descriptors.size(); count > 0) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* const head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(count * sizeof(int));
    for (std::size_t i = 0; i < count; ++i) {
      const int descriptor = packet.descriptors[i].get();
      std::memcpy(CMSG_DATA(head) + i * sizeof(int), &descriptor, sizeof descriptor);
    }
  }
  for (;;) {
    if (::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return true;
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return false;
    return system_failure("handing over", errno);
  }
}

Result<std::optional<HandoverPacket>> receive_packet(int socket) {
  HandoverPacket packet;
  packet.text.resize(HandoverPacket::kMaxText);
  std::array<iovec, 2> pieces{
      {{&packet.what, sizeof packet.what}, {packet.text.data(), packet.text.size()}}};
  alignas(cmsghdr) std::array<char, kControl> control{};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t size = 0;
  do {  // who ended without reading everything is a reset first, and what it said comes after that
    size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (size < 0 && (errno == EINTR || errno == ECONNRESET));
  if (size < 0 && errno == EAGAIN) return std::nullopt;
  if (size < 0) return system_failure("handing over", errno);
  packet.descriptors = take_descriptors(message);
  if (size == 0) return fail(ErrorCode::closed, "the other side has ended");
  const auto length = static_cast<std::size_t>(size);
  if ((message.msg_flags & MSG_CTRUNC) != 0) {
    return fail(ErrorCode::protocol, "more descriptors than may be open");
  }
  if ((message.msg_flags & MSG_TRUNC) != 0 || length < sizeof packet.what ||
      !is_known(packet.what)) {
    return fail(ErrorCode::protocol, "a packet that is none of a gateway");
  }
  if (packet.what == What::ticket_keys) {
    // Resized, the string could leave a copy behind where nobody wipes it.
    std::string text(packet.text, 0, length - sizeof packet.what);
    wipe(packet.text);
    packet.text = std::move(text);
  } else {
    packet.text.resize(length - sizeof packet.what);
  }
  return packet;
}

}  // namespace gatepost::process
