#include "proxy/net/loop_background.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace gatepost::net {
namespace {

TEST(LoopBackground, works_elsewhere_and_reports_here) {
  Loop loop;
  LoopBackground background(loop);
  std::thread::id worker;
  std::thread::id reporter;
  const Ticket ticket = background.run([&] { worker = std::this_thread::get_id(); },
                                       [&] {
                                         reporter = std::this_thread::get_id();
                                         loop.stop();
                                       });
  loop.run();
  EXPECT_EQ(reporter, std::this_thread::get_id());
  EXPECT_NE(worker, reporter);
}

TEST(LoopBackground, does_not_report_what_was_cancelled) {
  std::atomic<int> worked = 0;
  int reported = 0;
  auto owned = std::make_shared<int>(7);
  {
    Loop loop;
    LoopBackground background(loop);
    for (int i = 0; i < 100; ++i) {
      Ticket ticket = background.run([&worked, owned] { worked += *owned == 7 ? 1 : 0; },
                                     [&reported, owned] { ++reported; });
      if (i % 2 == 0) ticket.reset();
    }  // the others' tickets go here
  }
  EXPECT_EQ(reported, 0);
  EXPECT_LE(worked, 100);
  EXPECT_EQ(owned.use_count(), 1);
}

TEST(LoopBackground, does_many_things_at_once) {
  constexpr int kMany = 500;
  Loop loop;
  LoopBackground background(loop);
  std::atomic<int> worked = 0;
  int reported = 0;
  std::vector<Ticket> tickets;
  for (int i = 0; i < kMany; ++i) {
    tickets.push_back(background.run([&] { ++worked; },
                                     [&] {
                                       if (++reported == kMany) loop.stop();
                                     }));
  }
  loop.run();
  EXPECT_EQ(worked, kMany);
  EXPECT_EQ(reported, kMany);
}

TEST(LoopBackground, its_ticket_may_go_while_it_reports) {
  Loop loop;
  LoopBackground background(loop);
  Ticket ticket;
  ticket = background.run([] {},
                          [&] {
                            ticket.reset();
                            loop.stop();
                          });
  loop.run();
}

}  // namespace
}  // namespace gatepost::net
