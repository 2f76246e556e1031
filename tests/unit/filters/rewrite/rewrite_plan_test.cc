#include "filters/rewrite/rewrite_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "filters/message/content_coding.h"
#include "tests/support/chop.h"

namespace gatepost::filters {
namespace {

using ::gatepost::testing::Random;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string spliced(const std::vector<Splice>& splices, std::string text) {
  std::uint64_t before = text.size() + 1;
  for (auto splice = splices.rbegin(); splice != splices.rend(); ++splice) {
    EXPECT_LE(splice->offset + splice->length, before) << "sorted, not overlapping";
    before = splice->offset;
    text.replace(splice->offset, splice->length, splice->text);
  }
  return text;
}

/// What becomes of a message by what `work` wants.
std::string rewritten(const std::string& message, const std::function<void(RewritePlan&)>& work) {
  const TextInMemory text(message);
  const MimeStructure structure = mime_structure(message);
  RewritePlan plan(&text, &structure);
  work(plan);
  auto outcome = plan.finish();
  if (!outcome) return outcome.error().detail;
  return spliced(outcome->splices, message);
}

const std::string kMixed =
    "From: a@b\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; "
    "boundary=x\r\n\r\npreamble\r\n"
    "--x\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nHello\r\nWorld\r\n"
    "--x\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable"
    "\r\n\r\n<p>caf=C3=A9 =\r\nand more</p>\r\n"
    "--x\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n"
    "X-Other: stays\r\n\r\nSGVsbG8=\r\n--x--\r\nepilogue\r\n";

TEST(RewritePlan, that_wants_nothing_changes_nothing) {
  EXPECT_EQ(rewritten(kMixed, [](RewritePlan&) {}), kMixed);
  EXPECT_EQ(rewritten(kMixed, [](RewritePlan& plan) { EXPECT_TRUE(plan.content(1)); }), kMixed);
}

TEST(RewritePlan, gives_contents) {
  rewritten(kMixed, [](RewritePlan& plan) {
    EXPECT_EQ(plan.content(1).value(), "Hello\r\nWorld");
    EXPECT_EQ(plan.content(2).value(), "<p>caf\u00e9 and more</p>");
    EXPECT_EQ(plan.content(3).value(), "Hello");
  });
}

TEST(RewritePlan, inserts_and_leaves_the_rest_as_it_is) {
  const std::string result = rewritten(kMixed, [](RewritePlan& plan) {
    ASSERT_TRUE(plan.content(1));
    plan.insert(1, 0, "Top\r\n");
    plan.insert(1, 5, "second\r\n");  // of what the first one left
    plan.insert(1, plan.content(1)->size(), "\r\nEnd");
  });
  std::string expected = kMixed;
  expected.replace(expected.find("Hello\r\nWorld"), 12, "Top\r\nsecond\r\nHello\r\nWorld\r\nEnd");
  EXPECT_EQ(result, expected);
}

TEST(RewritePlan, inserts_into_quoted_printable) {
  const std::string result = rewritten(kMixed, [](RewritePlan& plan) {
    const std::string_view content = plan.content(2).value();
    plan.insert(2, content.find("and"), "\u00fcber ");
  });
  std::string expected = kMixed;
  // In front of the soft break, or behind it: both are the same text.
  expected.replace(expected.find("=\r\nand more"), 0, "=\r\n=C3=BCber =\r\n");
  EXPECT_EQ(mime_structure(result).parts.size(), 4U);
  rewritten(result, [](RewritePlan& plan) {
    EXPECT_EQ(plan.content(2).value(), "<p>caf\u00e9 \u00fcber and more</p>");
  });
  EXPECT_THAT(result, HasSubstr("<p>caf=C3=A9 =\r\n"));
  EXPECT_THAT(result, HasSubstr("and more</p>\r\n--x"));
}

TEST(RewritePlan, inserts_into_base64_by_encoding_anew) {
  const std::string result = rewritten(kMixed, [](RewritePlan& plan) {
    ASSERT_TRUE(plan.content(3));
    plan.insert(3, 0, "Oh. ");
  });
  std::string expected = kMixed;
  expected.replace(expected.find("SGVsbG8="), 8, "T2guIEhlbGxv");
  EXPECT_EQ(result, expected);
}

TEST(RewritePlan, says_so_where_text_is_no_longer_ascii) {
  const std::string result = rewritten(kMixed, [](RewritePlan& plan) {
    ASSERT_TRUE(plan.content(1));
    plan.insert(1, 0, "\u00fc\r\n");
    plan.set_charset(1, "utf-8");
  });
  std::string expected = kMixed;
  expected.replace(expected.find("Content-Type: text/plain; charset=us-ascii\r\n\r\n"), 46,
                   "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
                   "\r\n\u00fc\r\n");
  EXPECT_EQ(result, expected);
}

TEST(RewritePlan, encodes_all_where_one_insertion_fits_in_no_line) {
  const std::string result = rewritten(kMixed, [](RewritePlan& plan) {
    ASSERT_TRUE(plan.content(1));
    plan.insert(1, 0, "Top\r\n");
    plan.insert(1, plan.content(1)->size(), std::string(2000, 'x'));
  });
  rewritten(result, [](RewritePlan& plan) {
    EXPECT_EQ(plan.content(1).value(), "Top\r\nHello\r\nWorld" + std::string(2000, 'x'));
  });
}

TEST(RewritePlan, appends_without_reading) {
  const std::string result = rewritten(kMixed, [](RewritePlan& plan) {
    EXPECT_TRUE(plan.append(1, "\r\nEnd"));
    EXPECT_TRUE(plan.append(2, "\u00fc"));
    EXPECT_FALSE(plan.append(3, "no"));
  });
  std::string expected = kMixed;
  expected.replace(expected.find("World"), 5, "World\r\nEnd");
  expected.replace(expected.find("more</p>"), 8, "more</p>=C3=BC");
  EXPECT_EQ(result, expected);
}

TEST(RewritePlan, replaces_contents) {
  const std::string result = rewritten(kMixed, [](RewritePlan& plan) {
    plan.set_content(1, "new\nlines");
    plan.set_content(2, "<b>\u00e9</b>");
    plan.insert(2, 0, "top");
    plan.set_content(3, "Hello!");
  });
  std::string expected = kMixed;
  expected.replace(expected.find("Hello\r\nWorld"), 12, "new\r\nlines");
  const std::size_t html = expected.find("<p>caf");
  expected.replace(html, expected.find("\r\n--x", html) - html, "top<b>=C3=A9</b>");
  expected.replace(expected.find("SGVsbG8="), 8, "SGVsbG8h");
  EXPECT_EQ(result, expected);
}

TEST(RewritePlan, chooses_an_encoding_that_can_hold_the_content) {
  const std::string message = "Content-Type: text/plain; charset=x; format=flowed\r\n\r\nHi\r\n";
  EXPECT_EQ(rewritten(message,
                      [](RewritePlan& plan) {
                        plan.set_content(0, "h\u00e9");
                        plan.set_charset(0, "utf-8");
                      }),
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8;\r\n format=flowed\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n\r\nh=C3=A9\r\n");
  EXPECT_THAT(
      rewritten(message, [](RewritePlan& plan) { plan.set_content(0, std::string(999, 'a')); }),
      HasSubstr("Content-Transfer-Encoding: quoted-printable\r\n"));
}

TEST(RewritePlan, replaces_parts_and_all_in_them) {
  const std::string outer =
      "Content-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\nContent-Type: message/rfc822\r\n"
      "X-Keep: 1\r\n\r\n" +
      kMixed + "--y--\r\n";
  const std::string result = rewritten(outer, [](RewritePlan& plan) {
    plan.set_content(3, "lost");
    plan.replace_part(1, "Content-Type: text/plain\r\n", "removed");
    EXPECT_TRUE(plan.replaced(1) && plan.replaced(3) && !plan.replaced(0));
  });
  EXPECT_EQ(result,
            "Content-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\nX-Keep: 1\r\n"
            "Content-Type: text/plain\r\n\r\nremoved\r\n--y--\r\n");
}

TEST(RewritePlan, replaces_fields_and_leaves_the_body) {
  const std::string result = rewritten(kMixed, [](RewritePlan& plan) {
    plan.replace_content_fields(3,
                                "Content-Type: application/octet-stream; name=a.pdf.blocked\r\n"
                                "Content-Transfer-Encoding: base64\r\n");
  });
  EXPECT_THAT(result, HasSubstr("--x\r\nX-Other: stays\r\nContent-Type: application/octet-stream; "
                                "name=a.pdf.blocked\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                                "SGVsbG8=\r\n--x--\r\nepilogue\r\n"));
}

TEST(RewritePlan, wraps) {
  const std::string result = rewritten(
      kMixed, [](RewritePlan& plan) { plan.wrap("Content-Type: text/plain\r\n\r\nNotice\r\n"); });
  EXPECT_THAT(result, StartsWith("From: a@b\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; "
                                 "boundary=\"=_"));
  const MimeStructure structure = mime_structure(result);
  ASSERT_EQ(structure.parts.size(), 6U);
  EXPECT_EQ(structure.parts[1].type(), "text/plain");
  EXPECT_EQ(structure.parts[2].type(), "multipart/mixed");
  // What it was stands there whole: fields, empty line, body.
  const std::string inner = kMixed.substr(kMixed.find("Content-Type"));
  EXPECT_THAT(result, HasSubstr("\r\n\r\nNotice\r\n--=_"));
  EXPECT_THAT(result, HasSubstr("\r\n" + inner + "\r\n--=_"));
  EXPECT_THAT(result, EndsWith("--\r\n"));
}

TEST(RewritePlan, wraps_what_has_no_fields_or_no_body) {
  EXPECT_THAT(rewritten("A: 1\r\n\r\nbody\r\n", [](RewritePlan& plan) { plan.wrap("\r\nN"); }),
              HasSubstr("\r\n\r\nbody\r\n\r\n--=_"));
  const std::string header_only =
      rewritten("A: 1\r\n", [](RewritePlan& plan) { plan.wrap("\r\nN"); });
  EXPECT_EQ(mime_structure(header_only).parts.size(), 3U);
}

TEST(RewritePlan, is_limited) {
  const std::string large =
      "Content-Type: text/plain\r\n\r\n" + std::string(RewritePlan::kMaxContent + 2, 'a') + "\r\n";
  rewritten(large, [](RewritePlan& plan) {
    const auto content = plan.content(0);
    ASSERT_FALSE(content);
    EXPECT_EQ(content.error().code, ErrorCode::limit);
    EXPECT_TRUE(plan.append(0, "end"));
  });
  EXPECT_EQ(rewritten(kMixed,
                      [](RewritePlan& plan) {
                        plan.set_content(1, std::string(RewritePlan::kMaxText + 1, 'a'));
                      }),
            "rewriting needs more than 16 MiB");
  const std::string header =
      "A: " + std::string(RewritePlan::kMaxPartHeader, 'a') + "\r\n\r\nb\r\n";
  EXPECT_EQ(rewritten(header, [](RewritePlan& plan) { plan.set_content(0, "c"); }),
            "the header of a part is too large to be changed");
  RewritePlan plan(nullptr, nullptr);
  for (std::size_t i = 0; i < 2 * RewritePlan::kMaxNotes; ++i) plan.note("x");
  EXPECT_EQ(plan.notes().size(), RewritePlan::kMaxNotes);
}

TEST(RewritePlan, stops_once) {
  RewritePlan plan(nullptr, nullptr);
  plan.stop({config::Action::refuse, Verdict::of(Cause::attachment, "a.exe")});
  plan.stop({config::Action::notice, Verdict::of(Cause::encrypted, "b.zip")});
  ASSERT_TRUE(plan.stopped());
  EXPECT_EQ(plan.stopped()->action, config::Action::refuse);
}

/// Wherever text is put into a quoted-printable body: it decodes to what it should, and what was
/// there before is still there.
TEST(QuotedSplices, are_as_if_the_text_had_been_decoded) {
  Random random(3);
  const std::vector<std::string> pieces = {"a",    " ",      "\t",     "=C3=A9", "=\r\n", "\r\n",
                                           "word", "= \r\n", "  \r\n", "=3D",    ".",     "=zz"};
  for (int round = 0; round < 500; ++round) {
    std::string raw;
    for (std::size_t i = random.between(0, 30); i > 0; --i) {
      raw += pieces[random.between(0, pieces.size() - 1)];
    }
    std::string decoded = decode_content(TransferEncoding::quoted_printable, raw);
    std::vector<Insertion> insertions;
    std::string expected = decoded;
    std::size_t shift = 0;
    for (std::size_t at = random.between(0, 5); at <= decoded.size(); at += random.between(1, 20)) {
      insertions.push_back({at, random.between(0, 1) == 0 ? "<\u00fc>" : "line\r\n"});
      expected.insert(at + shift, insertions.back().text);
      shift += insertions.back().text.size();
    }
    const auto splices = quoted_splices(raw, decoded.size(), insertions);
    if (!splices) continue;  // too odd: it is encoded anew
    EXPECT_EQ(decode_content(TransferEncoding::quoted_printable, spliced(*splices, raw)), expected)
        << ::testing::PrintToString(raw) << ' ' << Random::name();
  }
}

}  // namespace
}  // namespace gatepost::filters
