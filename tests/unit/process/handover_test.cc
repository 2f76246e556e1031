#include "proxy/process/handover.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <random>
#include <string>

#include "tests/unit/process/packet_pair.h"

namespace gatepost::process {
namespace {

using What = HandoverPacket::What;
using ::gatepost::testing::PacketPair;

HandoverPacket with_descriptors(std::size_t count) {
  HandoverPacket packet{What::sockets, "key", {}};
  for (std::size_t i = 0; i < count; ++i) {
    packet.descriptors.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }
  return packet;
}

TEST(HandoverTest, a_packet_arrives_as_it_was_sent) {
  const PacketPair pair;
  ASSERT_EQ(send_packet(pair.near(), with_descriptors(HandoverPacket::kMaxDescriptors)), true);
  ASSERT_EQ(send_packet(pair.near(), {What::failed, std::string(4096, 'x'), {}}), true);
  auto first = receive_packet(pair.far());
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->what, What::sockets);
  EXPECT_EQ((*first)->text, "key");
  ASSERT_EQ((*first)->descriptors.size(), HandoverPacket::kMaxDescriptors);
  for (const UniqueFd& descriptor : (*first)->descriptors) {
    EXPECT_EQ(::fcntl(descriptor.get(), F_GETFD), FD_CLOEXEC);
  }
  auto second = receive_packet(pair.far());
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->text.size(), HandoverPacket::kMaxText);
}

TEST(HandoverTest, nothing_beyond_the_limits_is_sent) {
  const PacketPair pair;
  EXPECT_FALSE(send_packet(pair.near(), {What::failed, std::string(4097, 'x'), {}}));
  EXPECT_FALSE(send_packet(pair.near(), with_descriptors(HandoverPacket::kMaxDescriptors + 1)));
  EXPECT_EQ(receive_packet(pair.far())->has_value(), false);
}

TEST(HandoverTest, what_does_not_fit_now_waits) {
  const PacketPair pair;
  int sent = 0;
  while (send_packet(pair.near(), {What::failed, std::string(4096, 'x'), {}}) == true) ++sent;
  EXPECT_GT(sent, 1);
  ASSERT_TRUE(receive_packet(pair.far()));
  EXPECT_EQ(send_packet(pair.near(), {What::failed, "x", {}}), true);
}

TEST(HandoverTest, an_end_is_told_from_nothing_now) {
  PacketPair pair;
  EXPECT_FALSE(receive_packet(pair.far()).value().has_value());
  pair.close_near();
  EXPECT_EQ(receive_packet(pair.far()).error().code, ErrorCode::closed);
  EXPECT_FALSE(send_packet(pair.far(), {What::whole, {}, {}}));
}

TEST(HandoverTest, last_words_are_heard_of_who_did_not_listen) {
  PacketPair pair;
  ASSERT_EQ(send_packet(pair.far(), {What::whole, {}, {}}), true);
  ASSERT_EQ(send_packet(pair.near(), {What::failed, "why", {}}), true);
  pair.close_near();
  EXPECT_EQ(receive_packet(pair.far()).value()->text, "why");
  EXPECT_EQ(receive_packet(pair.far()).error().code, ErrorCode::closed);
}

TEST(HandoverTest, what_is_no_packet_is_refused) {
  for (const std::string& text :
       {std::string("x"), std::string("abc"), std::string(4, '\0'), std::string("\6\0\0\0", 4),
        std::string("\xff\xff\xff\xff", 4), "\1" + std::string(3, '\0') + std::string(4097, 'x'),
        std::string(100'000, '\1')}) {
    const PacketPair pair;
    ASSERT_EQ(::send(pair.near(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    const auto received = receive_packet(pair.far());
    ASSERT_FALSE(received) << text.size();
    EXPECT_EQ(received.error().code, ErrorCode::protocol);
  }
}

TEST(HandoverTest, noise_breaks_nothing) {
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    const PacketPair pair;
    std::string text(random() % 64, '\0');
    for (char& octet : text) octet = static_cast<char>(random() % (i % 2 == 0 ? 8 : 256));
    if (::send(pair.near(), text.data(), text.size(), 0) < 0) continue;
    const auto received = receive_packet(pair.far());
    if (received && *received) {
      EXPECT_EQ((*received)->text, text.substr(4));
    }
  }
}

}  // namespace
}  // namespace gatepost::process
