#include "proxy/http/form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace gatepost::http {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(FormTest, ReadsFieldsInTheirOrder) {
  EXPECT_THAT(parse_form("a=1&b=x+y%21%0a&&c&=d&a=2").value(),
              ElementsAre(Pair("a", "1"), Pair("b", "x y!\n"), Pair("c", ""), Pair("", "d"),
                          Pair("a", "2")));
  EXPECT_TRUE(parse_form("").value().empty());
}

TEST(FormTest, RefusesPercentSignsThatAreNone) {
  for (const char* text : {"a=%", "a=%4", "a=%4g", "%zz=1"}) EXPECT_FALSE(parse_form(text)) << text;
}

TEST(FormTest, TakesSoManyFieldsAndNoMore) {
  std::string text;
  for (std::size_t i = 0; i < kMaxFields; ++i) text += "a=1&";
  EXPECT_TRUE(parse_form(text));
  EXPECT_FALSE(parse_form(text + "a=1"));
}

TEST(FormTest, FindsAFieldThatCameOnce) {
  const Form form = parse_form("a=1&b=2&b=3").value();
  EXPECT_EQ(only(form, "a"), "1");
  EXPECT_EQ(only(form, "b"), std::nullopt);
  EXPECT_EQ(only(form, "c"), std::nullopt);
}

TEST(FormTest, WhatIsEncodedComesBack) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(only(parse_form("x=" + percent_encode(all)).value(), "x"), all);
}

}  // namespace
}  // namespace gatepost::http
