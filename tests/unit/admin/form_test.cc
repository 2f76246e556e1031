#include "proxy/admin/form.h"

#include <gtest/gtest.h>

#include <string>

namespace gatepost::admin {
namespace {

TEST(FormTest, ReadsWhatBrowsersWrite) {
  const auto form = Form::parse("user=joe%2Bphone%40example.com&note=a+b%C3%A4&empty=");
  ASSERT_TRUE(form) << form.error().detail;
  EXPECT_EQ(form->get("user"), "joe+phone@example.com");
  EXPECT_EQ(form->get("note"), "a bä");
  EXPECT_TRUE(form->has("empty"));
  EXPECT_EQ(form->get("empty"), "");
  EXPECT_FALSE(form->has("other"));
  EXPECT_TRUE(Form::parse(""));
}

TEST(FormTest, RefusesWhatIsNotAForm) {
  for (const char* text : {"a", "a=1&b", "=1", "a=%", "a=%4", "a=%zz", "a=%00", "a=1&a=2", "a=b c",
                           "a=\xc3\xa4", "a=\n", "a=1&&b=2", "a=\x7f"}) {
    EXPECT_FALSE(Form::parse(text)) << text;
  }
}

TEST(FormTest, RefusesMoreThanItsLimits) {
  const std::string longest(Form::kMaxField, 'x');
  EXPECT_TRUE(Form::parse("a=" + longest));
  EXPECT_FALSE(Form::parse("a=" + longest + "x"));
  EXPECT_FALSE(Form::parse(longest + "x=1"));
  std::string fields;
  for (std::size_t i = 0; i < Form::kMaxFields; ++i) fields += "f" + std::to_string(i) + "=1&";
  EXPECT_TRUE(Form::parse(fields));
  EXPECT_FALSE(Form::parse(fields + "one=more"));
}

TEST(FormTest, TakesBodiesOfOneTypeOnly) {
  http::Request request;
  EXPECT_TRUE(Form::of_body(request)) << "nothing to say";
  request.body = "a=1";
  EXPECT_FALSE(Form::of_body(request));
  request.headers = {{"content-type", "text/plain"}};
  EXPECT_FALSE(Form::of_body(request));
  request.headers = {{"content-type", "Application/X-WWW-Form-Urlencoded ; charset=utf-8"}};
  EXPECT_TRUE(Form::of_body(request));
  request.headers.push_back(request.headers.front());
  EXPECT_FALSE(Form::of_body(request));
}

}  // namespace
}  // namespace gatepost::admin
