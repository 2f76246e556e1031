#include "filters/message/html_tokens.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <string>

#include "tests/support/chop.h"

namespace gatepost::filters {
namespace {

/// "start b a=1|text x|…"; a "!" behind what is odd.
std::string tokens(std::string_view html) {
  using Kind = HtmlToken::Kind;
  std::string out;
  HtmlTokens reader(html);
  HtmlToken token;
  std::size_t at = 0;
  while (reader.next(token)) {
    EXPECT_EQ(token.begin, at) << html;
    EXPECT_GT(token.end, token.begin) << html;
    at = token.end;
    if (!out.empty()) out += '|';
    const std::string text(reader.text_of(token));
    switch (token.kind) {
      case Kind::text:
        out += "text " + text;
        break;
      case Kind::raw_text:
        out += "raw " + token.name + " " + text;
        break;
      case Kind::start_tag:
        out += "start " + token.name;
        for (const auto& attribute : token.attributes) {
          out += fmt::format(" {}={}", attribute.name, attribute.value);
        }
        break;
      case Kind::end_tag:
        out += "end " + token.name;
        break;
      case Kind::comment:
        out += "comment " + text;
        break;
      case Kind::doctype:
        out += "doctype";
        break;
      case Kind::bogus:
        out += "bogus " + text;
        break;
    }
    if (token.odd) out += '!';
  }
  EXPECT_EQ(at, html.size()) << html;
  return out;
}

TEST(HtmlTokens, are_what_browsers_see) {
  EXPECT_EQ(tokens("<!DOCTYPE html><P Class='x y' b=1 c>a &amp; b</P >"),
            "doctype|start p class=x y b=1 c=|text a &amp; b|end p");
  EXPECT_EQ(tokens("a < b <3 <"), "text a |text < b |text <3 |text <");
  EXPECT_EQ(tokens("<br/><img src=a/b>"), "start br|start img src=a/b");
  EXPECT_EQ(tokens("<a b = \"1\"\n c=>x"), "start a b=1 c=|text x");
  EXPECT_EQ(tokens("<script>a</b><!-- </scriptx></Script >x"),
            "start script|raw script a</b><!-- </scriptx>|end script|text x");
  EXPECT_EQ(tokens("<title></title><style></style>"),
            "start title|end title|start style|end style");
  EXPECT_EQ(tokens("<!-- a -- b --->c"), "comment <!-- a -- b --->|text c");
  EXPECT_EQ(tokens(""), "");
}

TEST(HtmlTokens, say_what_others_may_read_otherwise) {
  EXPECT_EQ(tokens("<!--><b>"), "comment <!-->!|start b");
  EXPECT_EQ(tokens("<!-- --!>a"), "comment <!-- --!>!|text a");
  EXPECT_EQ(tokens("<!-- a"), "comment <!-- a!");
  EXPECT_EQ(tokens("<a b=1 B=2>"), "start a b=1!");
  EXPECT_EQ(tokens("<a b=\"1\"c=2>"), "start a b=1 c=2!");
  EXPECT_EQ(tokens("<a b=1\"2>"), "start a b=1\"2!");
  EXPECT_EQ(tokens("<a/b=1>"), "start a b=1!");
  EXPECT_EQ(tokens("<a \"'=1>"), "start a \"'=1!");
  EXPECT_EQ(tokens("<a b=1"), "bogus <a b=1!");
  EXPECT_EQ(tokens("<?xml x?></ x><![CDATA[x]]>"),
            "bogus <?xml x?>|bogus </ x>|bogus <![CDATA[x]]>");
  EXPECT_EQ(tokens("<xmp>a"), "start xmp|raw xmp a!");
  EXPECT_EQ(tokens("<plaintext>a</plaintext>"), "start plaintext|raw plaintext a</plaintext>!");
}

TEST(HtmlTokens, have_limits) {
  std::string many = "<a";
  for (std::size_t i = 0; i <= HtmlTokens::kMaxAttributes; ++i) many += fmt::format(" x{}=1", i);
  HtmlTokens reader(many += ">");
  HtmlToken token;
  ASSERT_TRUE(reader.next(token));
  EXPECT_EQ(token.attributes.size(), HtmlTokens::kMaxAttributes);
  EXPECT_TRUE(token.odd);
  const std::string name(HtmlTokens::kMaxName + 10, 'x');
  EXPECT_EQ(tokens("<" + name + ">"), "start " + name.substr(0, HtmlTokens::kMaxName) + "!");
}

TEST(HtmlTokens, cover_whatever_comes) {
  testing::Random random;
  for (int i = 0; i < 2'000; ++i) {
    std::string html;
    for (std::size_t n = random.between(0, 30); n > 0; --n) {
      html += "<>/!-'\"= ab?[\n&script"[random.between(0, 20)];
    }
    static_cast<void>(tokens(html));
  }
}

TEST(References, are_decoded_as_far_as_they_hide_something) {
  EXPECT_EQ(decode_references("&#106;&#x61v&#X61;&lt;&colon;&Tab;&amp;amp;"), "java<:\t&amp;");
  EXPECT_EQ(decode_references("&eacute; & &# &#x; &#0; &#99999999;"),
            "&eacute; & &# &#x; \ufffd \ufffd");
}

}  // namespace
}  // namespace gatepost::filters
