#include "proxy/command/quarantine_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatepost::command {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

filters::QuarantineRecord record() {
  filters::QuarantineRecord record;
  record.number = 17;
  record.stored_at = 1'795'520'000;
  record.user = "alice\x1b[2J\n";
  record.route = "r";
  record.from = "Jürgen <j@example.org>";
  record.subject = "fdp\u202egpj.exe " + std::string(300, 'x');
  record.size = 1234;
  record.stored_size = 1000;
  record.digest = "ab";
  record.cause = "infected";
  record.threat = "Eicar";
  record.scanner = "clamd";
  return record;
}

TEST(QuarantineText, the_table_has_a_line_for_each) {
  filters::QuarantineRecord released = record();
  released.released_at = 1;
  filters::QuarantineRecord delivered = released;
  delivered.delivered_at = 2;
  const std::string table = quarantine_table({record(), released, delivered});
  EXPECT_EQ(std::ranges::count(table, '\n'), 4);
  for (const char* part : {"NUMBER", "    17  2026-11-24 ", "alice [2J", "Eicar", "Jürgen", "1234",
                           "  held\n", "  released\n", "  delivered\n"}) {
    EXPECT_THAT(table, HasSubstr(part));
  }
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));
  EXPECT_THAT(table, Not(HasSubstr("\u202e")));
}

TEST(QuarantineText, details_leave_out_what_is_not_known) {
  filters::QuarantineRecord known = record();
  known.route.clear();
  const std::string text = quarantine_details(known);
  EXPECT_THAT(text, HasSubstr("threat     Eicar\n"));
  EXPECT_THAT(text, HasSubstr("octets     1234 (1000 in its file)\n"));
  EXPECT_THAT(text, Not(HasSubstr("route")));
  EXPECT_THAT(text, Not(HasSubstr("released")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(QuarantineText, json_is_valid_whatever_a_user_is_called) {
  filters::QuarantineRecord odd = record();
  odd.user = "\xff\"\\";
  EXPECT_EQ(quarantine_json({}), "[]\n");
  const std::string json = quarantine_json({odd});
  EXPECT_THAT(json, HasSubstr(R"("number":17,"state":"held","stored_at":1795520000)"));
  EXPECT_THAT(json, HasSubstr(R"("user":"?\"\\")"));
}

}  // namespace
}  // namespace gatepost::command
