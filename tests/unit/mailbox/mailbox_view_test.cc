#include "proxy/mailbox/mailbox_view.h"

#include <gtest/gtest.h>

#include <string>

namespace gatepost::mailbox {
namespace {

using Numbers = std::vector<std::uint64_t>;
using Indexes = std::vector<std::size_t>;

/// a with 100 octets, b with 200, c with 300.
Inventory three() {
  Inventory inventory;
  for (std::uint64_t number = 1; number <= 3; ++number) {
    EXPECT_TRUE(inventory.add_size(number, 100 * number));
  }
  EXPECT_TRUE(inventory.add_uidl(1, "a") && inventory.add_uidl(2, "b") &&
              inventory.add_uidl(3, "c"));
  return inventory;
}

bool second(std::size_t index) { return index == 1; }

std::string all(const MailboxView& view, MailboxView::Listing::Of what, std::size_t enough) {
  std::string text;
  MailboxView::Listing listing(view, what);
  while (!listing.done()) {
    std::string piece;
    listing.give(piece, enough);
    EXPECT_FALSE(piece.empty());
    text += piece;
  }
  return text;
}

TEST(Inventory, takes_numbers_in_their_order_only) {
  Inventory inventory;
  EXPECT_FALSE(inventory.add_size(0, 1));
  EXPECT_FALSE(inventory.add_size(2, 1));
  EXPECT_TRUE(inventory.add_size(1, 1));
  EXPECT_FALSE(inventory.add_size(1, 1));
  EXPECT_FALSE(inventory.add_uidl(2, "b"));
  EXPECT_FALSE(inventory.has_uidls());
  EXPECT_TRUE(inventory.add_uidl(1, "a"));
  EXPECT_FALSE(inventory.add_uidl(2, "b"));
  EXPECT_TRUE(inventory.has_uidls());
  EXPECT_EQ(inventory.uidl(0), "a");
}

TEST(Inventory, takes_proper_uidls_only) {
  Inventory inventory;
  ASSERT_TRUE(inventory.add_size(1, 1));
  const std::string longest(Inventory::kMaxUidl, '~');
  for (const std::string& bad : {std::string(), std::string("a b"), std::string("\x7f"),
                                 std::string("\xc3\xa4"), std::string("a\0b", 3), longest + "~"}) {
    EXPECT_FALSE(inventory.add_uidl(1, bad)) << bad;
  }
  EXPECT_TRUE(inventory.add_uidl(1, longest));
}

TEST(Inventory, has_a_limit) {
  Inventory inventory;
  for (std::uint64_t number = 1; number <= Inventory::kMaxMessages; ++number) {
    ASSERT_TRUE(inventory.add_size(number, 1));
  }
  const auto one_more = inventory.add_size(Inventory::kMaxMessages + 1, 1);
  ASSERT_FALSE(one_more);
  EXPECT_EQ(one_more.error().code, ErrorCode::limit);
}

TEST(MailboxView, has_numbers_without_gaps) {
  const Inventory inventory = three();
  const MailboxView view(inventory, second, {{17, 50, quarantine_uidl(17)}});
  EXPECT_EQ(view.count(), 3U);
  EXPECT_EQ(view.stat(), "+OK 3 450\r\n");
  EXPECT_EQ(view.list(2), "+OK 2 300\r\n");
  EXPECT_EQ(view.uidl(2), "+OK 2 c\r\n");
  EXPECT_EQ(view.uidl(3), "+OK 3 gatepost-quarantine-17\r\n");
  EXPECT_EQ(view.find(2)->index, 2U);
  EXPECT_EQ(view.find(3)->extra->key, 17U);
  for (const std::uint64_t number : {0UL, 4UL, UINT64_MAX}) {
    EXPECT_FALSE(view.find(number));
    EXPECT_EQ(view.list(number), "-ERR There's no such message.\r\n");
  }
  for (const std::size_t enough : {1UL, 20UL, 1'000UL}) {
    EXPECT_EQ(all(view, MailboxView::Listing::Of::sizes, enough),
              "+OK 3 messages\r\n1 100\r\n2 300\r\n3 50\r\n.\r\n");
    EXPECT_EQ(all(view, MailboxView::Listing::Of::uidls, enough),
              "+OK 3 messages\r\n1 a\r\n2 c\r\n3 gatepost-quarantine-17\r\n.\r\n");
  }
}

TEST(MailboxView, keeps_numbers_when_messages_are_marked) {
  const Inventory inventory = three();
  MailboxView view(inventory, {}, {{17, 50, quarantine_uidl(17)}});
  view.mark(1);
  view.mark(4);
  EXPECT_EQ(view.stat(), "+OK 2 500\r\n");
  EXPECT_EQ(view.list(1), "-ERR Message is deleted.\r\n");
  EXPECT_EQ(view.list(2), "+OK 2 200\r\n");
  EXPECT_EQ(all(view, MailboxView::Listing::Of::sizes, 1'000),
            "+OK 2 messages\r\n2 200\r\n3 300\r\n.\r\n");
  EXPECT_EQ(view.marked(), 2U);
  EXPECT_EQ(view.marked_indexes(), Indexes{0});
  EXPECT_EQ(view.marked_extra(), Numbers{17});
  EXPECT_EQ(view.index_of(1), 0U);
  view.unmark_all();
  EXPECT_EQ(view.stat(), "+OK 4 650\r\n");
  EXPECT_TRUE(view.marked_indexes().empty() && view.marked_extra().empty());
}

TEST(MailboxView, may_be_empty) {
  const Inventory inventory;
  const MailboxView view(inventory, {}, {});
  EXPECT_EQ(view.stat(), "+OK 0 0\r\n");
  EXPECT_EQ(all(view, MailboxView::Listing::Of::sizes, 1), "+OK 0 messages\r\n.\r\n");
}

TEST(MailboxView, adds_up_as_far_as_it_goes) {
  Inventory inventory;
  ASSERT_TRUE(inventory.add_size(1, UINT64_MAX) && inventory.add_size(2, 5));
  EXPECT_EQ(MailboxView(inventory, {}, {}).stat(), "+OK 2 18446744073709551615\r\n");
}

}  // namespace
}  // namespace gatepost::mailbox
