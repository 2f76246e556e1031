#include "filters/retention/record.h"

#include <gtest/gtest.h>

namespace gatepost::filters {
namespace {

TEST(Record, is_text_that_an_administrator_can_read) {
  Record record;
  EXPECT_EQ(format_record(record), "1");
  record.seen = 1'732'900'000;
  record.retrieved = 1'732'900'100;
  record.deleted = 1'732'900'200;
  record.add_device(0x0011223344556677);
  record.add_device(0xfedcba9876543210);
  record.add_device(0x0011223344556677);
  EXPECT_EQ(format_record(record),
            "1 s1732900000 r1732900100 d1732900200 D0011223344556677,fedcba9876543210");
  record.undelete(1'732'900'300);
  EXPECT_EQ(format_record(record), "1 s1732900000 r1732900100 u1732900300 U");
}

TEST(Record, comes_back_as_it_was) {
  Record record;
  std::int64_t time = 1;
  for (std::int64_t* const each :
       {&record.seen, &record.retrieved, &record.not_allowed, &record.deleted, &record.undeleted,
        &record.purge_asked, &record.removal_asked, &record.gone, &record.removed}) {
    *each = time++;
  }
  record.removed = Record::kMaxTime;
  record.purge_forced = record.undelete_unseen = true;
  for (std::uint64_t i = 0; i < 2 * Record::kMaxDevices; ++i) record.add_device(i);
  const std::string text = format_record(record);
  EXPECT_LE(text.size(), store::RecordStore::kMaxValue);
  const auto parsed = parse_record(text);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, record);
}

TEST(Record, remembers_so_many_devices_and_lets_the_first_go) {
  Record record;
  for (std::uint64_t i = 0; i <= Record::kMaxDevices; ++i) record.add_device(i);
  EXPECT_EQ(record.devices.size(), Record::kMaxDevices);
  EXPECT_FALSE(record.has_device(0));
  EXPECT_TRUE(record.has_device(1));
  EXPECT_TRUE(record.has_device(Record::kMaxDevices));
}

TEST(Record, is_nothing_else) {
  std::string crowd = "1 D";
  for (std::size_t i = 0; i <= Record::kMaxDevices; ++i) {
    crowd += (i == 0 ? "" : ",") + std::string(14, '0') + std::to_string(10 + i);
  }
  for (const std::string& text : {std::string(),
                                  std::string("2 s1"),
                                  std::string("11 s1"),
                                  std::string("1 "),
                                  std::string("1  s1"),
                                  std::string("1 s1 "),
                                  std::string("1 s"),
                                  std::string("1 s0"),
                                  std::string("1 s01"),
                                  std::string("1 s-1"),
                                  std::string("1 s+1"),
                                  std::string("1 s1x"),
                                  std::string("1 s100000000000"),
                                  std::string("1 s99999999999999999999999"),
                                  std::string("1 s1 s2"),
                                  std::string("1 r1 s2"),
                                  std::string("1 z1"),
                                  std::string("1 F1"),
                                  std::string("1 D"),
                                  std::string("1 D0"),
                                  std::string("1 D001122334455667"),
                                  std::string("1 D0011223344556677,"),
                                  std::string("1 D001122334455667G"),
                                  std::string("1 D001122334455667A"),
                                  std::string("1 D0011223344556677,0011223344556677"),
                                  std::string("1 s1\n"),
                                  std::string("1 s1\0", 5),
                                  "1" + std::string(store::RecordStore::kMaxValue, ' '),
                                  crowd}) {
    const auto parsed = parse_record(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::protocol);
  }
}

}  // namespace
}  // namespace gatepost::filters
