#include "proxy/store/database.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace gatepost::store {
namespace {

using testing::TemporaryFolder;

constexpr std::array kFirst = {"CREATE TABLE t (n INTEGER, s TEXT)"};
constexpr std::array kSecond = {"CREATE TABLE t (n INTEGER, s TEXT)",
                                "ALTER TABLE t ADD COLUMN more INTEGER NOT NULL DEFAULT 7"};

class DatabaseTest : public ::testing::Test {
 protected:
  std::unique_ptr<Database> open(std::span<const char* const> migrations = kFirst) {
    auto database = Database::open(path_, migrations);
    EXPECT_TRUE(database) << (database ? "" : database.error().detail);
    return database ? *std::move(database) : nullptr;
  }
  static void put(Database& database, std::int64_t n, std::string_view s) {
    auto transaction = database.begin(Database::Mode::write);
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(transaction->run("INSERT INTO t (n, s) VALUES (?, ?)", {n, s}));
    EXPECT_EQ(transaction->changes(), 1);
    ASSERT_TRUE(transaction->commit());
  }
  static std::vector<std::string> texts(Database& database) {
    auto transaction = database.begin(Database::Mode::read);
    std::vector<std::string> found;
    EXPECT_TRUE(transaction &&
                transaction->run("SELECT s FROM t ORDER BY n", {},
                                 [&](const Row& row) { found.push_back(row.text(0)); }));
    return found;
  }
  TemporaryFolder folder_;
  std::string path_ = folder_.file("test.sqlite");
};

TEST_F(DatabaseTest, keeps_what_was_committed_and_nothing_else) {
  {
    const auto database = open();
    put(*database, 1, "a");
    auto transaction = database->begin(Database::Mode::write);
    ASSERT_TRUE(transaction->run("INSERT INTO t (n, s) VALUES (2, 'b')"));
  }
  EXPECT_EQ(texts(*open()), std::vector<std::string>{"a"});
}

TEST_F(DatabaseTest, values_are_values_whatever_is_in_them) {
  const auto database = open();
  const std::string evil("'); DROP TABLE t; --\0\xff", 22);
  put(*database, 1, evil);
  put(*database, 2, {});
  EXPECT_EQ(texts(*database), (std::vector<std::string>{evil, ""}));
}

TEST_F(DatabaseTest, its_files_are_for_its_owner_alone) {
  const mode_t before = ::umask(0);
  const auto database = open();
  put(*database, 1, "a");
  ::umask(before);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    struct stat facts{};
    ASSERT_EQ(::stat(entry.path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0600U) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 3);  // with -wal and -shm
}

TEST_F(DatabaseTest, a_file_that_others_could_read_is_closed_to_them) {
  open().reset();
  ::chmod(path_.c_str(), 0644);
  open().reset();
  struct stat facts{};
  ASSERT_EQ(::stat(path_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
}

TEST_F(DatabaseTest, older_files_are_brought_up_to_date) {
  put(*open(kFirst), 1, "a");
  const auto database = open(kSecond);
  auto transaction = database->begin(Database::Mode::read);
  std::int64_t more = 0;
  ASSERT_TRUE(
      transaction->run("SELECT more FROM t", {}, [&](const Row& row) { more = row.number(0); }));
  EXPECT_EQ(more, 7);
}

TEST_F(DatabaseTest, a_migration_that_fails_changes_nothing) {
  put(*open(kFirst), 1, "a");
  constexpr std::array kWrong = {kFirst[0], "CREATE TABLE u (x); CREATE TABLE t (again)"};
  EXPECT_FALSE(Database::open(path_, kWrong));
  EXPECT_TRUE(Database::open(path_, std::array{kFirst[0], "CREATE TABLE u (x)"}));
}

TEST_F(DatabaseTest, a_newer_file_is_left_alone) {
  open(kSecond).reset();
  const auto database = Database::open(path_, kFirst);
  ASSERT_FALSE(database);
  EXPECT_EQ(database.error().code, ErrorCode::config);
  EXPECT_NE(database.error().detail.find("newer"), std::string::npos);
}

TEST_F(DatabaseTest, damage_is_noticed) {
  {
    const auto database = open();
    for (int n = 0; n < 2000; ++n) put(*database, n, std::string(100, 'x'));
  }
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(3 * 4096);
    file << std::string(8192, '\x5a');
  }
  const auto damaged = Database::open(path_, kFirst);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, ErrorCode::system);
  EXPECT_NE(damaged.error().detail.find("is damaged"), std::string::npos) << damaged.error().detail;
}

TEST_F(DatabaseTest, what_is_no_database_is_refused) {
  std::ofstream(path_) << std::string(5000, 'x');
  const auto wrong = Database::open(path_, kFirst);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::config);
  std::filesystem::remove(path_);
  std::filesystem::create_symlink("/etc/passwd", path_);
  EXPECT_FALSE(Database::open(path_, kFirst));
  EXPECT_FALSE(Database::open(folder_.file("absent/test.sqlite"), kFirst));
  EXPECT_FALSE(Database::open(folder_.path(), kFirst));
}

TEST_F(DatabaseTest, many_threads_and_connections_write_at_once) {
  constexpr int kThreads = 4;
  constexpr int kEach = 25;
  const auto shared = open();
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        // Two of them with a connection of their own, as another process has.
        const auto own = thread % 2 == 0 ? open() : nullptr;
        Database& database = own ? *own : *shared;
        for (int n = 0; n < kEach; ++n) put(database, n, "x");
      });
    }
  }
  EXPECT_EQ(texts(*shared).size(), static_cast<std::size_t>(kThreads * kEach));
}

TEST_F(DatabaseTest, two_that_open_a_new_file_at_once_both_can) {
  for (int round = 0; round < 10; ++round) {
    path_ = folder_.file(std::to_string(round));
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&] { open(kSecond); });
    }
  }
}

TEST_F(DatabaseTest, a_wrong_statement_is_an_error) {
  const auto database = open();
  auto transaction = database->begin(Database::Mode::write);
  EXPECT_FALSE(transaction->run("SELEKT"));
  EXPECT_FALSE(transaction->run("INSERT INTO t (n) VALUES (?)", {1, 2}));
  EXPECT_TRUE(transaction->run("INSERT INTO t (n) VALUES (?)", {1}));
  EXPECT_TRUE(transaction->commit());
}

}  // namespace
}  // namespace gatepost::store
