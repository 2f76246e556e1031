#include "proxy/process/packet.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace gatepost::process {

int send_with_descriptor(int socket, std::span<const std::byte> octets, int descriptor) {
  iovec piece{.iov_base = const_cast<std::byte*>(octets.data()), .iov_len = octets.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (descriptor >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
  }
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? errno : 0;
}

ReceivedPacket receive_with_descriptor(int socket, std::span<std::byte> octets) {
  ReceivedPacket received;
  iovec piece{.iov_base = octets.data(), .iov_len = octets.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  // Without the padding, in which a second descriptor would come along that nobody closes.
  message.msg_controllen = CMSG_LEN(sizeof(int));
  received.size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  const cmsghdr* const head = CMSG_FIRSTHDR(&message);
  if (received.size >= 0 && head != nullptr && head->cmsg_level == SOL_SOCKET &&
      head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof(int))) {
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(head), sizeof descriptor);
    received.descriptor = UniqueFd(descriptor);
  }
  return received;
}

}  // namespace gatepost::process
