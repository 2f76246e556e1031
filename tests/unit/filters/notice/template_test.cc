#include "filters/notice/template.h"

#include <gtest/gtest.h>

namespace gatepost::filters {
namespace {

std::string render(std::string_view text, const Values& values) {
  const auto parsed = Template::parse(text);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().detail);
  std::string out;
  if (parsed) parsed->render(values, out);
  return out;
}

Values with(Variable variable, std::string value) {
  Values values;
  values[static_cast<std::size_t>(variable)] = std::move(value);
  return values;
}

TEST(Template, puts_values_in) {
  EXPECT_EQ(render("a {subject}!\r\n\nb", with(Variable::subject, "X")), "a X!\r\n\r\nb\r\n");
}

TEST(Template, leaves_out_lines_whose_variables_are_all_empty) {
  const Values values = with(Variable::threat, "Eicar");
  EXPECT_EQ(render("{threat} {scanner}\nby {scanner}\n\nend", values), "Eicar \r\n\r\nend\r\n");
}

TEST(Template, does_not_look_into_values) {
  EXPECT_EQ(render("{subject}", with(Variable::subject, "{threat} {x}")), "{threat} {x}\r\n");
}

TEST(Template, braces_that_name_nothing_are_text) {
  for (const std::string_view text :
       {"p { color: red }", "{}", "{", "a{b", "{Subject}", "{{ }}", "{a-b}", "{subject"}) {
    EXPECT_EQ(render(text, {}), std::string(text) + "\r\n");
  }
  EXPECT_EQ(render("{{subject}}", with(Variable::subject, "X")), "{X}\r\n");
}

TEST(Template, a_wrong_variable_is_named_with_its_line) {
  const auto parsed = Template::parse("a\r\n{subject}\n{sujet} x\n");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, ErrorCode::config);
  EXPECT_EQ(parsed.error().detail.find("line 3: unknown variable {sujet}; known are cause, "), 0U);
}

TEST(Template, only_utf8_text_is_taken) {
  for (const std::string_view text :
       {std::string_view("a\n\xff"), std::string_view("a\n\0", 3), std::string_view("a\nb\rc")}) {
    const auto parsed = Template::parse(text);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().detail, "line 2: not UTF-8 text");
  }
  EXPECT_EQ(render("\xEF\xBB\xBFü\tx", {}), "ü\tx\r\n");
}

}  // namespace
}  // namespace gatepost::filters
