#include <gtest/gtest.h>

#include "filters/filter_line.h"
#include "filters/message_filter.h"
#include "tests/support/chop.h"
#include "tests/support/leak_check.h"

namespace gatepost::filters {
namespace {

using ::gatepost::testing::Chopping;
using ::gatepost::testing::for_each_chopping;
using ::gatepost::testing::TestPool;
using Options = std::map<std::string, config::FilterOption>;
using Texts = std::vector<std::string>;

std::string filtered(const config::Filter& config, std::string_view text, Chopping& chopping) {
  TestPool pool;
  const auto kind = make_filter(config);
  if (!kind) return kind.error().detail;
  FilterLine line({*kind}, pool);
  ByteChain in;
  ByteChain out;
  for (const std::string_view piece : chopping.cut(text)) {
    in.append(pool, piece);
    while (line.step(in, false, out, chopping.next()) == FilterStatus::need_room) continue;
  }
  while (line.step(in, true, out, chopping.next()) == FilterStatus::need_room) continue;
  return out.to_string();
}

std::string error_of(const std::string& type, const Options& options) {
  const auto kind = make_filter({type, options});
  if (kind) return "";
  EXPECT_EQ(kind.error().code, ErrorCode::config);
  return kind.error().detail;
}

TEST(Registry, knows_its_filters) {
  EXPECT_EQ(filter_types(), (Texts{"add_header", "remove_header"}));
  EXPECT_EQ(error_of("remove", {}),
            "/type: there is no filter \"remove\"; there are: add_header, remove_header");
}

TEST(AddHeader, adds_lines) {
  const Texts lines = {"X-One: 1", "X-Two:2"};
  for_each_chopping([&](Chopping& chopping) {
    EXPECT_EQ(filtered({"add_header", {{"lines", lines}}}, "A: 1\r\n\r\nbody\r\n", chopping),
              "X-One: 1\r\nX-Two: 2\r\nA: 1\r\n\r\nbody\r\n");
    EXPECT_EQ(filtered({"add_header", {{"lines", lines}, {"at", std::string("end")}}},
                       "A: 1\r\n\r\nbody\r\n", chopping),
              "A: 1\r\nX-One: 1\r\nX-Two: 2\r\n\r\nbody\r\n");
  });
}

TEST(AddHeader, checks_its_options) {
  const Texts good = {"A: 1"};
  EXPECT_EQ(error_of("add_header", {{"lines", good}}), "");
  EXPECT_EQ(error_of("add_header", {}), "/options/lines: must be a list of texts, not empty");
  EXPECT_EQ(error_of("add_header", {{"lines", Texts{}}}),
            "/options/lines: must be a list of texts, not empty");
  EXPECT_EQ(error_of("add_header", {{"lines", true}}),
            "/options/lines: must be a list of texts, not empty");
  for (const std::string line : {"A", ": x", "A B: x", ""}) {
    EXPECT_EQ(error_of("add_header", {{"lines", Texts{line}}}),
              "/options/lines: each must be a header line, \"Name: value\"");
  }
  EXPECT_EQ(error_of("add_header", {{"lines", good}, {"at", std::string("middle")}}),
            "/options/at: must be one of: top, end");
  EXPECT_EQ(error_of("add_header", {{"lines", good}, {"line", std::int64_t{1}}}),
            "/options/line: is not known to this filter");
}

TEST(RemoveHeader, removes_fields) {
  for_each_chopping([](Chopping& chopping) {
    EXPECT_EQ(filtered({"remove_header", {{"names", Texts{"a", "B"}}}},
                       "A: 1\r\nC: 2\r\nb: 3\r\n folded\r\nA: 4\r\n\r\nA: body\r\n", chopping),
              "C: 2\r\n\r\nA: body\r\n");
  });
  EXPECT_EQ(error_of("remove_header", {{"names", Texts{"a b"}}}),
            "/options/names: each must be the name of a header field");
}

}  // namespace
}  // namespace gatepost::filters
