#include "proxy/process/predecessor.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <thread>

#include "proxy/net/listener.h"
#include "proxy/process/handover.h"
#include "tests/unit/process/packet_pair.h"

namespace gatepost::process {
namespace {

using What = HandoverPacket::What;
using ::gatepost::testing::PacketPair;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// The test is the process before.
class PredecessorTest : public ::testing::Test {
 protected:
  ~PredecessorTest() override { ::unsetenv(Predecessor::kVariable); }
  static Result<Predecessor> find(const std::string& value) {
    ::setenv(Predecessor::kVariable, value.c_str(), 1);
    auto found = Predecessor::find();
    EXPECT_EQ(std::getenv(Predecessor::kVariable), nullptr);
    return found;
  }
  Predecessor connect() {
    auto found = find(std::to_string(pair_.release_far()));
    EXPECT_TRUE(found);
    return std::move(*found);
  }
  void send(What what, const std::string& text = {}, std::vector<UniqueFd> descriptors = {}) {
    EXPECT_EQ(send_packet(pair_.near(), {what, text, std::move(descriptors)}), true);
  }
  void send_socket(const std::string& key) {
    auto opened = net::open_listen_sockets({"127.0.0.1", 0, {}}, 1, 0600);
    ASSERT_TRUE(opened);
    send(What::sockets, key, std::move(opened->fds));
  }
  HandoverPacket heard() {
    auto packet = receive_packet(pair_.near());
    EXPECT_TRUE(packet && *packet);
    return packet && *packet ? std::move(**packet) : HandoverPacket();
  }

  PacketPair pair_;
};

TEST_F(PredecessorTest, without_the_variable_there_is_none) {
  auto none = Predecessor::find();
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->exists());
  EXPECT_TRUE(none->receive());
  EXPECT_TRUE(none->sockets().empty());
  none->say_ready();
  none->say_failed("nobody hears this");
}

TEST_F(PredecessorTest, nonsense_in_the_variable_is_an_error) {
  std::array<int, 2> streams{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, streams.data()), 0);
  const UniqueFd one(streams[0]);
  const UniqueFd other(streams[1]);
  for (const std::string& value :
       {std::string(), std::string("0"), std::string("2"), std::string("-1"), std::string("x"),
        std::string("3x"), std::string(" 3"), std::string("99999999999999999999"),
        std::string("1000000"), std::string(100'000, '3'), std::to_string(one.get())}) {
    const auto found = find(value);
    ASSERT_FALSE(found) << value;
    EXPECT_EQ(found.error().code, ErrorCode::config);
    EXPECT_THAT(found.error().detail, HasSubstr(Predecessor::kVariable));
  }
  EXPECT_GE(::fcntl(one.get(), F_GETFD), 0) << "what is not ours stays open";
}

TEST_F(PredecessorTest, hands_over_sockets_and_keys) {
  Predecessor predecessor = connect();
  tls::TicketKey key;
  key.name.fill(1);
  key.cipher.fill(2);
  key.mac.fill(3);
  send_socket("a");
  send_socket("a");
  send_socket("b");
  send(What::ticket_keys, pack_ticket_keys({key, key}));
  send(What::whole);
  ASSERT_TRUE(predecessor.receive());
  EXPECT_THAT(predecessor.sockets().take("a"), SizeIs(2));
  EXPECT_THAT(predecessor.sockets().take("b"), SizeIs(1));
  ASSERT_THAT(predecessor.ticket_keys(), SizeIs(2));
  EXPECT_EQ(predecessor.ticket_keys()[1].name, key.name);
  EXPECT_EQ(predecessor.ticket_keys()[1].cipher, key.cipher);
  EXPECT_EQ(predecessor.ticket_keys()[1].mac, key.mac);
  predecessor.say_ready();
  EXPECT_EQ(heard().what, What::ready);
  predecessor.say_failed("too late");
  EXPECT_EQ(receive_packet(pair_.near()).error().code, ErrorCode::closed);
}

TEST_F(PredecessorTest, hears_why_there_is_no_successor) {
  Predecessor predecessor = connect();
  predecessor.say_failed(std::string(HandoverPacket::kMaxText + 1, 'x'));
  const HandoverPacket packet = heard();
  EXPECT_EQ(packet.what, What::failed);
  EXPECT_THAT(packet.text, SizeIs(HandoverPacket::kMaxText));
}

TEST_F(PredecessorTest, what_is_not_whole_is_refused) {
  Predecessor predecessor = connect();
  send_socket("a");
  EXPECT_EQ(predecessor.receive(Duration(20)).error().code, ErrorCode::timeout);
  pair_.close_near();
  EXPECT_EQ(predecessor.receive().error().code, ErrorCode::closed);
}

TEST_F(PredecessorTest, waits_for_what_is_slow) {
  Predecessor predecessor = connect();
  std::thread later([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    send(What::whole);
  });
  EXPECT_TRUE(predecessor.receive());
  later.join();
}

TEST_F(PredecessorTest, words_that_are_not_its_own_are_refused) {
  for (const What what : {What::ready, What::failed}) {
    pair_ = PacketPair();
    Predecessor predecessor = connect();
    send(what, "x");
    EXPECT_EQ(predecessor.receive().error().code, ErrorCode::protocol);
  }
}

TEST_F(PredecessorTest, sockets_that_are_none_are_refused) {
  Predecessor predecessor = connect();
  std::vector<UniqueFd> descriptors;
  descriptors.emplace_back(::dup(STDERR_FILENO));
  send(What::sockets, "key", std::move(descriptors));
  EXPECT_EQ(predecessor.receive().error().code, ErrorCode::protocol);
}

TEST(TicketKeysPackedTest, half_a_key_or_too_many_are_none) {
  EXPECT_THAT(unpack_ticket_keys(std::string(79, 'k')), IsEmpty());
  EXPECT_THAT(unpack_ticket_keys(std::string(81, 'k')), IsEmpty());
  EXPECT_THAT(unpack_ticket_keys(std::string(tls::kMaxTicketKeys * 80, 'k')),
              SizeIs(tls::kMaxTicketKeys));
  EXPECT_THAT(unpack_ticket_keys(std::string((tls::kMaxTicketKeys + 1) * 80, 'k')), IsEmpty());
}

}  // namespace
}  // namespace gatepost::process
