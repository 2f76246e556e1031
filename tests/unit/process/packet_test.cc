#include "proxy/process/packet.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <limits>
#include <span>

#include "proxy/process/handover.h"
#include "tests/unit/process/packet_pair.h"

namespace gatepost::process {
namespace {

using ::gatepost::testing::PacketPair;

struct Words {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  bool operator==(const Words&) const = default;
};

constexpr Words kSaid{.first = 1, .second = std::numeric_limits<std::uint64_t>::max()};

int send(int socket, const Words& words, int descriptor) {
  return send_with_descriptor(socket, std::as_bytes(std::span(&words, 1)), descriptor);
}

ReceivedPacket receive(int socket, Words& words) {
  return receive_with_descriptor(socket, std::as_writable_bytes(std::span(&words, 1)));
}

UniqueFd open_nothing() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

/// Of what is open now, the number that the next one gets.
int next_descriptor() { return open_nothing().get(); }

bool same_file(int one, int other) {
  struct stat first{};
  struct stat second{};
  return ::fstat(one, &first) == 0 && ::fstat(other, &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

TEST(PacketTest, octets_arrive_alone) {
  const PacketPair pair;
  ASSERT_EQ(send(pair.near(), kSaid, -1), 0);
  Words heard;
  const ReceivedPacket received = receive(pair.far(), heard);
  EXPECT_EQ(received.size, static_cast<ssize_t>(sizeof heard));
  EXPECT_EQ(heard, kSaid);
  EXPECT_EQ(received.descriptor.get(), -1);
}

TEST(PacketTest, a_descriptor_comes_along_and_is_not_for_programs) {
  const PacketPair pair;
  const UniqueFd passed = open_nothing();
  ASSERT_EQ(send(pair.near(), kSaid, passed.get()), 0);
  Words heard;
  const ReceivedPacket received = receive(pair.far(), heard);
  EXPECT_EQ(received.size, static_cast<ssize_t>(sizeof heard));
  EXPECT_EQ(heard, kSaid);
  EXPECT_NE(received.descriptor.get(), passed.get());
  EXPECT_TRUE(same_file(received.descriptor.get(), passed.get()));
  EXPECT_EQ(::fcntl(received.descriptor.get(), F_GETFD), FD_CLOEXEC);
}

TEST(PacketTest, each_packet_has_its_own) {
  const PacketPair pair;
  const UniqueFd passed = open_nothing();
  ASSERT_EQ(send(pair.near(), {.first = 1}, -1), 0);
  ASSERT_EQ(send(pair.near(), {.first = 2}, passed.get()), 0);
  ASSERT_EQ(send(pair.near(), {.first = 3}, -1), 0);
  for (const std::uint64_t number : {1U, 2U, 3U}) {
    Words heard;
    const ReceivedPacket received = receive(pair.far(), heard);
    EXPECT_EQ(heard.first, number);
    EXPECT_EQ(received.descriptor.get() >= 0, number == 2);
  }
}

TEST(PacketTest, a_shorter_packet_shows_in_its_size) {
  const PacketPair pair;
  ASSERT_EQ(send_with_descriptor(pair.near(), std::as_bytes(std::span(&kSaid.first, 1)), -1), 0);
  Words heard;
  EXPECT_EQ(receive(pair.far(), heard).size, static_cast<ssize_t>(sizeof kSaid.first));
  EXPECT_EQ(heard.first, kSaid.first);
}

TEST(PacketTest, the_end_is_told_from_nothing_now) {
  PacketPair pair;
  ASSERT_EQ(::fcntl(pair.far(), F_SETFL, O_NONBLOCK), 0);
  Words heard;
  EXPECT_EQ(receive(pair.far(), heard).size, -1);
  EXPECT_EQ(errno, EAGAIN);
  pair.close_near();
  EXPECT_EQ(receive(pair.far(), heard).size, 0);
}

TEST(PacketTest, what_cannot_be_sent_is_said) {
  const PacketPair pair;
  ASSERT_EQ(::fcntl(pair.far(), F_SETFL, O_NONBLOCK), 0);
  EXPECT_EQ(send(pair.far(), kSaid, std::numeric_limits<int>::max()), EBADF);
  int outcome = 0;
  while (outcome == 0) outcome = send(pair.far(), kSaid, -1);
  EXPECT_EQ(outcome, EAGAIN);
}

TEST(PacketTest, who_has_ended_is_told_nothing_and_sends_no_signal) {
  PacketPair pair;
  pair.close_near();
  EXPECT_EQ(send(pair.far(), kSaid, -1), EPIPE);
}

TEST(PacketTest, of_several_descriptors_none_stays_open_unseen) {
  const PacketPair pair;
  HandoverPacket several{HandoverPacket::What::sockets, "key", {}};
  several.descriptors.push_back(open_nothing());
  several.descriptors.push_back(open_nothing());
  ASSERT_EQ(send_packet(pair.near(), several), true);
  const int before = next_descriptor();
  Words heard;
  EXPECT_EQ(receive(pair.far(), heard).descriptor.get(), before);
  EXPECT_EQ(next_descriptor(), before);
}

}  // namespace
}  // namespace gatepost::process
