#include <gtest/gtest.h>

#include <string>

#include "filters/defang/harmless_css.h"
#include "filters/defang/harmless_url.h"
#include "filters/defang/html_defang.h"

namespace gatepost::filters {
namespace {

TEST(HarmlessUrl, is_known_by_its_scheme) {
  EXPECT_EQ(read_url("https://x.example/").kind, UrlKind::web);
  EXPECT_EQ(read_url(" HTTP://x.example/ ").kind, UrlKind::web);
  EXPECT_EQ(read_url("mailto:x@y").kind, UrlKind::mail);
  EXPECT_EQ(read_url("cid:1").kind, UrlKind::content_id);
  EXPECT_EQ(read_url("data:image/gif;base64,R0lG").kind, UrlKind::picture);
  EXPECT_EQ(read_url("#top").kind, UrlKind::fragment);
  EXPECT_EQ(read_url("").kind, UrlKind::none);
  for (const std::string_view harmful :
       {"javascript:x", "java&#9;script:x", "x.html", "//x", "/x", "http:x", "data:text/html,x",
        "data:image/svg+xml;base64,AA", "data:image/gif;base64,R0<lG", "http&colon://x", "\\\\x\\y",
        "%6aavascript:x", "file:///x", "about:blank", "cid"}) {
    EXPECT_EQ(read_url(harmful).kind, UrlKind::harmful) << harmful;
  }
  EXPECT_TRUE(read_url("https://x/\ny").odd);
  EXPECT_EQ(read_url("https://x/\n&#13;y&amp;z").text, "https://x/y&z");
}

TEST(HarmlessUrl, has_a_limit) {
  const std::string url = "https://x.example/" + std::string(kMaxUrl, 'x');
  EXPECT_EQ(read_url(url).kind, UrlKind::harmful);
  EXPECT_EQ(read_url(url.substr(0, kMaxUrl)).kind, UrlKind::web);
}

TEST(HarmlessUrl, is_shown_without_names_and_passwords) {
  EXPECT_EQ(shown_url("https://bank.example:x@evil.example/a@b", 100), "https://evil.example/a@b");
  EXPECT_EQ(shown_url("https://a.example\\@evil.example/", 100),
            "https://a.example\\@evil.example/");
  EXPECT_EQ(shown_url("https://x.example/abc", 15), "https://x.examp…");
}

TEST(HarmlessCss, keeps_declarations_that_are_known) {
  const auto css = [](std::string_view text) {
    const Css result = harmless_declarations(text);
    return result.text + (result.harmful ? "!" : "");
  };
  EXPECT_EQ(css(" Color : Red ;; margin:0 auto !important"), "color:Red;margin:0 auto !important");
  EXPECT_EQ(css("font-family:'A B',\"C\";color:rgb(1, 2,3)"),
            "font-family:'A B',\"C\";color:rgb(1, 2,3)");
  EXPECT_EQ(css("mso-x:y;position:relative;z-index:9"), "");
  for (const std::string_view harmful :
       {"background:url(x)", "background:u/**/rl(x)", "width:expression(x)", "width:exp\\72 x",
        "behavior:x", "-moz-binding:x", "position: FIXED", "position:absolute", "x:javascript:y",
        "filter:progid:x", "color:red</style>"}) {
    EXPECT_TRUE(harmless_declarations(harmful).harmful) << harmful;
    EXPECT_EQ(harmless_declarations(harmful).text, "") << harmful;
  }
  EXPECT_EQ(css("color:red/**/"), "color:red!");
}

TEST(HarmlessCss, keeps_plain_rules_of_a_sheet) {
  const auto css = [](std::string_view text) {
    const Css result = harmless_sheet(text);
    return result.text + (result.harmful ? "!" : "");
  };
  EXPECT_EQ(css("<!-- p, .x > a:hover { color : red } /* x */ #y{margin:0}\n-->"),
            "p, .x > a:hover {color:red}\n#y {margin:0}\n");
  EXPECT_EQ(css("@media screen and (max-width:9px) { p{color:red} }"),
            "@media screen and (max-width:9px) {\np {color:red}\n}\n");
  EXPECT_EQ(css("@font-face { font-family:x } @page{margin:0} p{color:red}"), "p {color:red}\n");
  EXPECT_EQ(css("@import url(x); p{color:red}"), "p {color:red}\n!");
  EXPECT_EQ(css("a[href^=x] {color:red}"), "");
  EXPECT_EQ(css("p{color:red"), "p {color:red}\n!");
  EXPECT_EQ(css("} p{color:red}"), "p {color:red}\n!");
  EXPECT_EQ(css("@media x{p{color:red}"), "@media x {\np {color:red}\n}\n!");
}

TEST(HarmlessCss, has_a_limit) {
  std::string css;
  for (std::size_t i = 0; i < kMaxRules; ++i) css += "p{color:red}";
  EXPECT_FALSE(harmless_sheet(css).harmful);
  EXPECT_TRUE(harmless_sheet(css + "b{color:red}").harmful);
  EXPECT_EQ(harmless_sheet(css + "b{color:red}").text.find('b'), std::string::npos);
}

TEST(DeclaredCharset, is_looked_for_at_the_beginning) {
  EXPECT_EQ(declared_charset("<html><meta charset=\" utf-7\">"), "utf-7");
  EXPECT_EQ(declared_charset("<META HTTP-EQUIV=content-type CONTENT='text/html; Charset=\"x\"'>"),
            "x");
  EXPECT_EQ(declared_charset("<!-- <meta charset=x> --><title><meta charset=y></title>"), "");
  EXPECT_EQ(declared_charset(std::string(kMaxBeforeCharset, ' ') + "<meta charset=x>"), "");
}

}  // namespace
}  // namespace gatepost::filters
