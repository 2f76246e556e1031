#include "filters/message/mime_scanner.h"

#include <gtest/gtest.h>

#include "tests/support/chop.h"
#include "tests/unit/filters/message/mime_text.h"

namespace gatepost::filters {
namespace {

using ::gatepost::testing::Chopping;
using ::gatepost::testing::for_each_chopping;
using test::dump;
using test::fault;
using test::tree;

/// Lines as they stand in a message.
std::string lines(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

/// Of a message with LF for CRLF; it is the same however the message is cut.
MimeStructure scan(std::string_view text) {
  const std::string message = lines(text);
  MimeStructure whole = mime_structure(message);
  EXPECT_EQ(fault(whole, message.size()), "") << text;
  for_each_chopping([&](Chopping& chopping) {
    ASSERT_EQ(dump(test::scan_in(chopping.cut(message))), dump(whole)) << text;
  });
  return whole;
}

std::string tree_of(std::string_view text) { return tree(scan(text)); }

std::string body(std::string_view text, std::size_t part) {
  const std::string message = lines(text);
  const MimePart found = scan(text).parts.at(part);
  return message.substr(found.body_begin, found.body_end - found.body_begin);
}

constexpr std::string_view kMixed = "Content-Type: multipart/mixed; boundary=b\n\n";

std::string mixed(std::string_view text) { return std::string(kMixed) + std::string(text); }

TEST(MimeScanner, finds_parts_and_where_they_stand) {
  const std::string text = mixed(
      "preamble\n--b\nContent-Type: text/html; charset=\"UTF-8\"\nX-Other: 1\n\n<p>\n\n--b\n\n"
      "second\n--b--\nepilogue\n");
  const std::string message = lines(text);
  const MimeStructure structure = scan(text);
  EXPECT_EQ(tree(structure), "multipart/mixed(text/html,text/plain)");
  const MimePart& html = structure.parts[1];
  EXPECT_EQ(html.charset, "utf-8");
  EXPECT_EQ(html.header, "Content-Type: text/html; charset=\"UTF-8\"\r\n");
  EXPECT_EQ(html.header_begin, message.find("Content-Type: text/html"));
  EXPECT_EQ(html.body_begin, message.find("<p>"));
  EXPECT_EQ(html.body_end, message.find("\r\n--b\r\n\r\nsecond"));
  EXPECT_EQ(structure.parts[2].header_begin, message.find("\r\nsecond"));
  EXPECT_EQ(body(text, 1), "<p>\r\n");
  EXPECT_EQ(body(text, 2), "second");
  EXPECT_EQ(structure.parts[0].body_begin, lines(kMixed).size());
  EXPECT_EQ(structure.parts[0].body_end, message.size());
}

TEST(MimeScanner, reads_what_a_part_says) {
  const MimeStructure structure = scan(
      "Content-Type: multipart/signed; protocol=\"application/PGP-signature\"; boundary=\"b b\"\n\n"
      "--b b\nContent-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: BASE64\n"
      "Content-Disposition: attachment; filename=\"b.pdf\"\n\nxxxx\n--b b--\n");
  EXPECT_EQ(structure.parts[0].protocol, "application/pgp-signature");
  const MimePart& part = structure.parts[1];
  EXPECT_TRUE(part.attachment);
  EXPECT_EQ(part.names, (std::vector<std::string>{"b.pdf", "a.pdf"}));
  EXPECT_EQ(part.encodings, std::vector{TransferEncoding::base64});
  EXPECT_TRUE(part.may_be("application/pdf"));
  EXPECT_FALSE(part.is_container());
  EXPECT_FALSE(part.odd);
}

TEST(MimeScanner, a_plain_message_has_one_part) {
  EXPECT_EQ(tree_of("Subject: x\n\ntext\n--b\ntext\n"), "text/plain");
  EXPECT_EQ(tree_of("Content-Type: TEXT/HTML\n\n<p>"), "text/html");
  EXPECT_EQ(tree_of(""), "text/plain!");  // not even an empty line
  EXPECT_EQ(tree_of("Subject: x\n"), "text/plain!");
  EXPECT_EQ(body("Subject: x\n", 0), "");
  EXPECT_EQ(tree_of("Content-Type:\n\n"), "text/plain");
}

TEST(MimeScanner, nests) {
  const std::string text = mixed(
      "--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\none\n--c\n"
      "Content-Type: text/html\n\ntwo\n--c--\n\n--b\n\nthree\n--b--\n");
  EXPECT_EQ(tree_of(text),
            "multipart/mixed(multipart/alternative(text/plain,text/html),text/plain)");
  EXPECT_EQ(body(text, 3), "two");
  EXPECT_EQ(body(text, 4), "three");
}

TEST(MimeScanner, opens_attached_messages) {
  const std::string text = mixed(
      "--b\nContent-Type: message/rfc822\n\nSubject: x\nContent-Type: multipart/mixed; boundary=c\n"
      "\n--c\n\none\n--c--\n--b\nContent-Type: message/global\n\nA: 1\n\ntext\n--b--\n");
  EXPECT_EQ(tree_of(text),
            "multipart/mixed(message/rfc822(multipart/mixed(text/plain)),"
            "message/global(text/plain))");
  EXPECT_EQ(body(text, 5), "text");
  EXPECT_EQ(body(text, 4), "A: 1\r\n\r\ntext");
}

TEST(MimeScanner, does_not_open_encoded_messages) {
  const std::string text =
      mixed("--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nxx\n--b--\n");
  EXPECT_EQ(tree_of(text), "multipart/mixed(message/rfc822!)");
  EXPECT_FALSE(scan(text).parts[1].is_container());
}

TEST(MimeScanner, looks_into_encoded_multiparts) {
  EXPECT_EQ(tree_of("Content-Transfer-Encoding: base64\n" + mixed("--b\n\none\n--b--\n")),
            "multipart/mixed!(text/plain)");
}

TEST(MimeScanner, takes_the_parts_of_a_digest_for_messages) {
  EXPECT_EQ(tree_of("Content-Type: multipart/digest; boundary=b\n\n--b\n\nA: 1\n\none\n--b\n"
                    "Content-Type: text/plain\n\ntwo\n--b--\n"),
            "multipart/digest(message/rfc822(text/plain),text/plain)");
}

// Where readers differ.

TEST(MimeScanner, counts_every_content_type) {
  const MimeStructure structure = scan(
      "Content-Type: text/plain\nContent-Type: multipart/mixed; boundary=b\nContent-Type: "
      "multipart/mixed; boundary=c\n\n--b\nContent-Type: text/html\n\none\n--c\n\ntwo\n--c--\n");
  EXPECT_EQ(tree(structure), "text/plain!(text/html,text/plain)");
  EXPECT_TRUE(structure.parts[0].is_multipart());
  EXPECT_EQ(structure.parts[0].types, (std::vector<std::string>{"text/plain", "multipart/mixed"}));
}

TEST(MimeScanner, takes_type_and_boundary_from_different_fields) {
  EXPECT_EQ(tree_of("Content-Type: multipart/mixed\nContent-Type: text/plain; boundary=b\n\n"
                    "--b\nContent-Type: text/html\n\none\n--b--\n"),
            "multipart/mixed!(text/html)");
}

TEST(MimeScanner, counts_the_same_field_twice_once) {
  EXPECT_EQ(tree_of("Content-Type: text/html\nContent-Type: text/html\n\n"), "text/html");
}

TEST(MimeScanner, knows_boundaries_in_sections) {
  EXPECT_EQ(tree_of("Content-Type: multipart/mixed; boundary*0=\"b\"; boundary*1=c\n\n"
                    "--bc\nContent-Type: text/html\n\none\n--bc--\n"),
            "multipart/mixed(text/html)");
  EXPECT_EQ(tree_of("Content-Type: multipart/mixed; boundary*=us-ascii''b%63\n\n"
                    "--bc\nContent-Type: text/html\n\none\n--bc--\n"),
            "multipart/mixed!(text/html)");
}

TEST(MimeScanner, an_outer_boundary_ends_inner_parts) {
  const std::string text = mixed(
      "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\none\n--b\nContent-Type: "
      "text/html\n\ntwo\n--c\n\nnot a part\n--b--\n");
  EXPECT_EQ(tree_of(text), "multipart/mixed(multipart/mixed!~(text/plain),text/html)");
  EXPECT_EQ(body(text, 2), "one");
  EXPECT_EQ(body(text, 3), "two\r\n--c\r\n\r\nnot a part");
}

TEST(MimeScanner, an_unterminated_multipart_ends_with_the_message) {
  const std::string text = mixed("--b\n\none\n");
  EXPECT_EQ(tree_of(text), "multipart/mixed~(text/plain)");
  EXPECT_EQ(body(text, 1), "one\r\n");
  EXPECT_EQ(tree_of(mixed("--b")), "multipart/mixed~(text/plain!)");
  EXPECT_EQ(tree_of(mixed("--b\n\none\n--b--")), "multipart/mixed(text/plain)");
  EXPECT_EQ(tree_of(mixed("")), "multipart/mixed~");
}

TEST(MimeScanner, needs_no_empty_line) {
  const std::string text = mixed(
      "--b\nContent-Type: text/html\n<script>\nmore\n--b\n"
      "Content-Type: text/html\n--b--\n");
  EXPECT_EQ(tree_of(text), "multipart/mixed(text/html!,text/html!)");
  EXPECT_EQ(body(text, 1), "<script>\r\nmore");
  EXPECT_EQ(body(text, 2), "");
}

TEST(MimeScanner, finds_the_first_boundary_without_an_empty_line) {
  const std::string text = "Content-Type: multipart/mixed; boundary=b\n--b\n\none\n--b--\n";
  EXPECT_EQ(tree_of(text), "multipart/mixed!(text/plain)");
  EXPECT_EQ(body(text, 0), "--b\r\n\r\none\r\n--b--\r\n");
  EXPECT_EQ(tree_of("Content-Type: text/plain; boundary=b\n--b\n\none\n"), "text/plain!");
}

TEST(MimeScanner, parts_may_be_empty) {
  EXPECT_EQ(tree_of(mixed("--b\n--b\n\n--b\n\n\n--b--\n")),
            "multipart/mixed(text/plain!,text/plain,text/plain)");
  EXPECT_EQ(tree_of(mixed("--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n--b--\n")),
            "multipart/mixed(multipart/mixed!~(text/plain!))");
}

TEST(MimeScanner, skips_empty_lines_before_the_header) {
  EXPECT_EQ(tree_of("\n\nContent-Type: text/html\n\n<p>"), "text/html!");
  EXPECT_EQ(body("\n\nContent-Type: text/html\n\n<p>", 0), "<p>");
  EXPECT_EQ(body("\nno field\n\ntext", 0), "no field\r\n\r\ntext");
  EXPECT_EQ(tree_of(mixed("--b\nContent-Type: message/rfc822\n\n\nContent-Type: text/html\n\n<p>\n"
                          "--b--\n")),
            "multipart/mixed(message/rfc822(text/html!))");
}

TEST(MimeScanner, an_empty_line_behind_a_boundary_is_an_empty_header) {
  const std::string text = mixed("--b\n\nContent-Type: text/html\n\n<p>\n--b--\n");
  EXPECT_EQ(tree_of(text), "multipart/mixed(text/plain)");
  EXPECT_EQ(body(text, 1), "Content-Type: text/html\r\n\r\n<p>");
}

TEST(MimeScanner, skips_lines_that_are_no_fields) {
  EXPECT_EQ(tree_of("From me Mon\nContent-Type: text/html\n\n"), "text/html");
  EXPECT_EQ(tree_of("no field\nContent-Type: text/html\n\n"), "text/html!");
  EXPECT_EQ(tree_of(" Content-Type: text/html\n\n"), "text/html!");
  EXPECT_EQ(tree_of("Content-Type : text/html\n\n"), "text/html");
  EXPECT_EQ(tree_of("A: 1\n \nContent-Type: text/html\n\n"), "text/html!");
  EXPECT_EQ(tree_of("Content-Type: text/html;\n \n charset=x\n\n"), "text/html!");
}

TEST(MimeScanner, sees_through_foreign_octets) {
  using namespace std::string_literals;
  EXPECT_EQ(tree_of("Content-\0Type: text/html\n\n"s), "text/html!");
  EXPECT_EQ(tree_of("Content-Type: multipart/mixed;\0 boundary=b\n\n--b\n\n--b--\n"s),
            "multipart/mixed!(text/plain)");
}

TEST(MimeScanner, boundaries_may_have_blanks_behind_them) {
  EXPECT_EQ(tree_of(mixed("--b \t\n\none\n--b-- \n")), "multipart/mixed(text/plain)");
  EXPECT_EQ(tree_of("Content-Type: multipart/mixed; boundary=\"b \"\n\n--b\n\none\n--b --\n"),
            "multipart/mixed!~(text/plain,text/plain!)");
}

TEST(MimeScanner, boundaries_may_have_text_behind_them) {
  const std::string text = mixed("--b text\nContent-Type: text/html\n\none\n--b--text\n");
  EXPECT_EQ(tree_of(text), "multipart/mixed!(text/html)");
}

TEST(MimeScanner, parts_may_follow_the_last_boundary) {
  EXPECT_EQ(tree_of(mixed("--b\n\none\n--b--\nepilogue\n--b\nContent-Type: text/html\n\ntwo\n"
                          "--b--\n")),
            "multipart/mixed!(text/plain,text/html)");
}

TEST(MimeScanner, boundaries_may_be_long) {
  for (const std::size_t size :
       {std::size_t{71}, kMaxBoundary, kMaxBoundary + 1, 5 * kMaxBoundary}) {
    const std::string boundary(size, 'x');
    const std::string seen =
        tree_of("Content-Type: multipart/mixed; boundary=" + boundary + "\n\n--" + boundary +
                "\nContent-Type: text/html\n\none\n--" + boundary + "\n\ntwo\n");
    EXPECT_EQ(seen, "multipart/mixed!~(text/html,text/plain)") << size;
  }
  const std::string boundary(70, 'x');
  EXPECT_EQ(tree_of("Content-Type: multipart/mixed; boundary=" + boundary + "\n\n--" + boundary +
                    "\n\none\n--" + boundary + "--\n"),
            "multipart/mixed(text/plain)");
}

TEST(MimeScanner, a_boundary_may_be_empty) {
  EXPECT_EQ(
      tree_of("Content-Type: multipart/mixed; boundary=\"\"\n\n--\nContent-Type: text/html\n\n"
              "-- x\n-----\none\n----\n"),
      "multipart/mixed!(text/html)");
}

TEST(MimeScanner, marks_a_preamble_that_looks_like_a_part) {
  EXPECT_EQ(tree_of(mixed("Content-Type: text/html\n\n<p>\n--b\n\none\n--b--\n")),
            "multipart/mixed!(text/plain)");
}

TEST(MimeScanner, a_boundary_may_begin_like_another) {
  for (const auto& [outer, inner] :
       {std::pair{"b", "bb"}, {"bb", "b"}, {"b", "b--"}, {"b--", "b"}, {"b", "b-"}}) {
    const std::string text = fmt::format(
        "Content-Type: multipart/mixed; boundary={0}\n\n--{0}\nContent-Type: multipart/related; "
        "boundary={1}\n\n--{1}\n\none\n--{1}\n\ntwo\n--{1}--\n--{0}\n\nthree\n--{0}--\n",
        outer, inner);
    const std::string seen = tree_of(text);
    const bool closing = std::string_view(outer) == "b--" || std::string_view(inner) == "b--";
    if (!closing) {
      EXPECT_EQ(seen, "multipart/mixed(multipart/related(text/plain,text/plain),text/plain)")
          << text;
    }
  }
}

TEST(MimeScanner, two_multiparts_may_have_the_same_boundary) {
  EXPECT_EQ(tree_of(mixed("--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n"
                          "--b\n\ntwo\n--b--\n")),
            "multipart/mixed(multipart/mixed(text/plain),text/plain)");
}

TEST(MimeScanner, a_multipart_without_boundary_is_one_text) {
  EXPECT_EQ(tree_of("Content-Type: multipart/mixed\n\n--b\n\none\n--b--\n"), "multipart/mixed!~");
}

TEST(MimeScanner, a_part_may_be_message_or_multipart) {
  EXPECT_EQ(tree_of("Content-Type: message/rfc822\nContent-Type: multipart/mixed; boundary=b\n\n"
                    "Content-Type: text/html\n\n<p>\n--b\n\none\n--b--\n"),
            "message/rfc822!(text/html!,text/plain)");
}

TEST(MimeScanner, finds_dashes_wherever_a_text_is_cut) {
  const std::string text = mixed("--b\n\n-\n--\n---\n -- \n-b\n--\n--c\n--b\n\n--b--\n");
  EXPECT_EQ(tree_of(text), "multipart/mixed(text/plain,text/plain)");
  EXPECT_EQ(body(text, 1), "-\r\n--\r\n---\r\n -- \r\n-b\r\n--\r\n--c");
}

// Limits.

std::string flat(std::size_t parts) {
  std::string text(kMixed);
  for (std::size_t i = 1; i < parts; ++i) text += "--b\n\n\n";
  return text + "--b--\n";
}

TEST(MimeScanner, stops_at_too_many_parts) {
  const MimeStructure most = mime_structure(lines(flat(MimeScanner::kMaxParts)));
  EXPECT_FALSE(most.too_complex);
  EXPECT_EQ(most.parts.size(), MimeScanner::kMaxParts);
  const std::string more = lines(flat(MimeScanner::kMaxParts + 1));
  const MimeStructure cut = mime_structure(more);
  EXPECT_TRUE(cut.too_complex);
  EXPECT_EQ(cut.parts.size(), MimeScanner::kMaxParts);
  EXPECT_EQ(fault(cut, more.size()), "");
}

std::string deep(std::size_t depth) {
  std::string text;
  for (std::size_t i = 0; i < depth; ++i) text += "Content-Type: message/rfc822\n\n";
  return text + "\nx";
}

TEST(MimeScanner, stops_at_too_great_a_depth) {
  const MimeStructure most = scan(deep(MimeScanner::kMaxDepth));
  EXPECT_FALSE(most.too_complex);
  EXPECT_EQ(most.parts.back().depth, MimeScanner::kMaxDepth);
  EXPECT_TRUE(scan(deep(MimeScanner::kMaxDepth + 1)).too_complex);
}

TEST(MimeScanner, stops_at_too_long_a_field) {
  const std::string name = "Content-Description: ";
  for (const std::size_t more : {0U, 1U}) {
    const std::size_t size = MimeScanner::kMaxField - name.size() - 2 + more;
    EXPECT_EQ(scan(name + std::string(size, 'x') + "\n\n").too_complex, more == 1);
    EXPECT_EQ(scan(name + "\n " + std::string(size - 3, 'x') + "\n\n").too_complex, more == 1);
    EXPECT_FALSE(scan("Subject: " + std::string(size + 100, 'x') + "\n\n").too_complex);
  }
}

TEST(MimeScanner, stops_at_too_large_headers) {
  std::string text;
  const std::string field = "Content-A: " + std::string(60'000, 'x') + "\n";
  while (text.size() + field.size() < MimeScanner::kMaxHeaders) text += field;
  EXPECT_FALSE(mime_structure(lines(text + "\n")).too_complex);
  text += field;
  EXPECT_TRUE(mime_structure(lines(text + "\n")).too_complex);
}

TEST(MimeScanner, stops_at_too_many_boundaries) {
  std::string text;
  for (std::size_t i = 0; i < MimeScanner::kMaxBoundaries; ++i) {
    text += fmt::format("Content-Type: multipart/mixed; boundary=b{}\n", i);
  }
  EXPECT_FALSE(scan(text + "\n--b7\n\none\n--b100\n\n").too_complex);
  EXPECT_EQ(scan(text + "\n--b7\n\none\n--b100\n\n").parts.size(), 3U);
  EXPECT_TRUE(scan(text + "Content-Type: multipart/mixed; boundary=c\n\n").too_complex);
}

/// Looks at a message that a sender made to take long: what is not linear does not come back before
/// the program's time is up.
void look_at(const std::string& message) {
  MimeScanner scanner;
  std::size_t most_held = 0;
  for (std::string_view rest = message; !rest.empty();) {
    const std::string_view piece = rest.substr(0, 16 * 1024);
    scanner.feed(piece);
    most_held = std::max(most_held, scanner.held());
    rest.remove_prefix(piece.size());
  }
  scanner.end();
  EXPECT_LT(most_held, 32U * 1024 * 1024);
}

TEST(MimeScanner, costs_no_more_than_its_message) {
  std::string boundaries;
  for (std::size_t i = 0; i < MimeScanner::kMaxBoundaries; ++i) {
    boundaries += "Content-Type: multipart/mixed; boundary=" + std::string(2 * i + 1, 'x') + "\r\n";
  }
  const auto repeated = [](std::string_view text) {
    std::string out;
    while (out.size() < 4U * 1024 * 1024) out += text;
    return out;
  };
  look_at(boundaries + "\r\n" + repeated("--\r\n"));
  look_at(boundaries + "\r\n" + repeated("--y" + std::string(250, 'x') + "\r\n"));
  look_at(boundaries + repeated("--\r\n"));
  look_at(repeated("Content-Type: x;" + repeated(" name=\"").substr(0, 60'000) + "\r\n"));
  look_at(repeated("Content-Type: " + repeated("(=?a?Q?\"").substr(0, 60'000) + "\r\n"));
}

}  // namespace
}  // namespace gatepost::filters
