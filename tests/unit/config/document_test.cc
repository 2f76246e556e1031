#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"
#include "tests/unit/config/problems.h"

namespace gatepost::config {
namespace {

using ::testing::HasSubstr;

TEST(DocumentTest, SyntaxErrorsHaveALine) {
  EXPECT_THAT(problems(load("{\n\n  \"workers\": oops\n}")), HasSubstr("f:3: column 14: syntax"));
  EXPECT_THAT(problems(load("{")), HasSubstr("f:1: column 2: syntax error"));
  EXPECT_THAT(problems(load("{}\n{}")), HasSubstr("f:2: "));
  EXPECT_THAT(problems(load("{\n\"workers\":\n1e999}")), HasSubstr("f:3: number overflow"));
  EXPECT_THAT(problems(load("{\"workers\": 1,}")), HasSubstr("f:1: "));
}

TEST(DocumentTest, SyntaxErrorsAreShortAndInert) {
  const std::string text = problems(load("{\"a\": \"\x1b[31m" + std::string(100'000, 'x')));
  EXPECT_LT(text.size(), 400u);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_THAT(problems(load("{\"\xff\xfe\": 1}")), HasSubstr("f:1: column"));
}

TEST(DocumentTest, ANulByteIsNoEndOfTheText) {
  const std::string text = file_with("") + std::string("\0 more", 6);
  EXPECT_THAT(problems(load(text)), HasSubstr("f:3: a NUL byte"));
}

TEST(DocumentTest, LinesOfKeysAreExact) {
  const Loaded loaded = load(R"({
  "one": 1,
  /* a comment
     of two lines */ "two": {
    "inner":
      5 },
  // and one more
  "upstream": {
    "address": "127.0.0.1:110", "three": [


    ]},
  "listeners": [
    {"address": "127.0.0.1:110", "tls": "none"},
    {"address": "127.0.0.1:111",
     "cleartext_login_networks": [1,
       2
       , "x" // here
     ],
     "tls": "none"}
  ]
})");
  const std::string text = problems(loaded);
  EXPECT_THAT(text, HasSubstr("f:2: /one: unknown"));
  EXPECT_THAT(text, HasSubstr("f:4: /two: unknown"));
  EXPECT_THAT(text, HasSubstr("f:9: /upstream/three: unknown"));
  EXPECT_THAT(text, HasSubstr("f:16: /listeners/1/cleartext_login_networks/0: found 1"));
  EXPECT_THAT(text, HasSubstr("f:17: /listeners/1/cleartext_login_networks/1: found 2"));
  EXPECT_THAT(text, HasSubstr("f:18: /listeners/1/cleartext_login_networks/2: \"x\" is not"));
}

TEST(DocumentTest, WindowsLineEndsAndAByteOrderMarkAreFine) {
  EXPECT_THAT(problems(load("\xef\xbb\xbf{\r\n\"one\": 1\r\n}")), HasSubstr("f:2: /one: unknown"));
}

TEST(DocumentTest, DuplicateKeysAreErrorsWithPathAndBothLines) {
  const Loaded loaded = load(R"({
  "upstream": {"address": "127.0.0.1:110",
    "tls": "none",
    "tls": "none"},
  "listeners": [{"address": "127.0.0.1:110", "tls": "none",
    "address": "127.0.0.1:110"}],
  "listeners": [{"address": "127.0.0.1:110", "tls": "none"}]
})");
  EXPECT_FALSE(loaded.config);
  const std::string text = problems(loaded);
  EXPECT_THAT(text, HasSubstr("f:4: /upstream/tls: this key stands here twice, first in line 3"));
  EXPECT_THAT(text, HasSubstr("f:6: /listeners/0/address: this key stands here twice, first in"));
  EXPECT_THAT(text, HasSubstr("f:7: /listeners: this key stands here twice, first in line 5"));
}

TEST(DocumentTest, TheSameKeyInAnotherObjectIsNoDuplicate) {
  EXPECT_EQ(problems(load(R"({"listeners": [{"address": "127.0.0.1:1", "tls": "none"},
    {"address": "127.0.0.1:2", "tls": "none"}], "upstream": {"address": "127.0.0.1:3"}})")),
            "");
}

TEST(DocumentTest, NestingIsBounded) {
  EXPECT_THAT(problems(load("[" + std::string(31, '[') + std::string(31, ']') + "]")),
              HasSubstr("found a list"));
  EXPECT_THAT(problems(load(std::string(33, '[') + std::string(33, ']'))),
              HasSubstr("f:1: nested deeper than 32 levels"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":\n";
  EXPECT_THAT(problems(load(objects)), HasSubstr("f:33: nested deeper than 32 levels"));
  EXPECT_THAT(problems(load(std::string(1'000'000, '['))), HasSubstr("nested deeper"));
}

TEST(DocumentTest, TextsAreBounded) {
  const auto log_file = [](std::size_t size) {
    return problems(load(file_with("\"log\": {\"file\": \"" + std::string(size, '1') + "\"}")));
  };
  EXPECT_THAT(log_file(4096), HasSubstr("of 0 to 1024 characters"));
  EXPECT_THAT(log_file(4097), HasSubstr("a text is longer than 4096 bytes"));
  EXPECT_THAT(problems(load("{\"" + std::string(5000, 'k') + "\": 1}")), HasSubstr("longer than"));
}

TEST(DocumentTest, TextsHoldNoControlCharacters) {
  for (const char* escape : {"\\u0000", "\\n", "\\u001b", "\\u007f"}) {
    const std::string text = std::string("a") + escape + "b";
    EXPECT_THAT(problems(load(file_with("\"log\": {\"file\": \"" + text + "\"}"))),
                HasSubstr("f:3: a text contains a control character"));
    EXPECT_THAT(problems(load("{\"" + text + "\": 1}")), HasSubstr("a control character"));
  }
  EXPECT_TRUE(load(file_with(R"("log": {"file": "\u00e4\u20ac"})")).config);
}

TEST(DocumentTest, TheLongestTextDoesNotExhaustThePatternMatcher) {
  for (const char* key : {"memory", "connections"}) {
    const std::string text =
        std::string("\"limits\": {\"") + key + "\": \"" + std::string(4096, '1') + "\"}";
    EXPECT_FALSE(load(file_with(text)).config);
  }
  EXPECT_FALSE(load(file_with("\"workers\": \"" + std::string(4096, 'a') + "\"")).config);
  const std::string name(4096, 'a');
  EXPECT_FALSE(load("{\"listeners\": [{\"name\": \"" + name + "\"}]}").config);
}

std::string list_of(const std::string& piece, std::size_t values) {
  std::string text = "{\"listeners\": [" + piece;
  for (std::size_t i = 3; i < values; ++i) text += "," + piece;
  return text + "]}";
}

TEST(DocumentTest, ValuesAreCounted) {
  EXPECT_THAT(problems(load(list_of("1", 20'000))), HasSubstr("/listeners/0: found 1"));
  EXPECT_THAT(problems(load(list_of("1", 20'001))), HasSubstr("f:1: more than 20000 values"));
  EXPECT_THAT(problems(load(list_of("[]", 300'000))), HasSubstr("f:1: more than 20000 values"));
}

TEST(DocumentTest, MuchRubbishIsReportedInLittle) {
  for (const char* piece : {"1", "{}", "\"x\"", "{\"address\": \"x\"}"}) {
    const Loaded loaded = load(list_of(piece, 5'000));
    EXPECT_FALSE(loaded.config);
    EXPECT_EQ(loaded.problems.size(), 51u);
    EXPECT_THAT(problems(loaded), HasSubstr("there are more problems than these 50"));
  }
}

}  // namespace
}  // namespace gatepost::config
