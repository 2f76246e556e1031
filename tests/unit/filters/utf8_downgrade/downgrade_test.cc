#include "filters/utf8_downgrade/downgrade.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "filters/filter_line.h"
#include "filters/message/header_text.h"
#include "filters/utf8_downgrade/chain.h"
#include "filters/utf8_downgrade/tokens.h"
#include "tests/support/chop.h"

namespace gatepost::filters {
namespace {

using testing::Chopping;
using testing::for_each_chopping;

/// "\n" in texts of this file stands for CRLF.
std::string crlf(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? std::string("\r\n") : std::string(1, c);
  return out;
}

std::string run(Chopping& chopping, std::string_view text, std::size_t room = 4096) {
  BlockPool pool;
  FilterLine line({utf8_downgrade()}, pool);
  ByteChain in;
  ByteChain out;
  std::size_t held = 0;
  const auto step = [&](bool last) {
    while (true) {
      const auto status = line.step(in, last, out, room);
      if (!status) {
        ADD_FAILURE() << status.error().detail;
        return;
      }
      held = std::max(held, line.held());
      if (*status != FilterStatus::need_room) break;
    }
  };
  for (const std::string_view piece : chopping.cut(text)) {
    in.append(pool, piece);
    step(false);
  }
  step(true);
  EXPECT_LT(held, 6 * Utf8Downgrade::kMaxField);
  EXPECT_EQ(line.held(), 0u);
  return out.to_string();
}

void expect(std::string_view before, std::string_view after) {
  for_each_chopping([&](Chopping& chopping) {
    EXPECT_EQ(run(chopping, crlf(before)), crlf(after));
    EXPECT_EQ(run(chopping, crlf(before), 1), crlf(after));
  });
}

void expect_unchanged(std::string_view text) { expect(text, text); }

TEST(Utf8Downgrade, changes_fields_of_the_header_and_no_other) {
  expect("From: a@b.c\nSubject: Grüße\nX-Folded:   as\n\tit  is \n\nGrüße: ü\nSubject: ü\n",
         "From: a@b.c\nSubject: =?UTF-8?B?R3LDvMOfZQ==?=\nX-Folded:   as\n\tit  is \n\nGrüße: "
         "ü\nSubject: ü\n");
}

TEST(Utf8Downgrade, leaves_an_ascii_header_octet_for_octet) {
  expect_unchanged("");
  expect_unchanged("\n");
  expect_unchanged("a");
  expect_unchanged("\nSubject: ü\n");
  expect_unchanged("Subject:  a  \n b\nno field\n: x\n\nÄÖÜ\n\n--x\nSubject: ü\n");
  expect_unchanged(
      "Content-Type: multipart/mixed; boundary=x\n\nü\n--x\nContent-Type: "
      "text/plain\n\nü\n--x-\nÜ: "
      "ü\n--x--\nÜ: ü\n");
}

TEST(Utf8Downgrade, takes_a_header_without_an_end_for_one) {
  expect("Subject: ü", "Subject: =?UTF-8?B?w7w=?=");
  expect("Subject: ü\n", "Subject: =?UTF-8?B?w7w=?=\n");
  expect("Subject: ü\n x", "Subject: =?UTF-8?B?w7w=?= x");
}

TEST(Utf8Downgrade, changes_the_headers_of_parts) {
  expect(
      "Content-Type: multipart/mixed;\n boundary=\"outer part\"\n\n"
      "ü\n--outer part\nContent-Description: ü\n\nBody: ü\n"
      "--outer part  \nContent-Type: multipart/alternative; boundary=inner\n\n"
      "--inner\nX: ü\n\nX: ü\n--inner--\nX: ü\n"
      "--inner\nX: ü\n"
      "--outer part\nX: ü\n--outer part\n\nX: ü\n--outer part--\nX: ü\n--outer part\nX: ü\n",
      "Content-Type: multipart/mixed;\n boundary=\"outer part\"\n\n"
      "ü\n--outer part\nContent-Description: =?UTF-8?B?w7w=?=\n\nBody: ü\n"
      "--outer part  \nContent-Type: multipart/alternative; boundary=inner\n\n"
      "--inner\nX: =?UTF-8?B?w7w=?=\n\nX: ü\n--inner--\nX: ü\n"
      "--inner\nX: ü\n"
      "--outer part\nX: =?UTF-8?B?w7w=?=\n--outer part\n\nX: ü\n--outer part--\nX: ü\n--outer "
      "part\nX: ü\n");
}

TEST(Utf8Downgrade, finds_the_outer_boundary_in_an_inner_multipart) {
  expect(
      "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/mixed; "
      "boundary=i\n\n"
      "--i\n\nü\n--o\nX: ü\n\nü\n--i\nX: ü\n--o--",
      "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/mixed; "
      "boundary=i\n\n"
      "--i\n\nü\n--o\nX: =?UTF-8?B?w7w=?=\n\nü\n--i\nX: ü\n--o--");
}

// RFC 6532 section 3.7, RFC 6533.
TEST(Utf8Downgrade, changes_attached_messages_and_what_they_are_called) {
  expect(
      "Content-Type: multipart/digest; boundary=x\n\n"
      "--x\n\nSubject: ü\n\nX: ü\n"
      "--x\nContent-Type: message/rfc822\n\nSubject: ü\n\nü\n"
      "--x\nContent-Type: Message/Global; name=ü\nX: ü\n\nSubject: ü\nContent-Type: "
      "message/global\n\n"
      "Subject: ö\n\nü\n"
      "--x\nContent-Type: message/global-headers\n\nSubject: ü\n"
      "--x--\n",
      "Content-Type: multipart/digest; boundary=x\n\n"
      "--x\n\nSubject: =?UTF-8?B?w7w=?=\n\nX: ü\n"
      "--x\nContent-Type: message/rfc822\n\nSubject: =?UTF-8?B?w7w=?=\n\nü\n"
      "--x\nContent-Type: message/rfc822; name*=UTF-8''%C3%BC\nX: =?UTF-8?B?w7w=?=\n\nSubject: "
      "=?UTF-8?B?w7w=?=\nContent-Type: message/rfc822\n\n"
      "Subject: =?UTF-8?B?w7Y=?=\n\nü\n"
      "--x\nContent-Type: text/rfc822-headers\n\nSubject: =?UTF-8?B?w7w=?=\n"
      "--x--\n");
}

TEST(Utf8Downgrade, changes_delivery_status_in_all_its_groups) {
  expect(
      "Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: "
      "message/global-delivery-status\n\n"
      "Reporting-MTA: dns; a.b\n\nFinal-Recipient: utf-8; ü@b.c\n\nX: ü\n--x--\n",
      "Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\n"
      "Reporting-MTA: dns; a.b\n\nFinal-Recipient: utf-8; \\x{FC}@b.c\n\nX: "
      "=?UTF-8?B?w7w=?=\n--x--\n");
}

TEST(Utf8Downgrade, leaves_an_encoded_message_what_it_is) {
  expect_unchanged(
      "Content-Type: message/global\nContent-Transfer-Encoding: base64\n\nSubject: ü\n\n");
  expect_unchanged(
      "Content-Transfer-Encoding: Quoted-Printable\nContent-Type: message/global\n\nSubject: "
      "ü\n\n");
  expect_unchanged("Content-Type: message/rfc822\nContent-Transfer-Encoding: BASE64 \n\nX: ü\n\n");
}

TEST(Utf8Downgrade, renames_without_waiting_longer_than_kMaxWaiting) {
  const std::string much = "X: " + std::string(Utf8Downgrade::kMaxWaiting, 'x') + "\n";
  for_each_chopping(
      [&](Chopping& chopping) {
        EXPECT_EQ(run(chopping, crlf("Content-Type: message/global\n" + much +
                                     "Content-Transfer-Encoding: base64\n\nü")),
                  crlf("Content-Type: message/rfc822\n" + much +
                       "Content-Transfer-Encoding: base64\n\nü"));
      },
      1);
}

TEST(Utf8Downgrade, makes_ascii_of_a_field_longer_than_kMaxField) {
  std::string text = "To: ";
  while (text.size() < 3 * Utf8Downgrade::kMaxField / 2) text += "ü <jörg@example.org>,\n abc ";
  text += "\n\nü\n";
  std::string first;
  for_each_chopping(
      [&](Chopping& chopping) {
        const std::string after = run(chopping, crlf(text), 64 * 1024);
        EXPECT_FALSE(downgrade::has_8bit(after.substr(0, after.size() - 6)));
        EXPECT_TRUE(after.ends_with("\r\n\r\nü\r\n"));
        EXPECT_EQ(after.find("\r\n\r\n"), after.size() - 8);
        if (first.empty()) first = after;
        EXPECT_EQ(after, first);
      },
      1);
  // One that is ASCII stays.
  std::string plain = "To: ";
  while (plain.size() < 2 * Utf8Downgrade::kMaxField) plain += "joe <joe@example.org>,\r\n abc ";
  Chopping whole(Chopping::Kind::whole);
  EXPECT_EQ(run(whole, plain), plain);
  // No blank to cut it at.
  std::string solid = "X:" + std::string(2 * Utf8Downgrade::kMaxField, 'x') + "ü\r\n\r\n";
  EXPECT_FALSE(downgrade::has_8bit(run(whole, solid)));
}

TEST(Utf8Downgrade, looks_for_no_boundary_longer_than_kMaxBoundary) {
  const auto message = [](std::size_t size, std::string_view field) {
    const std::string boundary(size, 'b');
    return "Content-Type: multipart/mixed; boundary=" + boundary + "\n\n--" + boundary + "\n" +
           std::string(field) + "\n\n";
  };
  expect(message(Utf8Downgrade::kMaxBoundary, "X: ü"),
         message(Utf8Downgrade::kMaxBoundary, "X: =?UTF-8?B?w7w=?="));
  expect_unchanged(message(Utf8Downgrade::kMaxBoundary + 1, "X: ü"));
}

TEST(Utf8Downgrade, opens_multiparts_down_to_kMaxBoundaries) {
  std::string before;
  std::string after;
  for (std::size_t i = 0; i < Utf8Downgrade::kMaxBoundaries + 1; ++i) {
    const std::string open = "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) +
                             "\n\n--b" + std::to_string(i) + "\n";
    before += open + "X: ü\n";
    after += open + (i < Utf8Downgrade::kMaxBoundaries ? "X: =?UTF-8?B?w7w=?=\n" : "X: ü\n");
  }
  expect(before, after);
}

TEST(Utf8Downgrade, does_not_take_longer_lines_for_boundaries) {
  expect_unchanged("Content-Type: multipart/mixed; boundary=x\n\n--x" + std::string(5000, ' ') +
                   "\nX: ü\n");
  expect_unchanged("Content-Type: multipart/mixed; boundary=x\n\n-\n- -x\n---x\n-" +
                   std::string(3000, '-') + "\nX: ü\n");
}

TEST(WithDowngrade, stands_in_front_of_a_chain_of_another_name) {
  Chain chain;
  chain.config.name = "c";
  chain.filters.push_back(utf8_downgrade());
  chain.fingerprint = "f";
  EXPECT_EQ(with_downgrade(nullptr)->filters.size(), 1u);
  const auto made = with_downgrade(&chain);
  EXPECT_EQ(made->filters.size(), 2u);
  EXPECT_EQ(made->filters.front(), utf8_downgrade());
  EXPECT_EQ(made->config.name, "c");
  EXPECT_NE(made->fingerprint, "f");
}

}  // namespace
}  // namespace gatepost::filters
