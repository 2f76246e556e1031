#include "proxy/process/predecessor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "proxy/base/secret.h"
#include "proxy/process/handover.h"

namespace gatepost::process {

namespace {

using What = HandoverPacket::What;
using std::chrono::steady_clock;

/// Of a key in a packet: name, cipher and MAC, one after the other.
constexpr std::size_t kPackedKey = sizeof(tls::TicketKey);
static_assert(kPackedKey == 80 && tls::kMaxTicketKeys * kPackedKey <= HandoverPacket::kMaxText);

std::optional<int> descriptor_in(std::string_view text) {
  int number = 0;
  const char* const end = text.data() + text.size();
  // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): the end is the next argument
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || at != end || number <= STDERR_FILENO) return std::nullopt;
  return number;
}

bool keeps_packets_apart(int descriptor) {
  int type = 0;
  socklen_t length = sizeof type;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) != 0) return false;
  int domain = 0;
  length = sizeof domain;
  ::getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &length);
  return type == SOCK_SEQPACKET && domain == AF_UNIX;
}

/// False when that takes too long.
bool wait_until_readable(int descriptor, steady_clock::time_point deadline) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd one{descriptor, POLLIN, 0};
    if (::poll(&one, 1, static_cast<int>(left.count())) > 0) return true;
  }
}

}  // namespace

Result<Predecessor> Predecessor::find() {
  Predecessor found;
  const char* const value = std::getenv(kVariable);
  if (value == nullptr) return found;
  const std::string text = value;
  ::unsetenv(kVariable);
  const std::optional<int> descriptor = descriptor_in(text);
  if (!descriptor || !keeps_packets_apart(*descriptor)) {
    return fail(ErrorCode::config,
                fmt::format("{}: it is for a gateway that starts its successor, and nobody else",
                            kVariable));
  }
  found.way_ = UniqueFd(*descriptor);
  ::fcntl(*descriptor, F_SETFD, FD_CLOEXEC);
  return found;
}

Result<void> Predecessor::receive(Duration patience) {
  const auto deadline = steady_clock::now() + patience;
  while (exists()) {
    auto packet = receive_packet(way_.get());
    if (!packet) return std::unexpected(packet.error());
    if (!*packet) {
      if (wait_until_readable(way_.get(), deadline)) continue;
      return fail(ErrorCode::timeout, "the process before has not handed over its sockets");
    }
    switch ((*packet)->what) {
      case What::sockets:
        if (auto added = sockets_.add((*packet)->text, std::move((*packet)->descriptors)); !added) {
          return added;
        }
        break;
      case What::ticket_keys:
        ticket_keys_ = unpack_ticket_keys((*packet)->text);
        wipe((*packet)->text);
        break;
      case What::whole:
        return {};
      case What::ready:
      case What::failed:
        return fail(ErrorCode::protocol, "the process before says what only its successor may");
    }
  }
  return {};
}

void Predecessor::say_ready() {
  say(static_cast<std::uint32_t>(What::ready), {});
  sockets_.close_rest();
}

void Predecessor::say_failed(std::string_view why) {
  say(static_cast<std::uint32_t>(What::failed), why.substr(0, HandoverPacket::kMaxText));
}

void Predecessor::say(std::uint32_t what, std::string_view text) {
  if (!exists()) return;
  const UniqueFd way = std::move(way_);
  // Whether it is heard is of no matter here: who has ended needs no successor's word.
  static_cast<void>(send_packet(way.get(), {static_cast<What>(what), std::string(text), {}}));
}

std::string pack_ticket_keys(const std::vector<tls::TicketKey>& keys) {
  std::string packed;
  packed.reserve(keys.size() * kPackedKey);
  const auto append = [&packed](const auto& octets) {
    packed.append(reinterpret_cast<const char*>(octets.data()), octets.size());
  };
  for (const tls::TicketKey& key : keys) {
    append(key.name);
    append(key.cipher);
    append(key.mac);
  }
  return packed;
}

std::vector<tls::TicketKey> unpack_ticket_keys(std::string_view packed) {
  if (packed.size() % kPackedKey != 0 || packed.size() / kPackedKey > tls::kMaxTicketKeys) {
    return {};
  }
  std::vector<tls::TicketKey> keys(packed.size() / kPackedKey);
  const char* at = packed.data();
  const auto read = [&at](auto& octets) {
    std::memcpy(octets.data(), at, octets.size());
    at += octets.size();
  };
  for (tls::TicketKey& key : keys) {
    read(key.name);
    read(key.cipher);
    read(key.mac);
  }
  return keys;
}

}  // namespace gatepost::process
