#include "filters/message/header_scanner.h"

#include <gtest/gtest.h>

#include "tests/support/chop.h"
#include "tests/support/leak_check.h"
#include "tests/unit/filters/message/naive_message.h"

namespace gatepost::filters {
namespace {

using ::gatepost::testing::Chopping;
using ::gatepost::testing::for_each_chopping;
using ::gatepost::testing::TestPool;
using Event = HeaderScanner::Event;

struct Scanned {
  std::vector<std::string> fields;
  std::string rest;
  std::size_t most_held = 0;
  std::size_t parts = 0;
};

Scanned scan(std::string_view text, Chopping chopping) {
  TestPool pool;
  HeaderScanner scanner;
  Scanned result;
  ByteChain in;
  bool ended = false;
  auto pieces = chopping.cut(text);
  pieces.emplace_back();  // the end, alone
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    in.append(pool, pieces[i]);
    while (!ended) {
      const Event event = scanner.next(in, i + 1 == pieces.size());
      result.most_held = std::max(result.most_held, scanner.held());
      if (event == Event::need_data) {
        EXPECT_TRUE(in.empty());
        break;
      }
      if (event == Event::field) result.fields.push_back(scanner.take_field().to_string());
      if (event == Event::more) {
        result.fields.back() += scanner.take_field().to_string();
        ++result.parts;
      }
      ended = event == Event::end;
    }
  }
  EXPECT_TRUE(ended);
  EXPECT_EQ(scanner.fields(), result.fields.size());
  EXPECT_EQ(scanner.octets(), text.size() - in.size());
  result.rest = in.to_string();
  return result;
}

void expect_like_naive(std::string_view text) {
  for_each_chopping([&](Chopping& chopping) {
    const Scanned scanned = scan(text, chopping);
    const test::NaiveMessage naive = test::naive_split(text);
    ASSERT_EQ(scanned.fields, naive.fields);
    ASSERT_EQ(scanned.rest, naive.rest);
  });
}

TEST(HeaderScanner, cuts_fields) {
  expect_like_naive("A: 1\r\nB: 2\r\n folded\r\n\tmore\r\nC:\r\n\r\nbody\r\n\r\n x\r\n");
}

TEST(HeaderScanner, knows_odd_beginnings) {
  for (const std::string_view text :
       {"", "\r\n", "\r\nA: 1\r\n\r\n", " folded\r\nA: 1\r\n\r\nbody\r\n", "no field\r\nA: 1\r\n",
        "From me\r\n folded\r\nA: 1\r\n\r\n", " \r\n\r\n", "A: 1\r\n", " x\r\n y\r\n",
        "A: 1\r\n \r\n\r\nB: 2\r\n"}) {
    expect_like_naive(text);
  }
}

TEST(HeaderScanner, gives_a_long_field_in_parts) {
  const std::size_t most = HeaderScanner::kMaxField;
  for (const std::size_t size : {most - 1, most, most + 1, 3 * most}) {
    std::string text = "A: " + std::string(size - 5, 'x') + "\r\n";
    ASSERT_EQ(text.size(), size);
    for (const std::string_view after :
         {"B: 1\r\n\r\n", " folded\r\nB: 1\r\n", "\r\nbody\r\n", ""}) {
      const std::string whole = text + std::string(after);
      const Scanned scanned = scan(whole, Chopping(Chopping::Kind::whole));
      EXPECT_EQ(scanned.fields, test::naive_split(whole).fields);
      EXPECT_LE(scanned.most_held, most);
      EXPECT_EQ(scanned.parts > 0, size > most || (size == most && after.starts_with(' ')) ||
                                       (size < most && after.starts_with(' ')))
          << size << after;
    }
  }
}

TEST(HeaderScanner, parses_fields) {
  EXPECT_EQ(parse_field("Subject: x\r\n").name, "Subject");
  EXPECT_EQ(parse_field("Subject: x\r\n").body, " x\r\n");
  EXPECT_EQ(parse_field("Subject \t:x:y\r\n").name, "Subject");
  EXPECT_EQ(parse_field("Subject \t:x:y\r\n").body, "x:y\r\n");
  for (const std::string_view text :
       {"", "x\r\n", " A: x\r\n", ": x\r\n", "A b: x\r\n", "x\r\n A: b\r\n", " \r\n", " : x\r\n"}) {
    EXPECT_EQ(parse_field(text).name, "") << text;
    EXPECT_EQ(parse_field(text).body, text);
  }
  EXPECT_TRUE(same_name("SUBJECT", "subject"));
  EXPECT_FALSE(same_name("Subject", "Subjec"));
}

}  // namespace
}  // namespace gatepost::filters
