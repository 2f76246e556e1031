#include "proxy/base/ticket.h"

#include <gtest/gtest.h>

#include <optional>
#include <utility>

namespace gatepost {
namespace {

TEST(Ticket, cancels_when_destroyed) {
  int cancelled = 0;
  {
    const Ticket ticket([&] { ++cancelled; });
  }
  EXPECT_EQ(cancelled, 1);
}

TEST(Ticket, cancels_only_once) {
  int cancelled = 0;
  {
    Ticket ticket([&] { ++cancelled; });
    ticket.reset();
    ticket.reset();
  }
  EXPECT_EQ(cancelled, 1);
}

TEST(Ticket, hands_the_work_over_when_moved) {
  int cancelled = 0;
  std::optional<Ticket> first(std::in_place, [&] { ++cancelled; });
  Ticket second = std::move(*first);
  first.reset();
  EXPECT_EQ(cancelled, 0);
  second = Ticket();
  EXPECT_EQ(cancelled, 1);
}

TEST(Ticket, cancels_what_it_stood_for_when_assigned_to) {
  int first = 0;
  int second = 0;
  Ticket ticket([&] { ++first; });
  ticket = Ticket([&] { ++second; });
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 0);
}

TEST(Ticket, survives_assignment_to_itself) {
  int cancelled = 0;
  Ticket ticket([&] { ++cancelled; });
  Ticket& same = ticket;
  ticket = std::move(same);
  EXPECT_EQ(cancelled, 0);
}

TEST(Ticket, may_be_reset_from_its_own_cancel) {
  int cancelled = 0;
  Ticket ticket;
  ticket = Ticket([&] {
    ++cancelled;
    ticket.reset();
  });
  ticket.reset();
  EXPECT_EQ(cancelled, 1);
}

}  // namespace
}  // namespace gatepost
