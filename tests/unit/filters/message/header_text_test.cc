#include "filters/message/header_text.h"

#include <gtest/gtest.h>

#include <string>

namespace gatepost::filters {
namespace {

TEST(DecodeWords, reads_both_encodings_and_the_common_character_sets) {
  EXPECT_EQ(decode_words("=?utf-8?B?R3LDvMOfZQ==?="), "Grüße");
  EXPECT_EQ(decode_words("=?UTF-8?b?R3LDvMOfZQ?="), "Grüße");  // senders forget the padding
  EXPECT_EQ(decode_words("=?iso-8859-1?q?Gr=FC=DFe_an_alle?= da"), "Grüße an alle da");
  EXPECT_EQ(decode_words("=?ISO-8859-15?Q?10_=A4?="), "10 €");
  EXPECT_EQ(decode_words("=?windows-1252*de?Q?=80_=84x=93?="), "€ „x“");
}

TEST(DecodeWords, drops_the_blanks_between_two_words_only) {
  EXPECT_EQ(decode_words("a =?utf-8?Q?b?=\r\n =?utf-8?Q?c?= d"), "a bc d");
  EXPECT_EQ(decode_words("=?utf-8?Q?b?= - =?utf-8?Q?c?="), "b - c");
  // A character cut in two by a careless sender.
  EXPECT_EQ(decode_words("=?utf-8?Q?=C3?= =?utf-8?Q?=BC?="), "ü");
}

TEST(DecodeWords, leaves_what_it_cannot_read_as_it_is) {
  for (const std::string_view text :
       {"=?koi8-r?B?8NLJ18XU?=", "=?utf-8?X?abc?=", "=?utf-8?Q?abc", "=?utf-8?", "=?", "=?utf-8?Q",
        "=?"
        "?=",
        "=?a?=?=", "a=b?=", "plain"}) {
    EXPECT_EQ(decode_words(text), text);
  }
}

TEST(DecodeWords, looks_at_a_bounded_piece_of_a_long_field) {
  const std::string field(10 * kMaxFieldText, 'x');
  EXPECT_EQ(decode_words(field).size(), kMaxFieldText);
  std::string starts;
  while (starts.size() < kMaxFieldText) starts += "=?";
  EXPECT_EQ(decode_words(starts), starts);
}

TEST(InertText, has_one_line_without_what_acts) {
  EXPECT_EQ(inert_text("a\r\nBcc: b\tc\x1b[2J\x01 d", 200), "a Bcc: b c [2J d");
  EXPECT_EQ(inert_text("fdp\u202egpj.exe\u2066\u200b\ufeff", 200), "fdpgpj.exe");
  EXPECT_EQ(inert_text(std::string_view("a\0b", 3), 200), "a b");
  EXPECT_EQ(inert_text("\xff\xc3(", 200),
            "?"
            "?(");
  EXPECT_EQ(inert_text("  \u00a0 x \u3000 y  ", 200), "x y");
  EXPECT_EQ(inert_text("", 200), "");
}

TEST(InertText, is_cut_by_characters) {
  EXPECT_EQ(inert_text("äöüß", 4), "äöüß");
  EXPECT_EQ(inert_text("äöüß", 3), "äöü…");
  EXPECT_EQ(inert_text(std::string(100'000, 'x'), 200).size(), 203U);
}

TEST(WithoutLinks, no_client_finds_an_address_to_link) {
  EXPECT_EQ(without_links("see https://a.example/x or HTTP://b"),
            "see hxxps://a.example/x or hxxp://b");
  EXPECT_EQ(without_links("ftp://a file:///etc"), "ftp[:]//a file[:]///etc");
  EXPECT_EQ(without_links("www.a.example (WWW.b) ftp.c"), "www[.]a.example (WWW[.]b) ftp[.]c");
  EXPECT_EQ(without_links("httpd http: awww.x"), "httpd http: awww.x");
  EXPECT_EQ(without_links("http://"), "hxxp://");
}

TEST(EncodeWords, comes_back_when_it_is_decoded) {
  for (const std::string text : {"plain words", "Grüße", "=?utf-8?Q?x?=", "a ü b", ""}) {
    EXPECT_EQ(decode_words(encode_words(text, 9)), text);
  }
  std::string text;
  for (int i = 0; i < 100; ++i) text += "ü€😀a ";
  const std::string encoded = encode_words(text, 9);
  EXPECT_EQ(decode_words(encoded), text);
}

TEST(EncodeWords, keeps_lines_within_76_characters_of_ascii) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "wörd ";
  for (const std::string& words : {text, std::string(400, 'x') + " y", std::string(200, 'a')}) {
    const std::string encoded = "Subject: " + encode_words(words, 9);
    std::size_t start = 0;
    while (start < encoded.size()) {
      const std::size_t end = std::min(encoded.find("\r\n", start), encoded.size());
      EXPECT_LE(end - start, 410U);
      EXPECT_TRUE(words != text || end - start <= 76U);
      EXPECT_TRUE(start == 0 || encoded[start] == ' ');
      start = end + 2;
    }
    for (const char c : encoded) EXPECT_TRUE(c == '\r' || c == '\n' || (c >= ' ' && c <= '~'));
  }
}

}  // namespace
}  // namespace gatepost::filters
