#include "proxy/base/utf8.h"

#include <gtest/gtest.h>

namespace gatepost::utf8 {
namespace {

TEST(Utf8, every_code_point_comes_back_as_it_was_written) {
  for (char32_t c = 0; c <= 0x10ffff; c = c < 0x3000 ? c + 1 : c + 251) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    std::string text;
    append(text, c);
    const Character got = first_character(text);
    ASSERT_TRUE(got.valid) << static_cast<unsigned>(c);
    ASSERT_EQ(got.value, c);
    ASSERT_EQ(got.size, text.size());
  }
}

TEST(Utf8, overlong_forms_surrogates_and_pieces_are_single_wrong_octets) {
  for (const std::string_view text :
       {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "\x80", "\xe2\x82",
        "\xf0\x9f\x98"}) {
    const Character got = first_character(text);
    EXPECT_FALSE(got.valid) << text;
    EXPECT_EQ(got.size, 1U);
  }
}

TEST(Utf8, what_terminals_obey_or_readers_do_not_see_is_active) {
  for (const char32_t c : {0x00, 0x1b, 0x7f, 0x9b, 0xad, 0x200b, 0x202e, 0x2066, 0xfeff, 0xe0041}) {
    EXPECT_TRUE(is_active(c)) << static_cast<unsigned>(c);
  }
  for (const char32_t c : {U'a', U' ', U'ß', U'€', U'😀'}) {
    EXPECT_FALSE(is_active(c)) << static_cast<unsigned>(c);
  }
}

}  // namespace
}  // namespace gatepost::utf8
