#include "proxy/admin/html.h"

#include <gtest/gtest.h>

namespace gatepost::admin {
namespace {

TEST(HtmlTest, EscapesTextAndAttributes) {
  Html html;
  html.element("td", {{"title", R"("><script>x</script>)"}}, R"(<b>&"'</b>)");
  EXPECT_EQ(html.str(),
            "<td title=\"&quot;&gt;&lt;script&gt;x&lt;/script&gt;\">"
            "&lt;b&gt;&amp;&quot;&#39;&lt;/b&gt;</td>");
}

TEST(HtmlTest, ShowsWhatIsActiveAsEscapes) {
  Html html;
  html.text("a\u202eb\x1b[31m\r\nc\xff");
  EXPECT_EQ(html.str(), "a\\u202eb\\u001b[31m\\u000d\\u000ac\\xff");
  Html lines;
  lines.lines("a\n\tb\u2066<");
  EXPECT_EQ(lines.str(), "a\n\tb\\u2066&lt;");
}

TEST(HtmlTest, ClosesWhatItOpens) {
  Html html;
  {
    const auto outer = html.in("ul", {{"class", "x"}, {"hidden", "", false}});
    const auto inner = html.in("li");
    html.text("1");
  }
  EXPECT_EQ(html.str(), "<ul class=\"x\"><li>1</li></ul>");
}

TEST(HtmlTest, CutsByCharacters) {
  EXPECT_EQ(cut("äöü", 3), "äöü");
  EXPECT_EQ(cut("äöüß", 3), "äöü…");
  EXPECT_EQ(cut("\xff\xfe\xfd", 2), "\xff\xfe…");
  EXPECT_EQ(cut("", 3), "");
}

}  // namespace
}  // namespace gatepost::admin
