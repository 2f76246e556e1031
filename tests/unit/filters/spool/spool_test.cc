#include "filters/spool/spool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <random>
#include <string>

#include "tests/support/fake_background.h"
#include "tests/support/temporary_folder.h"

namespace gatepost::filters {
namespace {

using testing::FakeBackground;

constexpr std::uint64_t kMiB = 1024 * 1024;

std::string text_of(std::size_t size) {
  std::mt19937 random(static_cast<unsigned>(size));
  std::string text(size, ' ');
  for (char& c : text) c = static_cast<char>('a' + random() % 26);
  return text;
}

std::size_t open_files() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

struct SpoolTest : ::testing::Test {
  std::unique_ptr<Spool> make() {
    return std::make_unique<Spool>(room, pool, background, [this] { ++told; });
  }
  std::shared_ptr<const Spool> ready(std::string_view text, std::size_t piece = 50'000) {
    std::shared_ptr<Spool> spool = make();
    while (!text.empty()) {
      spool->append(ByteChain(pool, text.substr(0, piece)));
      text.remove_prefix(std::min(piece, text.size()));
      if (spool->congested()) background.run_all();
    }
    spool->seal();
    background.run_all();
    EXPECT_TRUE(spool->ready());
    return spool;
  }
  std::string read(const std::shared_ptr<const Spool>& spool) {
    int activity = 0;
    SpoolReader reader(spool, [&activity] { ++activity; });
    ByteChain out;
    std::string text;
    for (;;) {
      switch (reader.next(out)) {
        case SpoolReader::Progress::data:
          EXPECT_LE(out.size(), SpoolReader::kPiece);
          text += out.to_string();
          out.clear();
          break;
        case SpoolReader::Progress::wait:
          EXPECT_EQ(reader.next(out), SpoolReader::Progress::wait);
          EXPECT_TRUE(background.turn());
          break;
        case SpoolReader::Progress::end:
          return text;
        case SpoolReader::Progress::failed:
          return "failed: " + reader.failure()->detail;
      }
    }
  }

  testing::TemporaryFolder folder;
  BlockPool pool;
  FakeBackground background;
  std::shared_ptr<SpoolRoom> room =
      std::make_shared<SpoolRoom>(folder.path().string(), 8 * kMiB, 16 * kMiB);
  int told = 0;
};

TEST_F(SpoolTest, gives_back_what_was_put_in) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, Spool::kInMemory, Spool::kInMemory + 1,
        SpoolReader::kPiece * 3, std::size_t{3'000'000}}) {
    for (const std::size_t piece : {std::size_t{777}, std::size_t{50'000}, std::size_t{400'000}}) {
      const std::string text = text_of(size);
      const auto spool = ready(text, piece);
      EXPECT_EQ(spool->size(), size);
      EXPECT_EQ(spool->digest(), sha256(text));
      EXPECT_TRUE(read(spool) == text);
      EXPECT_TRUE(read(spool) == text) << "a second reader";
      EXPECT_EQ(spool->file() >= 0, size > Spool::kInMemory);
    }
  }
  EXPECT_EQ(room->used(), 0U);
  EXPECT_EQ(pool.held_blocks(), 0U);
}

TEST_F(SpoolTest, leaves_no_name_behind) {
  const auto spool = ready(text_of(kMiB));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST_F(SpoolTest, asks_for_patience_while_the_disk_is_slow) {
  const auto spool = make();
  const std::string piece = text_of(64 * 1024);
  while (!spool->congested()) spool->append(ByteChain(pool, piece));
  EXPECT_LE(spool->size(), Spool::kInMemory + Spool::kMaxBacklog + 2 * piece.size());
  EXPECT_EQ(told, 0);
  background.run_all();
  EXPECT_FALSE(spool->congested());
  EXPECT_GE(told, 1);
}

TEST_F(SpoolTest, can_be_opened_again_for_others) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{500}, std::size_t{500'000}}) {
    const std::string text = text_of(size);
    const auto spool = ready(text);
    const auto one = spool->open_again();
    const auto two = spool->open_again();
    ASSERT_TRUE(one && two);
    for (const int file : {one->get(), two->get()}) {
      std::string got(size + 1, ' ');
      EXPECT_EQ(::read(file, got.data(), got.size()), static_cast<ssize_t>(size));
      got.resize(size);
      EXPECT_TRUE(got == text);
      EXPECT_LT(::write(file, "x", 1), 0) << "it must not change any more";
    }
  }
}

TEST_F(SpoolTest, refuses_a_message_beyond_the_limit) {
  const auto spool = make();
  const std::string piece = text_of(kMiB);
  for (int i = 0; i < 8; ++i) spool->append(ByteChain(pool, piece));
  background.run_all();
  EXPECT_FALSE(spool->failure());
  spool->append(ByteChain(pool, "x"));
  ASSERT_TRUE(spool->failure());
  EXPECT_EQ(spool->failure()->code, ErrorCode::limit);
  spool->append(ByteChain(pool, piece));
  spool->seal();
  background.run_all();
  EXPECT_FALSE(spool->ready());
}

TEST_F(SpoolTest, refuses_when_all_together_are_too_much) {
  const auto first = ready(text_of(8 * kMiB));
  auto second = ready(text_of(7 * kMiB));
  const auto third = make();
  third->append(ByteChain(pool, text_of(kMiB + 1)));
  ASSERT_TRUE(third->failure());
  EXPECT_EQ(third->failure()->code, ErrorCode::limit);
  EXPECT_EQ(room->used(), 15 * kMiB);
  second.reset();
  EXPECT_TRUE(ready(text_of(kMiB + 1)));
}

TEST_F(SpoolTest, says_that_the_folder_is_gone) {
  room = std::make_shared<SpoolRoom>((folder.path() / "gone").string(), kMiB, kMiB);
  const auto spool = make();
  spool->append(ByteChain(pool, text_of(200'000)));
  background.run_all();
  ASSERT_TRUE(spool->failure());
  EXPECT_EQ(spool->failure()->code, ErrorCode::system);
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(ready("small ones need no folder"));
}

TEST_F(SpoolTest, says_that_the_disk_is_full) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{300'000, before.rlim_max};
  const auto spool = make();
  spool->append(ByteChain(pool, text_of(kMiB)));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  background.run_all();
  setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_TRUE(spool->failure());
  EXPECT_EQ(spool->failure()->code, ErrorCode::system);
}

TEST_F(SpoolTest, may_go_at_any_time) {
  const std::size_t files = open_files();
  for (int turns = 0; turns < 12; ++turns) {
    auto spool = make();
    for (int i = 0; i < 20; ++i) spool->append(ByteChain(pool, text_of(30'000)));
    if (turns % 2 == 0) spool->seal();
    for (int i = 0; i < turns; ++i) background.turn();
    spool.reset();
    background.run_all();
  }
  {
    const auto spool = ready(text_of(kMiB));
    SpoolReader reader(spool, [] { FAIL() << "it is gone"; });
    ByteChain out;
    EXPECT_EQ(reader.next(out), SpoolReader::Progress::wait);
  }
  background.run_all();
  EXPECT_EQ(open_files(), files);
  EXPECT_EQ(room->used(), 0U);
  EXPECT_EQ(pool.held_blocks(), 0U);
}

}  // namespace
}  // namespace gatepost::filters
