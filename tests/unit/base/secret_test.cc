#include "proxy/base/secret.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace gatepost {
namespace {

// Longer than any short-string buffer.
constexpr std::string_view kLong = "correct horse battery staple, and a few more words of it";

template <class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };
static_assert(!Printable<Secret>, "a secret must not find its way into a log");
static_assert(!std::is_copy_constructible_v<Secret>);

TEST(Wipe, overwrites_a_text_that_stays_allocated) {
  std::string text(kLong);
  text.resize(10);  // the rest is still in memory, behind the end
  const char* const memory = text.data();
  const std::size_t capacity = text.capacity();
  wipe(text);
  EXPECT_TRUE(text.empty());
  ASSERT_EQ(text.capacity(), capacity);
  ASSERT_EQ(text.data(), memory);
  text.resize(capacity);  // makes the memory readable again, as zeros
  EXPECT_TRUE(std::all_of(memory, memory + capacity, [](char c) { return c == '\0'; }));
}

TEST(Wipe, overwrites_a_short_text) {
  std::string text = "joe";
  wipe(text);
  EXPECT_EQ(text, "");
  EXPECT_EQ(std::string_view(text.data(), 4), std::string_view("\0\0\0\0", 4));
}

TEST(Secret, reveals_what_it_was_given) {
  const Secret secret{"a b\tc"};
  EXPECT_EQ(secret.reveal(), "a b\tc");
  EXPECT_FALSE(secret.empty());
  EXPECT_TRUE(Secret().empty());
}

TEST(Secret, leaves_nothing_behind_when_moved) {
  for (const std::string_view text : {std::string_view("short"), kLong}) {
    Secret from(text);
    const std::string_view memory = from.reveal();  // inside the object or on the heap
    Secret to(std::move(from));
    EXPECT_EQ(to.reveal(), text);
    EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): that is the promise
    // Still allocated, since a move of a Secret copies and wipes.
    EXPECT_TRUE(std::ranges::all_of(memory, [](char c) { return c == '\0'; }));
  }
}

TEST(Secret, wipes_what_it_held_when_assigned_to) {
  Secret secret(kLong);
  const std::string_view memory = secret.reveal();
  secret = Secret("new");
  EXPECT_EQ(secret.reveal(), "new");
  EXPECT_EQ(memory.find("horse"), std::string_view::npos);
}

// Volatile, so that it is written although nobody reads it.
[[gnu::noinline]] const volatile char* leave_on_the_stack() {
  volatile char text[64];
  for (std::size_t i = 0; i < sizeof text; ++i) text[i] = kLong[i % kLong.size()];
  const volatile char* volatile where = text;
  return where;
}

TEST(WipeStack, overwrites_what_functions_left_that_have_returned) {
  const auto where = reinterpret_cast<std::uintptr_t>(leave_on_the_stack());
  const int here = 0;
  ASSERT_LT(where, reinterpret_cast<std::uintptr_t>(&here)) << "the stack grows down";
  wipe_stack();  // what it left there cannot be looked at without undefined behaviour
}

TEST(WipeFreed, gives_back_what_it_takes) {
  for (const std::size_t size : {0U, 1U, 100U, 17'000U}) wipe_freed(size);
}

}  // namespace
}  // namespace gatepost
