#include "proxy/base/json_string.h"

#include <gtest/gtest.h>

namespace gatepost {
namespace {

TEST(JsonString, EscapesWhatMustNotStandInAString) {
  EXPECT_EQ(json_string(""), R"("")");
  EXPECT_EQ(json_string(R"(a "b" \c)"), R"("a \"b\" \\c")");
  EXPECT_EQ(json_string("a\nb\x1f"), R"("a\u000ab\u001f")");
  EXPECT_EQ(json_string("3 d – ä"), R"("3 d – ä")");
}

}  // namespace
}  // namespace gatepost
