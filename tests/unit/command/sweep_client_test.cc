#include "proxy/command/sweep_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatepost::command {
namespace {

using ::testing::HasSubstr;
using Stage = SweepDialog::Stage;

TEST(SweepDialogTest, SaysOneThingAfterTheOther) {
  SweepDialog dialog("joe@example.org");
  EXPECT_EQ(dialog.hear("+OK ready"), "USER joe@example.org\r\n");
  EXPECT_EQ(dialog.hear("+OK"), "PASS -\r\n");
  EXPECT_FALSE(dialog.logged_in());
  EXPECT_EQ(dialog.hear("+OK Logged in"), "QUIT\r\n");
  EXPECT_TRUE(dialog.logged_in());
  EXPECT_THAT(dialog.problem(), HasSubstr("may have been removed or not"));
  EXPECT_EQ(dialog.hear("+OK Bye"), "");
  EXPECT_EQ(dialog.stage(), Stage::done);
  EXPECT_EQ(dialog.problem(), "");
  EXPECT_EQ(dialog.hear("-ERR what now?"), "");
  EXPECT_EQ(dialog.stage(), Stage::done);
}

TEST(SweepDialogTest, LeavesWhenItIsRefused) {
  SweepDialog dialog("joe");
  EXPECT_EQ(dialog.problem(), "the connection was lost");
  static_cast<void>(dialog.hear("+OK"));
  static_cast<void>(dialog.hear("+OK"));
  EXPECT_EQ(dialog.hear("-ERR [AUTH] No"), "QUIT\r\n");
  EXPECT_EQ(dialog.hear("+OK Bye"), "");
  EXPECT_EQ(dialog.stage(), Stage::failed);
  EXPECT_FALSE(dialog.logged_in());
  EXPECT_EQ(dialog.problem(), "-ERR [AUTH] No");
}

TEST(SweepDialogTest, WhatAServerSaysIsHarmless) {
  SweepDialog dialog("joe");
  EXPECT_EQ(dialog.hear("-ERR \x1b[2J" + std::string(1'000, 'x')), "");
  EXPECT_THAT(dialog.problem(), HasSubstr("-ERR ?[2Jxxx"));
  EXPECT_LT(dialog.problem().size(), 250U);
}

class SweepClientTest : public ::testing::Test {
 protected:
  /// What the session receives at once.
  std::string send(std::string_view text) {
    client_.send(ByteChain(pool_, text));
    EXPECT_TRUE(client_.received().empty()) << "before settle()";
    const bool news = client_.settle();
    std::string got;
    for (const Slice& slice : client_.received().slices()) got += slice.view();
    EXPECT_EQ(news, !got.empty());
    client_.received().clear();
    return got;
  }

  BlockPool pool_;
  SweepDialog dialog_{"joe"};
  SweepClient client_{pool_, dialog_};
};

TEST_F(SweepClientTest, HearsLinesHoweverTheyCome) {
  EXPECT_EQ(send("+O"), "");
  EXPECT_EQ(send("K ready\r"), "");
  EXPECT_EQ(send("\n"), "USER joe\r\n");
  EXPECT_EQ(send("+OK\r\n+OK\r\n"), "PASS -\r\nQUIT\r\n");
  EXPECT_EQ(client_.unsent(), 0U);
  EXPECT_TRUE(client_.peer().unix_socket);
  EXPECT_FALSE(client_.end());
}

TEST_F(SweepClientTest, HearsTheLastWordsOfASessionThatCloses) {
  static_cast<void>(send("+OK\r\n+OK\r\n+OK\r\n"));
  client_.send(ByteChain(pool_, "+OK Bye\r\n"));
  client_.close(net::CloseMode::flush);
  ASSERT_TRUE(client_.end());
  EXPECT_FALSE(client_.settle());
  EXPECT_EQ(dialog_.stage(), Stage::done);
}

TEST_F(SweepClientTest, WhatWasBrokenOffWasNotSaid) {
  static_cast<void>(send("+OK\r\n+OK\r\n+OK\r\n"));
  client_.send(ByteChain(pool_, "+OK Bye\r\n"));
  client_.close(net::CloseMode::abort);
  EXPECT_FALSE(client_.settle());
  EXPECT_EQ(dialog_.stage(), Stage::quit);
  EXPECT_THAT(dialog_.problem(), HasSubstr("lost"));
}

}  // namespace
}  // namespace gatepost::command
