#include "filters/message/top_cutter.h"

#include <gtest/gtest.h>

#include "tests/support/chop.h"
#include "tests/support/leak_check.h"

namespace gatepost::filters {
namespace {

using ::gatepost::testing::Chopping;
using ::gatepost::testing::for_each_chopping;
using ::gatepost::testing::TestPool;

void expect_cut(std::string_view text, std::uint32_t lines, std::string_view shown, bool done) {
  for_each_chopping([&](Chopping& chopping) {
    TestPool pool;
    TopCutter cutter(lines);
    ByteChain out;
    for (const std::string_view piece : chopping.cut(text)) cutter.cut(ByteChain(pool, piece), out);
    EXPECT_EQ(out.to_string(), shown) << text;
    EXPECT_EQ(cutter.done(), done) << text;
  });
}

TEST(TopCutter, shows_header_empty_line_and_so_many_lines) {
  const std::string_view mail = "A: b\r\n folded\r\nC : d\r\n\r\none\r\n.two\r\n\r\nfour\r\n";
  const std::string head = "A: b\r\n folded\r\nC : d\r\n\r\n";
  expect_cut(mail, 0, head, true);
  expect_cut(mail, 1, head + "one\r\n", true);
  expect_cut(mail, 3, head + "one\r\n.two\r\n\r\n", true);
  expect_cut(mail, 4, mail, true);
  expect_cut(mail, 5, mail, false);
  expect_cut(mail, 0x7FFF'FFFF, mail, false);
}

TEST(TopCutter, takes_a_message_without_header_for_what_it_is) {
  expect_cut("", 0, "", false);
  expect_cut("\r\nbody\r\n", 0, "\r\n", true);
  expect_cut("\r\nbody\r\nmore\r\n", 1, "\r\nbody\r\n", true);
  expect_cut("A: b\r\n", 0, "A: b\r\n", false);
}

TEST(TopCutter, does_not_take_text_for_a_header) {
  expect_cut("just text\r\nmore\r\n", 0, "", true);
  expect_cut("just text\r\nmore\r\nand more\r\n", 2, "just text\r\nmore\r\n", true);
  expect_cut("A: b\r\nX5O!P%@AP\r\nmore\r\n", 0, "A: b\r\n", true);
  expect_cut("A: b\r\n: x\r\n", 0, "A: b\r\n", true);
  expect_cut("A: b\r\na b: x\r\n", 0, "A: b\r\n", true);
  expect_cut("A: b\r\nFrom joe\r\nC: d\r\n", 0, "A: b\r\n", true);
  expect_cut("A: b\r\n\x80: x\r\n", 0, "A: b\r\n", true);
}

TEST(TopCutter, lets_the_first_line_of_an_mbox_stand) {
  expect_cut("From joe Mon\r\nA: b\r\n\r\nbody\r\n", 0, "From joe Mon\r\nA: b\r\n\r\n", true);
  expect_cut(" folded\r\nA: b\r\n\r\nbody\r\n", 0, " folded\r\nA: b\r\n\r\n", true);
  expect_cut("From\r\nA: b\r\n", 0, "", true);
}

TEST(TopCutter, holds_a_bounded_part_of_a_line) {
  const std::string name(TopCutter::kMaxName, 'n');
  expect_cut(name + ": x\r\n\r\nbody\r\n", 0, name + ": x\r\n\r\n", true);
  expect_cut(name + "n: x\r\n\r\nbody\r\n", 0, "", true);
  expect_cut("n" + std::string(100'000, ' ') + ": x\r\n", 0, "", true);
}

}  // namespace
}  // namespace gatepost::filters
