#include "filters/utf8_downgrade/field.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "filters/message/header_text.h"
#include "filters/utf8_downgrade/domain.h"
#include "filters/utf8_downgrade/parameters.h"
#include "filters/utf8_downgrade/tokens.h"

namespace gatepost::filters::downgrade {
namespace {

std::string field(std::string_view text) { return downgrade_field(std::string(text) + "\r\n"); }

struct Case {
  std::string_view before;
  std::string_view after;
};

void check(std::initializer_list<Case> cases) {
  for (const Case& one : cases) EXPECT_EQ(field(one.before), std::string(one.after) + "\r\n");
}

// RFC 6857 section 3.2.7 and 3.2.9.
TEST(DowngradeField, text_becomes_encoded_words) {
  check({{"Subject: Grüße", "Subject: =?UTF-8?B?R3LDvMOfZQ==?="},
         {"subject:ü", "subject: =?UTF-8?B?w7w=?="},
         {"Comments: a ü b", "Comments: a =?UTF-8?B?w7w=?= b"},
         {"X-Odd: größer als ü <a@b.c>",
          "X-Odd: =?UTF-8?B?Z3LDtsOfZXI=?= als =?UTF-8?B?w7w=?= <a@b.c>"},
         {"Subject: ä  ö", "Subject: =?UTF-8?B?w6QgIMO2?="},
         {"Subject: a\r\n ü\r\n\tb", "Subject: a =?UTF-8?B?w7w=?=\tb"}});
}

TEST(DowngradeField, blanks_beside_encoded_words_that_were_there_are_kept) {
  const std::string subject = field("Subject: =?UTF-8?Q?=C3=A4?= ö =?UTF-8?Q?=C3=BC?=");
  EXPECT_EQ(subject, "Subject: =?UTF-8?Q?=C3=A4?= =?UTF-8?B?IMO2IA==?= =?UTF-8?Q?=C3=BC?=\r\n");
  EXPECT_EQ(decode_words(subject), "Subject: ä ö ü\r\n");
}

TEST(DowngradeField, lines_are_folded) {
  std::string text = "Subject:";
  for (int i = 0; i < 100; ++i) text += i % 3 == 0 ? " Wörter" : " words";
  std::string after = field(text);
  EXPECT_EQ(readable_field(after, 5000), text);
  for (std::size_t at = 0; at < after.size();) {
    const std::size_t end = after.find("\r\n", at);
    EXPECT_LE(end - at, 76u) << after.substr(at, end - at);
    at = end + 2;
  }
  // A word without a blank is cut at characters.
  std::string word;
  for (int i = 0; i < 200; ++i) word += "→";
  EXPECT_EQ(readable_field(field("Subject: " + word), 5000), "Subject: " + word);
}

TEST(DowngradeField, what_is_not_utf8_keeps_its_octets) {
  EXPECT_EQ(field("Subject: caf\xe9"), "Subject: =?unknown-8bit?B?Y2Fm6Q==?=\r\n");
}

TEST(DowngradeField, what_is_no_field_stays_none) {
  check({{"Größe: x", "=?UTF-8?B?R3LDtsOfZTo=?= x"},
         {" gefaltet ü", " gefaltet =?UTF-8?B?w7w=?="},
         {"From jörg Thu Jan  1", "From =?UTF-8?B?asO2cmc=?= Thu Jan  1"}});
}

// Section 3.1.5, 3.1.6.
TEST(DowngradeField, names_become_encoded_words_and_domains_a_labels) {
  check({{"From: Jörg <joe@example.com>", "From: =?UTF-8?B?SsO2cmc=?= <joe@example.com>"},
         {"From: Jörg<joe@example.com>", "From: =?UTF-8?B?SsO2cmc=?= <joe@example.com>"},
         {"From: \"Größe, \\\"X\\\"\" <joe@example.com>",
          "From: =?UTF-8?B?R3LDtsOfZSwgIlgi?= <joe@example.com>"},
         {"To: plain <a@b.c>, Ä. Ö <joe@bücher.example>",
          "To: plain <a@b.c>, =?UTF-8?B?w4QuIMOW?= <joe@xn--bcher-kva.example>"},
         {"Cc: joe@bücher.example", "Cc: joe@xn--bcher-kva.example"},
         {"Reply-To: Gruppe Ä: a@b.c, b@bücher.example;",
          "Reply-To: Gruppe =?UTF-8?B?w4Q=?= : a@b.c, b@xn--bcher-kva.example;"},
         {"Sender: joe@example.com (größe (ü) x)",
          "Sender: joe@example.com (=?UTF-8?B?Z3LDtsOfZQ==?=\r\n (=?UTF-8?B?w7w=?=) x)"},
         {"To: =?UTF-8?Q?J=C3=B6rg?= Müller <a@b.c>",
          "To: =?UTF-8?Q?J=C3=B6rg?= =?UTF-8?B?IE3DvGxsZXI=?= <a@b.c>"}});
}

// Section 3.1.7, 3.1.8: "display-name ENCODED-WORD :;".
TEST(DowngradeField, an_address_that_ascii_cannot_say_becomes_an_empty_group) {
  check({{"From: jörg@example.com", "From: =?UTF-8?B?asO2cmdAZXhhbXBsZS5jb20=?= :;"},
         {"From: Joe <jörg@example.com>", "From: Joe =?UTF-8?B?asO2cmdAZXhhbXBsZS5jb20=?= :;"},
         {"To: a@b.c, ü@b.c (x), d@e.f", "To: a@b.c, =?UTF-8?B?w7xAYi5j?= :; (x), d@e.f"},
         {"To: team: a@b.c, ü@b.c;, d@e.f", "To: team =?UTF-8?B?YUBiLmMsIMO8QGIuYw==?= :;, d@e.f"},
         {"To: <@bücher.example:joe@b.c>", "To: =?UTF-8?B?QGLDvGNoZXIuZXhhbXBsZTpqb2VAYi5j?= :;"},
         {"Bcc: joe@\xff.example", "Bcc: =?unknown-8bit?B?am9lQP8uZXhhbXBsZQ==?= :;"},
         {"To: Jörg", "To: =?UTF-8?B?SsO2cmc=?= :;"}});
}

// Section 3.1.9, 3.1.10, 3.2.2 to 3.2.5, 3.2.8.
TEST(DowngradeField, other_structured_fields) {
  check(
      {{"Date: Thu, 1 Jan 2026 00:00:00 +0000 (Zürich)",
        "Date: Thu, 1 Jan 2026 00:00:00 +0000 (=?UTF-8?B?WsO8cmljaA==?=)"},
       {"Message-ID: <ü@b.c>", "Downgraded-Message-ID: =?UTF-8?B?PMO8QGIuYz4=?="},
       {"References: <a@b.c> (ü)", "References: <a@b.c> (=?UTF-8?B?w7w=?=)"},
       {"In-Reply-To: <a@b.c> <ü@b.c>", "Downgraded-In-Reply-To: <a@b.c> =?UTF-8?B?PMO8QGIuYz4=?="},
       {"Return-Path: <joe@bücher.example>", "Return-Path: <joe@xn--bcher-kva.example>"},
       {"Return-Path: <ü@b.c>", "Downgraded-Return-Path: =?UTF-8?B?PMO8QGIuYz4=?="},
       {"Original-Recipient: utf-8; ü@bücher.example",
        "Original-Recipient: utf-8; \\x{FC}@b\\x{FC}cher.example"},
       {"Final-Recipient: rfc822; ü@b.c",
        "Downgraded-Final-Recipient: rfc822; =?UTF-8?B?w7xAYi5j?="},
       {"Keywords: größe, small", "Keywords: =?UTF-8?B?Z3LDtsOfZQ==?= , small"}});
}

TEST(DowngradeField, received_loses_what_it_cannot_say) {
  check({{"Received: from bücher.example by b.c id x1 for <joe@bücher.example>; date",
          "Received: from xn--bcher-kva.example by b.c id x1 for\r\n"
          " <joe@xn--bcher-kva.example> ; date"},
         {"Received: from a.b by b.c for <ü@b.c>; date", "Received: from a.b by b.c ; date"},
         {"Received: from a.b (ü) by b.c id ü; date",
          "Received: from a.b (=?UTF-8?B?w7w=?=) by b.c ; date"},
         {"Received: from \xff by b.c; date",
          "Downgraded-Received: from =?unknown-8bit?B?/w==?= by b.c; date"}});
}

// Section 3.1.4: RFC 2231.
TEST(DowngradeField, values_of_parameters_are_encoded) {
  check(
      {{"Content-Disposition: attachment; filename=\"größe 1.txt\"; size=3",
        "Content-Disposition: attachment; filename*=UTF-8''gr%C3%B6%C3%9Fe%201.txt;\r\n "
        "size=3"},
       {"Content-Type: text/plain; name=ü x.txt (ö)",
        "Content-Type: text/plain; name*=UTF-8''%C3%BC%20x.txt"},
       {"Content-Disposition: inline; filename=ü; filename*=UTF-8''%C3%BC",
        "Content-Disposition: inline; filename*=UTF-8''%C3%BC"},
       {"Content-Disposition: inline; filename*0=\"ab\"; filename*1=\"ü\"",
        "Content-Disposition: inline; filename*0*=UTF-8''ab; filename*1*=%C3%BC"},
       {"Content-Type: text/plain; name=\xff", "Content-Type: text/plain; name*=unknown-8bit''%FF"},
       {"Content-Type: text/plän", "Content-Type: =?UTF-8?B?dGV4dC9wbMOkbg==?="},
       {"Content-Type: text/plain (ü); charset=utf-8",
        "Content-Type: text/plain (=?UTF-8?B?w7w=?=); charset=utf-8"}});
  EXPECT_EQ(field("Content-Type: a/b; name=ääääääääääääääääääää"),
            "Content-Type: a/b;\r\n"
            " name*0*=UTF-8''%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4;\r\n"
            " name*1*=%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4\r\n");
}

TEST(DowngradeField, whatever_it_is_becomes_ascii) {
  // All that stands open, in every kind of field.
  for (const std::string_view name : {"From", "Return-Path", "Final-Recipient", "Date", "Received",
                                      "Content-Type", "Keywords", "Subject", "Message-ID", "ü"}) {
    for (const std::string_view body :
         {"ü",          "(ü",          "\"ü",         "[ü",        "<ü",    "ü>",      "ü:",
          "ü;",         ";ü",          ":ü",          ",ü,",       "@ü",    "a@ü",     "\\ü",
          "ü\\",        "(\\",         "from ü",      "for",       "for ü", "a=ü",     "a/b;ü",
          "a/b;ü=ü",    "a/b;x*0*=ü",  "x;x*ü=ü",     "a/b;(ü)=ü", "\xc3",  "<a@b> ü", "=?ü?=",
          "utf-8;\xff", "x <a@b.c> ü", "\xe2\x80\xae"}) {
      const std::string text = std::string(name) + ": " + std::string(body);
      const std::string after = field(text);
      EXPECT_FALSE(has_8bit(after)) << text << " -> " << after;
      EXPECT_TRUE(after.ends_with("\r\n")) << text;
    }
  }
}

TEST(DowngradeField, keeps_its_time_with_a_great_many_of_everything) {
  for (const std::string_view piece : {"ü@b.c,", "(ü)", "ü ", "ü:;", ";a=ü", "\"ü\"", "<", "("}) {
    std::string body;
    while (body.size() < 256 * 1024) body += piece;
    for (const std::string_view name : {"To", "Content-Type", "Received", "Keywords", "Subject"}) {
      EXPECT_FALSE(has_8bit(field(std::string(name) + ": " + body)));
    }
  }
}

TEST(AsciiDomain, is_punycode_with_a_mark) {
  EXPECT_EQ(ascii_domain("bücher.example"), "xn--bcher-kva.example");
  EXPECT_EQ(ascii_domain("Bücher.Example"), "xn--bcher-kva.Example");
  EXPECT_EQ(ascii_domain("例え.テスト"), "xn--r8jz45g.xn--zckzah");
  EXPECT_EQ(ascii_domain("пример.испытание"), "xn--e1afmkfd.xn--80akhbyknj4f");
  EXPECT_EQ(ascii_domain("faß.de"), "xn--fa-hia.de");
  EXPECT_EQ(ascii_domain("a.b"), "a.b");
}

TEST(AsciiDomain, is_none_where_there_cannot_be_one) {
  EXPECT_FALSE(ascii_domain(""));
  EXPECT_FALSE(ascii_domain("\xff.example"));
  EXPECT_FALSE(ascii_domain("a\u00a0b.example"));
  EXPECT_FALSE(ascii_domain("ü;x.example"));
  EXPECT_FALSE(ascii_domain("[ü]"));
  std::string label;
  for (int i = 0; i < 64; ++i) label += "ü";
  EXPECT_FALSE(ascii_domain(label + ".example"));
  EXPECT_FALSE(ascii_domain("ü." + std::string(2000, 'a')));
}

TEST(ReadType, finds_the_boundary_in_every_form) {
  EXPECT_EQ(read_type(" Multipart/Mixed; BOUNDARY=\"a b\"\r\n").boundary, "a b");
  EXPECT_EQ(read_type(" Multipart/Mixed; BOUNDARY=\"a b\"\r\n").type, "multipart/mixed");
  EXPECT_EQ(read_type("multipart/mixed;\r\n x=\"boundary=no\"; boundary=yes (c)\r\n").boundary,
            "yes");
  EXPECT_EQ(read_type("a/b; boundary*=us-ascii'en'x%2Dy").boundary, "x-y");
  EXPECT_EQ(read_type("a/b; boundary*0=x; boundary*1=y").boundary, "xy");
  EXPECT_EQ(read_type("a/b").boundary, "");
  EXPECT_EQ(read_type("").type, "");
}

}  // namespace
}  // namespace gatepost::filters::downgrade
