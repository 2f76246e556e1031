#include "filters/notice/mime.h"

#include <gtest/gtest.h>

#include <string>

namespace gatepost::filters {
namespace {

TEST(QuotedPrintable, has_short_lines_of_ascii) {
  EXPECT_EQ(quoted_printable("a=b ü \r\n\r\n.x\t\r\n"), "a=3Db =C3=BC=20\r\n\r\n.x=09\r\n");
  const std::string encoded =
      quoted_printable(std::string(76, 'a') + "\r\n" + std::string(77, 'b'));
  EXPECT_EQ(encoded, std::string(76, 'a') + "\r\n" + std::string(75, 'b') + "=\r\nbb\r\n");
  EXPECT_EQ(quoted_printable(std::string(75, 'a') + "ü"), std::string(75, 'a') + "=\r\n=C3=BC\r\n");
}

TEST(CleanDate, writes_dates_anew) {
  EXPECT_EQ(clean_date(" Tue, 24 Nov 2026 09:08:07 +0100 (CET)"), "24 Nov 2026 09:08:07 +0100");
  EXPECT_EQ(clean_date("1 jan 2026 09:08 GMT"), "1 Jan 2026 09:08:00 +0000");
  EXPECT_EQ(clean_date("1 Jan 2026 09:08:00 EST"), "1 Jan 2026 09:08:00 -0000");
}

TEST(CleanDate, anything_else_is_none) {
  for (const char* text :
       {"", "yesterday", "Tue, 32 Nov 2026 09:08:07 +0100", "1 Foo 2026 09:08:07 +0100",
        "1 Nov 26 09:08:07 +0100", "1 Nov 2026 25:08:07 +0100", "1 Nov 2026 09:08:07",
        "1 Nov 2026 09:08:07 +0100X", "1 Nov 2026 09-08-07 +0100", "1 Nov 2026 09:08:07 \xff",
        "0 Nov 2026 09:08:07 +0100", "-1 Nov 2026 09:08:07 +0100"}) {
    EXPECT_EQ(clean_date(text), "") << text;
  }
}

TEST(SenderName, is_the_name_or_the_address) {
  EXPECT_EQ(sender_name("\"Alice\" <a@b.example>"), "Alice");
  EXPECT_EQ(sender_name("<a@b.example>"), "a@b.example");
  EXPECT_EQ(sender_name("\"\" <a@b.example>"), "a@b.example");
  EXPECT_EQ(sender_name("a@b.example"), "a@b.example");
  EXPECT_EQ(sender_name(""), "");
  EXPECT_EQ(sender_name("http://x <a@b>"), "hxxp://x");
}

TEST(Phrase, is_quoted_or_encoded) {
  EXPECT_EQ(phrase("Al \"x\" \\", 0), R"("Al \"x\" \\")");
  EXPECT_EQ(phrase("ü", 0), "=?UTF-8?B?w7w=?=");
  EXPECT_EQ(phrase("=?utf-8?Q?x?=", 0), "=?UTF-8?B?PT91dGYtOD9RP3g/PQ==?=");
}

}  // namespace
}  // namespace gatepost::filters
