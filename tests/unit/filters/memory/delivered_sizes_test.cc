#include "filters/memory/delivered_sizes.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace gatepost::filters {
namespace {

Digest key(int n) {
  return DeliveredSizes::key(DeliveredSizes::mailbox("route", "joe", Chain()), std::to_string(n));
}

TEST(DeliveredSizes, knows_what_it_was_told_last) {
  DeliveredSizes sizes(10);
  EXPECT_FALSE(sizes.find(key(1)));
  sizes.remember(key(1), 1'000);
  sizes.remember(key(2), 0);
  EXPECT_EQ(sizes.find(key(1)), 1'000U);
  EXPECT_EQ(sizes.find(key(2)), 0U);
  sizes.remember(key(1), 5'000'000'000);
  EXPECT_EQ(sizes.find(key(1)), 5'000'000'000U);
  EXPECT_EQ(sizes.size(), 2U);
}

TEST(DeliveredSizes, forgets_the_least_used_first) {
  DeliveredSizes sizes(3);
  for (int i = 0; i < 3; ++i) sizes.remember(key(i), 10);
  EXPECT_TRUE(sizes.find(key(0)));
  sizes.remember(key(3), 10);
  EXPECT_EQ(sizes.size(), 3U);
  EXPECT_TRUE(sizes.find(key(0)));
  EXPECT_FALSE(sizes.find(key(1)));
}

TEST(DeliveredSizes, without_entries_remembers_nothing) {
  DeliveredSizes sizes(0);
  sizes.remember(key(1), 10);
  EXPECT_FALSE(sizes.find(key(1)));
  EXPECT_EQ(sizes.size(), 0U);
}

TEST(DeliveredSizes, tells_mailboxes_apart_and_what_a_chain_makes_of_a_message) {
  const Digest usual = DeliveredSizes::mailbox("route", "joe", Chain());
  EXPECT_NE(usual, DeliveredSizes::mailbox("route", "jim", Chain()));
  EXPECT_NE(usual, DeliveredSizes::mailbox("routej", "oe", Chain()));
  const std::vector<std::function<void(Chain&)>> changes = {
      [](Chain& chain) { chain.fingerprint = "x"; },
      [](Chain& chain) {
        config::action_for(chain.config.policy, config::Cause::spam) = config::Action::tag;
      },
      [](Chain& chain) { chain.config.tag_header = "X-Other"; },
      [](Chain& chain) { chain.config.tag_subject = "[!] "; },
      [](Chain& chain) { chain.config.notice.language = "de"; },
      [](Chain& chain) { chain.config.notice.text_file = "a"; },
      [](Chain& chain) { chain.config.notice.html_file = "a"; },
      [](Chain& chain) { chain.config.notice.contact = "a"; }};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Chain changed;
    changes[i](changed);
    EXPECT_NE(usual, DeliveredSizes::mailbox("route", "joe", changed)) << i;
  }
  EXPECT_NE(DeliveredSizes::key(usual, "a"), DeliveredSizes::key(usual, "b"));
}

TEST(DeliveredSizes, is_there_for_all_workers) {
  DeliveredSizes sizes(100);
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 4; ++worker) {
    workers.emplace_back([&sizes] {
      for (int i = 0; i < 1'000; ++i) {
        sizes.remember(key(i % 150), static_cast<std::uint64_t>(i % 150));
        const auto found = sizes.find(key(i % 150));
        EXPECT_EQ(found.value_or(i % 150), static_cast<std::uint64_t>(i % 150));
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(sizes.size(), 100U);
}

}  // namespace
}  // namespace gatepost::filters
