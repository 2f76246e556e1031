#include "proxy/base/pattern.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gatepost {
namespace {

TEST(Pattern, matches_as_shells_do) {
  struct Pattern {
    const char* pattern;
    const char* text;
    bool matches;
  };
  const std::vector<Pattern> patterns = {
      {"", "", true},           {"", "a", false},         {"*", "", true},
      {"*", "abc", true},       {"?", "", false},         {"?", "a", true},
      {"?", "ab", false},       {"a*c", "ac", true},      {"a*c", "abbbc", true},
      {"a*c", "abbb", false},   {"*b*", "abc", true},     {"*b", "abab", true},
      {"*ab*ab", "abab", true}, {"*ab*ab", "aab", false}, {"**a**", "a", true},
      {"a?c*", "abc", true},    {"JOE", "joe", true},     {"j\xC3*", "J\xC3\xB6rg", true},
      {"[ab]", "a", false},     {"\\*", "x", false},      {"*.org", "example.org", true},
      {"a*?", "a", false},      {"a*?", "ab", true},
  };
  for (const Pattern& one : patterns) {
    EXPECT_EQ(matches_pattern(one.pattern, one.text), one.matches)
        << one.pattern << " on " << one.text;
  }
}

TEST(Pattern, comes_to_an_end_soon) {
  // Who tries every combination of what the stars stand for takes years.
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "*a";
  pattern += "*b";
  EXPECT_FALSE(matches_pattern(pattern, std::string(512, 'a')));
  EXPECT_TRUE(matches_pattern(pattern, std::string(511, 'a') + 'b'));
}

}  // namespace
}  // namespace gatepost
