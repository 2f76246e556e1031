#include "proxy/net/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/net/fake_names.h"
#include "tests/unit/net/sockets.h"

namespace gatepost::net {
namespace {

using ::gatepost::testing::FakeNames;
using ::gatepost::testing::run_for;
using ::gatepost::testing::run_until;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Answer = Result<std::vector<IpAddress>>;

class ResolverTest : public ::testing::Test {
 protected:
  Ticket resolve(const std::string& host) {
    answer_.reset();
    auto ticket = resolver_->resolve(host, [this, host](Answer answer) {
      answer_ = std::move(answer);
      known_then_ = resolver_->known(host).has_value();
    });
    EXPECT_TRUE(ticket);
    EXPECT_FALSE(answer_) << "never from inside the call";
    return std::move(*ticket);
  }
  bool answered() {
    return run_until(loop_, [this] { return answer_.has_value(); });
  }
  /// The answer as text; "" for an error.
  std::vector<std::string> look_up(const std::string& host) {
    const Ticket ticket = resolve(host);
    EXPECT_TRUE(answered());
    std::vector<std::string> texts;
    if (*answer_) {
      for (const IpAddress& address : **answer_) texts.push_back(address.to_string());
    }
    return texts;
  }

  Loop loop_;
  std::unique_ptr<Resolver> resolver_ =
      std::make_unique<Resolver>(loop_, std::chrono::milliseconds(150));
  std::optional<Answer> answer_;
  bool known_then_ = false;  // when the answer came: later it may be too old
  FakeNames names_;          // goes first: the loop waits for look-ups that hang
};

TEST_F(ResolverTest, FindsLocalhost) {
  const auto addresses = look_up("localhost");
  ASSERT_FALSE(addresses.empty());
  for (const std::string& address : addresses) {
    EXPECT_TRUE(address == "::1" || address.starts_with("127.")) << address;
  }
}

TEST_F(ResolverTest, KnowsLiteralAddressesWithoutLookingThemUp) {
  ASSERT_TRUE(resolver_->known("192.0.2.1"));
  EXPECT_EQ(resolver_->known("192.0.2.1")->front().to_string(), "192.0.2.1");
  ASSERT_TRUE(resolver_->known("2001:db8::1"));
  EXPECT_EQ(resolver_->known("2001:db8::1")->front().to_string(), "2001:db8::1");
}

TEST_F(ResolverTest, GivesAllAddressesOnceInTheirOrder) {
  names_.set("mail.test", {"127.0.0.3", "127.0.0.2", "127.0.0.3"});
  EXPECT_THAT(look_up("mail.test"), ElementsAre("127.0.0.3", "127.0.0.2"));
}

TEST_F(ResolverTest, FailsForAnUnknownName) {
  look_up("nobody.test");
  ASSERT_FALSE(*answer_);
  EXPECT_EQ(answer_->error().code, ErrorCode::network);
  EXPECT_THAT(answer_->error().detail, HasSubstr("nobody.test"));
  EXPECT_FALSE(resolver_->known("nobody.test"));
}

TEST_F(ResolverTest, RemembersAnAnswerForAWhile) {
  names_.set("mail.test", {"127.0.0.2"});
  EXPECT_FALSE(resolver_->known("mail.test"));
  look_up("mail.test");
  EXPECT_TRUE(known_then_);
  EXPECT_TRUE(run_until(loop_, [this] { return !resolver_->known("mail.test"); }))
      << "not for ever";
  names_.set("mail.test", {"127.0.0.9"});
  EXPECT_THAT(look_up("mail.test"), ElementsAre("127.0.0.9"));
}

TEST_F(ResolverTest, GoesOnWithTheOldAnswerWhenALaterLookUpFails) {
  names_.set("mail.test", {"127.0.0.2"});
  look_up("mail.test");
  ASSERT_TRUE(run_until(loop_, [this] { return !resolver_->known("mail.test"); }));
  names_.set("mail.test", {});
  EXPECT_THAT(look_up("mail.test"), ElementsAre("127.0.0.2"));
  EXPECT_FALSE(resolver_->known("mail.test")) << "the next one asks again";
}

TEST_F(ResolverTest, NeverCallsBackOnceTheTicketIsGone) {
  names_.hold();
  {
    const Ticket ticket = resolve("mail.test");
    ASSERT_TRUE(run_until(loop_, [this] { return names_.asked() == 1; })) << "under way";
  }
  names_.let_go();
  run_for(loop_, Duration(30));
  EXPECT_FALSE(answer_);
}

TEST_F(ResolverTest, NeverCallsBackWhenCancelledBeforeItBegan) {
  names_.set("localhost.test", {"127.0.0.1"});
  static_cast<void>(resolve("localhost.test"));
  run_for(loop_, Duration(30));
  EXPECT_FALSE(answer_);
}

TEST_F(ResolverTest, MayBeDestroyedWithALookUpUnderWay) {
  names_.hold();
  Ticket ticket = resolve("mail.test");
  ASSERT_TRUE(run_until(loop_, [this] { return names_.asked() == 1; }));
  resolver_.reset();
  names_.let_go();
  run_for(loop_, Duration(30));
  EXPECT_FALSE(answer_);
  ticket.reset();  // after the look-up has ended on its own
}

TEST_F(ResolverTest, LetsTheTicketGoInsideItsCallback) {
  Ticket ticket;
  bool done = false;
  auto made = resolver_->resolve("localhost", [&](const Answer&) {
    ticket.reset();
    done = true;
  });
  ASSERT_TRUE(made);
  ticket = std::move(*made);
  EXPECT_TRUE(run_until(loop_, [&] { return done; }));
}

TEST_F(ResolverTest, RefusesANameThatCannotBeOne) {
  auto ticket = resolver_->resolve(std::string(500, 'x') + ".test", [](const Answer&) {});
  if (ticket) {  // or the look-up says so later
    run_for(loop_, Duration(30));
  } else {
    EXPECT_EQ(ticket.error().code, ErrorCode::system);
  }
}

}  // namespace
}  // namespace gatepost::net
