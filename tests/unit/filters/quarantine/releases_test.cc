#include "filters/quarantine/releases.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/fake_connector.h"
#include "tests/support/fake_timers.h"
#include "tests/support/filter_host.h"
#include "tests/support/leak_check.h"
#include "tests/support/recording_log.h"
#include "tests/support/temporary_folder.h"

namespace gatepost::filters {
namespace {

class Releases : public ::testing::Test {
 protected:
  Releases() {
    config::Quarantine config;
    config.folder = folder_.file("quarantine");
    host_.host.quarantine = *Quarantine::open(config);
  }

  std::uint64_t release(std::string_view text, std::string user = "joe") {
    QuarantineRecord record;
    record.user = std::move(user);
    record.route = "all";
    std::string_view rest = text;
    const auto number = quarantine().keep(
        sha256(text),
        [&rest]() -> Result<std::string_view> { return std::exchange(rest, std::string_view()); },
        record);
    EXPECT_TRUE(quarantine().release(*number));
    return *number;
  }
  [[nodiscard]] std::vector<std::uint64_t> found(std::string user = "joe") {
    std::vector<std::uint64_t> numbers;
    const Ticket ticket = find_released(host_.background, host_.host.quarantine, "all",
                                        std::move(user), [&](auto records) {
                                          for (const auto& record : *records)
                                            numbers.push_back(record.number);
                                        });
    host_.background.run_all();
    return numbers;
  }
  std::string read(const std::shared_ptr<const Spool>& spool) {
    if (spool->failure()) return "error: " + spool->failure()->detail;
    SpoolReader reader(spool, [] {});
    ByteChain out;
    while (reader.next(out) != SpoolReader::Progress::end) host_.background.run_all();
    return out.to_string();
  }
  Quarantine& quarantine() { return *host_.host.quarantine; }

  testing::TemporaryFolder folder_;
  testing::TestPool pool_;
  testing::FakeTimers timers_;
  testing::FakeConnector connector_{pool_};
  testing::RecordingLog log_;
  testing::FilterHost host_{timers_, connector_, pool_, log_};
};

TEST_F(Releases, are_found_for_their_user_until_they_are_settled) {
  const std::uint64_t first = release("one");
  const std::uint64_t second = release("two");
  const std::uint64_t other = release("three", "jim");
  EXPECT_EQ(found(), (std::vector{first, second}));
  EXPECT_EQ(found("jim"), std::vector{other});
  std::optional<Result<void>> settled;
  const Ticket ticket = settle_released(host_.background, host_.host.quarantine, {first},
                                        [&](Result<void> done) { settled = done; });
  EXPECT_FALSE(settled);
  host_.background.run_all();
  EXPECT_TRUE(settled->has_value());
  EXPECT_EQ(found(), std::vector{second});
}

TEST_F(Releases, that_are_gone_meanwhile_settle_all_the_same) {
  const std::uint64_t first = release("one");
  const std::uint64_t second = release("two");
  ASSERT_TRUE(quarantine().remove(first));
  bool settled = false;
  const Ticket ticket = settle_released(host_.background, host_.host.quarantine, {first, second},
                                        [&](Result<void> done) { settled = done.has_value(); });
  host_.background.run_all();
  EXPECT_TRUE(settled);
  EXPECT_TRUE(found().empty());
}

TEST_F(Releases, settle_even_if_nobody_waits_any_more) {
  const std::uint64_t number = release("one");
  {
    const Ticket ticket = settle_released(host_.background, host_.host.quarantine, {number},
                                          [](const auto&) { FAIL(); });
  }
  host_.background.run_all();
  EXPECT_TRUE(found().empty());
}

TEST_F(Releases, come_back_octet_by_octet_from_memory_or_file) {
  for (const std::size_t size : {0UL, 1UL, Spool::kInMemory, Spool::kInMemory + 1, 1'000'000UL}) {
    std::string text(size, 'x');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * i % 251);
    const std::uint64_t number = release(text);
    int told = 0;
    const auto spool =
        fetch_released(host_.host, host_.host.quarantine, number, size, [&told] { ++told; });
    EXPECT_FALSE(spool->ready());
    EXPECT_EQ(host_.room->used(), size);
    host_.background.run_all();
    EXPECT_EQ(told, 1);
    ASSERT_TRUE(spool->ready()) << size << (spool->failure() ? spool->failure()->detail : "");
    EXPECT_EQ(spool->size(), size);
    EXPECT_EQ(spool->digest(), sha256(text));
    EXPECT_EQ(spool->file() >= 0, size > Spool::kInMemory);
    EXPECT_TRUE(read(spool) == text);
  }
  EXPECT_EQ(host_.room->used(), 0U);
}

TEST_F(Releases, are_larger_than_a_new_message_may_be) {
  const std::string text(host_.room->max_message() + 1, 'x');
  const auto spool =
      fetch_released(host_.host, host_.host.quarantine, release(text), text.size(), [] {});
  host_.background.run_all();
  EXPECT_TRUE(spool->ready());
}

TEST_F(Releases, fail_when_the_file_is_gone_or_not_what_was_expected) {
  const std::uint64_t gone = release("one");
  std::filesystem::remove(folder_.file("quarantine/" + std::to_string(gone) + ".eml.zst"));
  const std::uint64_t other = release("two");
  for (const auto& [number, octets] :
       {std::pair{gone, 3UL}, std::pair{other, 2UL}, std::pair{other, 4UL},
        std::pair{other, 1'000'000UL}, std::pair{99UL, 3UL}}) {
    int told = 0;
    const auto spool =
        fetch_released(host_.host, host_.host.quarantine, number, octets, [&told] { ++told; });
    host_.background.run_all();
    EXPECT_EQ(told, 1);
    EXPECT_FALSE(spool->ready());
    EXPECT_TRUE(spool->failure());
  }
}

TEST_F(Releases, fail_at_once_where_there_is_no_room) {
  const std::uint64_t number = release("one");
  ASSERT_TRUE(host_.room->take(8'000'000));
  const auto spool = fetch_released(host_.host, host_.host.quarantine, number, 3, [] { FAIL(); });
  ASSERT_TRUE(spool->failure());
  EXPECT_EQ(spool->failure()->code, ErrorCode::limit);
  EXPECT_EQ(host_.background.pending(), 0U);
  host_.room->give_back(8'000'000);
}

TEST_F(Releases, that_nobody_waits_for_are_not_read_to_the_end) {
  const std::uint64_t number = release(std::string(1'000'000, 'x'));
  fetch_released(host_.host, host_.host.quarantine, number, 1'000'000, [] { FAIL(); }).reset();
  EXPECT_EQ(host_.room->used(), 0U);
  host_.background.run_all();
}

}  // namespace
}  // namespace gatepost::filters
