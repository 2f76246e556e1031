#include "filters/message/charset.h"

#include <gtest/gtest.h>

#include <string>

namespace gatepost::filters {
namespace {

TEST(Charset, is_known_by_its_name) {
  EXPECT_EQ(charset_kind(""), CharsetKind::ascii);
  EXPECT_EQ(charset_kind("US-ASCII"), CharsetKind::ascii);
  EXPECT_EQ(charset_kind("utf-8"), CharsetKind::utf8);
  EXPECT_EQ(charset_kind("Windows-1252"), CharsetKind::single);
  EXPECT_EQ(charset_kind("koi8-r"), CharsetKind::single);
  EXPECT_EQ(charset_kind("iso-2022-jp"), CharsetKind::multi);
  EXPECT_EQ(charset_kind("utf-7"), CharsetKind::wide);
  EXPECT_EQ(charset_kind("utf-16le"), CharsetKind::wide);
  EXPECT_EQ(charset_kind("ibm037"), CharsetKind::unknown);
  EXPECT_EQ(charset_kind("iso-8859-1//IGNORE"), CharsetKind::unknown);
  EXPECT_EQ(charset_kind("iso-8859-1" + std::string(40, '1')), CharsetKind::unknown);
}

TEST(Charset, becomes_utf8) {
  EXPECT_EQ(to_utf8("Gr\xfc\xdf", "iso-8859-1"), "Grüß");
  EXPECT_EQ(to_utf8("\x80", "windows-1252"), "€");
  EXPECT_EQ(to_utf8("\xa4", "iso-8859-15"), "€");
  EXPECT_EQ(to_utf8("\xd0\xd2\xc9", "KOI8-R"), "при");
  EXPECT_EQ(to_utf8("\x82\xa0", "shift_jis"), "あ");
  EXPECT_EQ(to_utf8("\x1b$B$\"\x1b(B!", "iso-2022-jp"), "あ!");
  EXPECT_EQ(to_utf8("+ADw-b+AD4-", "utf-7"), "<b>");
  EXPECT_EQ(to_utf8(std::string_view("\0a\0b", 4), "utf-16be"), "ab");
  EXPECT_EQ(to_utf8("", "utf-16"), "");
  const std::string large(100'000, '\xe4');
  EXPECT_EQ(to_utf8(large, "iso-8859-2").size(), 2 * large.size());
}

TEST(Charset, what_is_wrong_is_read_one_octet_at_a_time) {
  bool clean = true;
  EXPECT_EQ(to_utf8("ü\xfc<", "utf-8", &clean), "üü<");
  EXPECT_FALSE(clean);
  // Overlong forms of "<" are not one.
  EXPECT_EQ(to_utf8("\xc0\xbc", "utf-8"), "À¼");
  clean = true;
  EXPECT_EQ(to_utf8("a\x82", "shift_jis", &clean).substr(0, 1), "a");
  EXPECT_FALSE(clean);
  clean = true;
  EXPECT_EQ(to_utf8("\xe4", "x-unknown", &clean), "ä");
  EXPECT_FALSE(clean);
  clean = true;
  EXPECT_EQ(to_utf8("ä", "utf-8", &clean), "ä");
  EXPECT_EQ(to_utf8("\xe4", "iso-8859-1", &clean), "ä");
  EXPECT_TRUE(clean);
}

TEST(Charset, is_written) {
  EXPECT_EQ(from_utf8("ä€", "utf-8"), "ä€");
  EXPECT_EQ(from_utf8("ä", "iso-8859-1"), "\xe4");
  EXPECT_EQ(from_utf8("5 €?", "iso-8859-1"), "5 EUR?");
  EXPECT_EQ(from_utf8("日本", "iso-8859-1"), std::nullopt);
  EXPECT_EQ(from_utf8("日本", "iso-2022-jp"), "\x1b$BF|K\\\x1b(B");
  EXPECT_EQ(from_utf8("x", "utf-16"), std::nullopt);
  EXPECT_EQ(from_utf8("x", "x-unknown"), std::nullopt);
}

TEST(Charset, html_can_be_ascii) {
  EXPECT_EQ(ascii_html("a<ä€😀\xff"), "a<&#228;&#8364;&#128512;&#65533;");
}

}  // namespace
}  // namespace gatepost::filters
