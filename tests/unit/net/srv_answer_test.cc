// The pure part of proxy/net/srv_lookup.h: reading an answer.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/net/srv_lookup.h"
#include "tests/support/chop.h"
#include "tests/unit/net/dns_answer.h"

namespace gatepost::net {
namespace {

using namespace std::string_literals;
using ::gatepost::testing::DnsAnswer;
using ::testing::ElementsAre;

/// "priority weight host:port", or the error.
std::vector<std::string> read(const DnsAnswer& answer) {
  const auto targets = parse_srv_answer(answer.bytes());
  if (!targets) return {std::string(to_string(targets.error().code))};
  std::vector<std::string> texts;
  for (const SrvTarget& target : *targets) {
    texts.push_back(
        fmt::format("{} {} {}:{}", target.priority, target.weight, target.host, target.port));
  }
  return texts;
}

std::string target(std::string_view host, std::size_t port = 995, std::size_t priority = 0,
                   std::size_t weight = 1) {
  return DnsAnswer::srv(priority, weight, port, DnsAnswer::name(host));
}

TEST(SrvAnswerTest, ReadsTargetsSortedByPriorityAndWeight) {
  EXPECT_THAT(read(DnsAnswer()
                       .add(target("c.example.test", 3, 20, 9))
                       .add(target("b.example.test", 2, 10, 1))
                       .add(target("A.Example.test", 65535, 10, 65535))
                       .add(target("d.example.test", 4, 0, 0))),
              ElementsAre("0 0 d.example.test:4", "10 65535 a.example.test:65535",
                          "10 1 b.example.test:2", "20 9 c.example.test:3"));
}

TEST(SrvAnswerTest, TheOrderDoesNotDependOnTheServers) {
  const std::vector<std::string> sorted = {"0 1 a.test:1", "0 1 a.test:2", "0 1 b.test:1"};
  EXPECT_EQ(
      read(DnsAnswer().add(target("b.test", 1)).add(target("a.test", 2)).add(target("a.test", 1))),
      sorted);
  EXPECT_EQ(
      read(DnsAnswer().add(target("a.test", 1)).add(target("a.test", 2)).add(target("b.test", 1))),
      sorted);
}

TEST(SrvAnswerTest, ReadsCompressedNames) {
  DnsAnswer answer;
  answer.add(DnsAnswer::srv(1, 0, 995, "\3pop" + DnsAnswer::pointer(24)));
  const std::size_t first = answer.next_data_at() - 12 - 6;  // target of the first record
  answer.add(DnsAnswer::srv(2, 0, 995, "\1x" + DnsAnswer::pointer(first)));
  EXPECT_THAT(read(answer), ElementsAre("1 0 pop.example.test:995", "2 0 x.pop.example.test:995"));
}

TEST(SrvAnswerTest, KnowsHowLongItIsGood) {
  const auto ttl = [](std::size_t seconds) {
    return parse_srv_answer(DnsAnswer().add(target("a.test"), 33, seconds).bytes())->front().ttl;
  };
  EXPECT_EQ(ttl(300).count(), 300);
  EXPECT_EQ(ttl(0).count(), 0);
  EXPECT_EQ(ttl(0x7fff'ffff).count(), 0x7fff'ffff);
  EXPECT_EQ(ttl(0x8000'0000).count(), 0) << "RFC 2181 section 8";
}

TEST(SrvAnswerTest, ARootTargetMeansThatThereIsNoService) {
  EXPECT_THAT(read(DnsAnswer().add(target("", 0))), ElementsAre("refused"));
  EXPECT_THAT(read(DnsAnswer().add(target("", 995))), ElementsAre("refused"));
  EXPECT_THAT(read(DnsAnswer().add(target("")).add(target("a.test"))),
              ElementsAre("0 1 a.test:995"));
}

TEST(SrvAnswerTest, SkipsWhatIsNoSrv) {
  EXPECT_THAT(read(DnsAnswer()
                       .add(DnsAnswer::name("alias.test"), DnsAnswer::kCname)
                       .add("\1\2\3\4", DnsAnswer::kA)
                       .add(target("chaos.test"), DnsAnswer::kSrv, 1, 3)
                       .add(target("a.test"))),
              ElementsAre("0 1 a.test:995"));
  EXPECT_THAT(read(DnsAnswer().add(DnsAnswer::name("alias.test"), DnsAnswer::kCname)),
              ElementsAre("network"));
}

TEST(SrvAnswerTest, SkipsTargetsThatCannotBeConnectedTo) {
  EXPECT_THAT(read(DnsAnswer()
                       .add(target("zero.test", 0))
                       .add(DnsAnswer::srv(0, 0, 1, "\3a b\4test\0"s))
                       .add(DnsAnswer::srv(0, 0, 1, "\3a.b\4test\0"s))
                       .add(DnsAnswer::srv(0, 0, 1, "\3a\0b\4test\0"s))
                       .add(target("192.0.2.1"))
                       .add(target("a.test"))),
              ElementsAre("0 1 a.test:995"));
  EXPECT_THAT(read(DnsAnswer().add(target("zero.test", 0))), ElementsAre("network"));
}

TEST(SrvAnswerTest, TakesSoManyTargetsAndNoMore) {
  DnsAnswer answer;
  for (std::size_t i = 0; i < kMaxSrvTargets + 2; ++i) {
    answer.add(target(fmt::format("host{}.test", i), 995, 1000 - i));
  }
  const auto targets = parse_srv_answer(answer.bytes());
  ASSERT_TRUE(targets);
  EXPECT_EQ(targets->size(), kMaxSrvTargets);
  EXPECT_EQ(targets->front().host, fmt::format("host{}.test", kMaxSrvTargets + 1))
      << "the ones that are asked first";
}

TEST(SrvAnswerTest, AnEmptyAnswerIsNoService) {
  EXPECT_THAT(read(DnsAnswer()), ElementsAre("network"));
}

TEST(SrvAnswerTest, KnowsWhenTheServerFailed) {
  EXPECT_THAT(read(DnsAnswer(0x8182).add(target("a.test"))), ElementsAre("network"));
  EXPECT_THAT(read(DnsAnswer(0x8183)), ElementsAre("network"));
  EXPECT_THAT(read(DnsAnswer(0x8185)), ElementsAre("network"));
  EXPECT_THAT(read(DnsAnswer(0x8380).add(target("a.test"))), ElementsAre("protocol"))
      << "cut short";
  EXPECT_THAT(read(DnsAnswer(0x0180).add(target("a.test"))), ElementsAre("protocol"))
      << "a question";
}

TEST(SrvAnswerTest, EveryTruncationIsMalformed) {
  DnsAnswer answer;
  answer.add(DnsAnswer::name("alias.test"), DnsAnswer::kCname);
  answer.add(target("a.test")).add(DnsAnswer::srv(1, 0, 995, "\3pop" + DnsAnswer::pointer(24)));
  const std::vector<std::uint8_t> whole = answer.bytes();
  ASSERT_TRUE(parse_srv_answer(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::vector<std::uint8_t> cut(whole.begin(),
                                        whole.begin() + static_cast<std::ptrdiff_t>(size));
    const auto targets = parse_srv_answer(cut);
    ASSERT_FALSE(targets) << size;
    EXPECT_EQ(targets.error().code, ErrorCode::protocol);
  }
}

TEST(SrvAnswerTest, RefusesMalformedRecords) {
  const DnsAnswer good = DnsAnswer().add(target("a.test"));
  const std::size_t here = good.next_data_at() + 6;  // of the target in a second record
  const std::string bad[] = {
      "",
      "\0\1\0\1"s,
      DnsAnswer::srv(0, 0, 995, ""),
      DnsAnswer::srv(0, 0, 995, "\1a"),
      DnsAnswer::srv(0, 0, 995, "\x7f"),
      DnsAnswer::srv(0, 0, 995, "\x40\0"s),
      DnsAnswer::srv(0, 0, 995, DnsAnswer::name("a.test") + "x"),
      DnsAnswer::srv(0, 0, 995, DnsAnswer::pointer(here)),
      DnsAnswer::srv(0, 0, 995, "\1a" + DnsAnswer::pointer(here)),
      DnsAnswer::srv(0, 0, 995, DnsAnswer::pointer(here + 2) + DnsAnswer::pointer(here)),
      DnsAnswer::srv(0, 0, 995, DnsAnswer::pointer(0x3fff)),
      DnsAnswer::srv(0, 0, 995, "\xc0"),
  };
  for (const std::string& data : bad) {
    DnsAnswer answer = good;
    EXPECT_THAT(read(answer.add(data)), ElementsAre("protocol"));
  }
  std::string endless;
  for (int i = 0; i < 200; ++i) endless += "\1a";
  EXPECT_THAT(read(DnsAnswer().add(target(std::string_view(endless)))), ElementsAre("protocol"));
  DnsAnswer liar = good;
  EXPECT_THAT(read(liar.claim(2)), ElementsAre("protocol"));
  EXPECT_THAT(read(liar.claim(65535)), ElementsAre("protocol"));
}

TEST(SrvAnswerTest, SurvivesAnyOctets) {
  ::gatepost::testing::Random random;
  const std::vector<std::uint8_t> good = DnsAnswer()
                                             .add(target("a.test"))
                                             .add(DnsAnswer::srv(1, 0, 9, DnsAnswer::pointer(24)))
                                             .bytes();
  for (int i = 0; i < 2000; ++i) {
    std::vector<std::uint8_t> bytes = good;
    for (std::size_t changes = random.between(1, 4); changes > 0; --changes) {
      bytes[random.between(0, bytes.size() - 1)] =
          static_cast<std::uint8_t>(random.between(0, 255));
    }
    const auto targets = parse_srv_answer(bytes);
    EXPECT_TRUE(!targets || !targets->empty()) << random.name();
  }
}

}  // namespace
}  // namespace gatepost::net
