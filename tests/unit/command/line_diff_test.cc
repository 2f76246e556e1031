#include "proxy/command/line_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace gatepost::command {
namespace {

using ::testing::HasSubstr;

std::string numbers(int from, int to) {
  std::string text;
  for (int i = from; i < to; ++i) text += std::to_string(i) + "\r\n";
  return text;
}

TEST(LineDiff, shows_what_went_and_came_and_a_line_around_it) {
  EXPECT_EQ(line_diff({"a\r\nb\r\nc\r\n"}, {"a\r\nb\r\nc\r\n"}), "");
  EXPECT_EQ(line_diff({"a\r\nb\r\nc\r\nd\r\n"}, {"a\r\nB\r\nc\r\nd\r\n"}),
            "@@ -1 +1 @@\n a\n-b\n+B\n c\n");
  EXPECT_EQ(line_diff({"a\r\n"}, {"x\r\na\r\ny\r\n"}), "@@ -1 +1 @@\n+x\n a\n+y\n");
  EXPECT_EQ(line_diff({"a\r\nb\r\n"}, {""}), "@@ -1 +1 @@\n-a\n-b\n");
  EXPECT_EQ(line_diff({numbers(0, 9)}, {"new\r\n" + numbers(0, 8)}),
            "@@ -1 +1 @@\n+new\n 0\n@@ -8 +9 @@\n 7\n-8\n");
}

TEST(LineDiff, what_was_cut_off_is_not_called_gone) {
  EXPECT_EQ(line_diff({"a\r\nb\r\nc\r\nd", false}, {"x\r\na\r\nb\r\nc", false}),
            "@@ -1 +1 @@\n+x\n a\n");
  const std::string long_text = numbers(0, static_cast<int>(LineDiff::kMaxLines) + 10);
  EXPECT_EQ(line_diff({long_text}, {"x\r\n" + long_text}), "@@ -1 +1 @@\n+x\n 0\n");
}

TEST(LineDiff, long_runs_and_long_results_are_cut) {
  const std::string replaced = line_diff({"a\r\n" + numbers(0, 9000) + "z\r\n"},
                                         {"a\r\n" + numbers(20'000, 29'000) + "z\r\n"});
  EXPECT_THAT(replaced, HasSubstr("-… "));
  EXPECT_THAT(replaced, HasSubstr("+2000"));
  EXPECT_LE(std::ranges::count(replaced, '\n'), static_cast<long>(LineDiff::kMaxShown) + 2);
  std::string many;
  std::string others;
  for (int i = 0; i < 3000; ++i) {
    many += std::to_string(i) + "\r\nsame\r\n";
    others += std::to_string(i + 5000) + "\r\nsame\r\n";
  }
  const std::string cut = line_diff({many}, {others});
  EXPECT_THAT(cut, HasSubstr("more lines changed"));
  EXPECT_LE(std::ranges::count(cut, '\n'), static_cast<long>(LineDiff::kMaxShown) + 2);
}

TEST(LineDiff, nothing_in_a_line_acts_on_a_terminal) {
  const std::string diff = line_diff({""}, {"\x1b[2J\x9b\u202e\u009b\a\xc3\xbc\t\r\n"});
  EXPECT_EQ(diff, "@@ -1 +1 @@\n+\\x1b[2J\\x9b\\u{202e}\\u{9b}\\x07\xc3\xbc\\x09\n");
}

TEST(VisibleLine, is_cut) {
  EXPECT_EQ(visible_line("abc", 3), "abc");
  EXPECT_EQ(visible_line("abcd", 3), "abc…");
  EXPECT_EQ(visible_line(std::string(9, '\0'), 2), "\\x00\\x00…");
}

}  // namespace
}  // namespace gatepost::command
