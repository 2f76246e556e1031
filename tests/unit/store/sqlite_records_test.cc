#include "proxy/store/sqlite_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"
#include "tests/unit/store/records.h"

namespace gatepost::store {
namespace {

using ::testing::HasSubstr;
using testing::name;
using testing::TemporaryFolder;

class SqliteRecordsTest : public ::testing::Test {
 protected:
  std::shared_ptr<SqliteRecords> open() const {
    auto table = SqliteRecords::open(path_);
    EXPECT_TRUE(table) << table.error().detail;
    return table ? *std::move(table) : nullptr;
  }
  Error refused() const {
    const auto table = SqliteRecords::open(path_);
    EXPECT_FALSE(table);
    return table ? Error{} : table.error();
  }
  static std::vector<Write> some(unsigned from, unsigned to, std::size_t size = 60) {
    std::vector<Write> writes;
    for (unsigned i = from; i < to; ++i) writes.push_back({name(i), 0, std::string(size, 'v')});
    return writes;
  }
  void run_sql(const char* sql) const {
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(raw, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(raw);
    sqlite3_close(raw);
  }

  TemporaryFolder folder_;
  std::string path_ = folder_.file("records.sqlite");
  const HashedName account_ = name(7);
};

TEST_F(SqliteRecordsTest, what_was_written_is_there_after_a_restart) {
  ASSERT_TRUE(open()->commit(account_, {{name(1), 0, "a"}}, 5));
  const auto table = open();
  const auto entries = table->load(account_);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 1U);
  // And no version is given twice.
  ASSERT_TRUE(table->commit(account_, {{name(1), entries->at(0).version, ""}}, 5)->written);
  ASSERT_TRUE(open()->commit(account_, {{name(1), 0, "b"}}, 5)->written);
  EXPECT_NE(open()->load(account_)->at(0).version, entries->at(0).version);
}

TEST_F(SqliteRecordsTest, processes_that_count_at_once_lose_nothing) {
  constexpr int kTimes = 100;
  ASSERT_TRUE(open()->commit(account_, {{name(1), 0, "0"}}, 5));
  const auto count = [this] {
    const auto table = SqliteRecords::open(path_);
    if (!table) return false;
    for (int done = 0; done < kTimes;) {
      const auto entries = (*table)->load(account_);
      if (!entries || entries->size() != 1) return false;
      const Entry& entry = entries->front();
      const std::string next = std::to_string(std::stoi(entry.value) + 1);
      const auto outcome = (*table)->commit(account_, {{entry.name, entry.version, next}}, 5);
      if (!outcome) return false;
      if (outcome->written) ++done;
    }
    return true;
  };
  std::vector<pid_t> children;
  for (int i = 0; i < 2; ++i) {
    children.push_back(::fork());
    if (children.back() == 0) ::_exit(count() ? 0 : 1);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(open()->load(account_)->at(0).value, "200");
}

TEST_F(SqliteRecordsTest, a_process_that_is_killed_leaves_whole_commits) {
  static_cast<void>(open());
  for (int round = 0; round < 10; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto table = SqliteRecords::open(path_);
      for (unsigned i = 0; table && i < 60'000; i += 2) {
        static_cast<void>((*table)->commit(name(i), {{name(i), 0, "a"}, {name(i + 1), 0, "b"}}, 5));
      }
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(20'000 + round * 3'000));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto table = open();
    const auto accounts = table->accounts(100'000);
    ASSERT_TRUE(accounts);
    for (const auto& account : *accounts) {
      EXPECT_EQ(account.records, 2U);
      EXPECT_EQ(table->load(account.name)->size(), 2U);
    }
  }
}

TEST_F(SqliteRecordsTest, needs_its_folder) {
  path_ = folder_.file("nowhere/records.sqlite");
  const Error error = refused();
  EXPECT_EQ(error.code, ErrorCode::system);
  EXPECT_THAT(error.detail, HasSubstr("No such file or directory"));
  EXPECT_THAT(error.detail, HasSubstr(path_));
}

TEST_F(SqliteRecordsTest, refuses_what_is_no_database) {
  std::ofstream(path_) << std::string(8'192, 'x');
  const Error error = refused();
  EXPECT_EQ(error.code, ErrorCode::config);
  EXPECT_THAT(error.detail, HasSubstr("not a database"));
}

TEST_F(SqliteRecordsTest, refuses_a_file_of_a_newer_version) {
  static_cast<void>(open());
  run_sql("PRAGMA user_version = 99");
  const Error error = refused();
  EXPECT_EQ(error.code, ErrorCode::config);
  EXPECT_THAT(error.detail, HasSubstr("of a newer Gatepost"));
}

TEST_F(SqliteRecordsTest, refuses_a_damaged_file) {
  ASSERT_TRUE(open()->commit(account_, some(0, 3'000), 5));
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    for (int page = 20; page < 40; ++page) {
      file.seekp(page * 4'096);
      file << std::string(4'096, '\x5a');
    }
  }
  const Error error = refused();
  EXPECT_EQ(error.code, ErrorCode::system);
  EXPECT_THAT(error.detail, HasSubstr("is damaged"));
}

TEST_F(SqliteRecordsTest, says_so_when_a_row_is_not_understood) {
  const auto table = open();
  ASSERT_TRUE(table->commit(account_, {{name(1), 0, "a"}}, 5));
  run_sql("UPDATE records SET name = x'0102'; UPDATE accounts SET account = x'01'");
  EXPECT_EQ(table->load(account_).error().code, ErrorCode::protocol);
  EXPECT_EQ(table->accounts(10).error().code, ErrorCode::protocol);
}

TEST_F(SqliteRecordsTest, an_account_that_has_grown_too_large_is_not_loaded_in_part) {
  ASSERT_TRUE(open()->commit(account_, some(0, 10), 5));
  const auto small = SqliteRecords::open(path_, 9);
  ASSERT_TRUE(small);
  EXPECT_EQ((*small)->load(account_).error().code, ErrorCode::limit);
  // What makes it smaller is allowed.
  const std::uint64_t version = open()->load(account_)->front().version;
  EXPECT_TRUE((*small)->commit(account_, {{name(0), version, ""}}, 6)->written);
  EXPECT_EQ((*small)->load(account_)->size(), 9U);
}

TEST_F(SqliteRecordsTest, a_file_that_is_read_only_is_an_error) {
  ASSERT_TRUE(open()->commit(account_, {{name(1), 0, "a"}}, 5));
  // Root may write to any file, but not where the file system is read-only.
  const bool mounted =
      ::mount(folder_.path().c_str(), folder_.path().c_str(), nullptr, MS_BIND, nullptr) == 0;
  if (!mounted) GTEST_SKIP() << "needs the right to mount";
  EXPECT_EQ(
      ::mount(nullptr, folder_.path().c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr),
      0);
  const Error error = refused();
  EXPECT_EQ(error.code, ErrorCode::system);
  EXPECT_THAT(error.detail, HasSubstr(path_));
  EXPECT_EQ(::umount2(folder_.path().c_str(), MNT_DETACH), 0);
  EXPECT_EQ(open()->load(account_)->size(), 1U);
}

/// No file of this process may grow beyond `octets`.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t octets) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{octets, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    signal_ = std::signal(SIGXFSZ, SIG_IGN);
  }
  ~SmallDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, signal_);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

 private:
  rlimit before_{};
  void (*signal_)(int) = nullptr;
};

TEST_F(SqliteRecordsTest, a_full_disk_is_an_error_and_nothing_is_half_written) {
  const auto table = open();
  ASSERT_TRUE(table->commit(account_, some(0, 100), 5));
  {
    const SmallDisk full(std::size_t{256} * 1024);
    const auto outcome = table->commit(account_, some(100, 5'000), 6);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::system);
    EXPECT_THAT(outcome.error().detail, HasSubstr(path_));
    EXPECT_EQ(table->load(account_)->size(), 100U);
  }
  EXPECT_EQ(table->load(account_)->size(), 100U);
  EXPECT_TRUE(table->commit(account_, some(100, 200), 7)->written);
  EXPECT_EQ(open()->load(account_)->size(), 200U);
  EXPECT_EQ(open()->accounts(1)->front().records, 200U);
}

TEST_F(SqliteRecordsTest, a_small_file_system_that_is_full) {
  if (::mount("none", folder_.path().c_str(), "tmpfs", 0, "size=512k") != 0) {
    GTEST_SKIP() << "needs the right to mount";
  }
  {
    const auto table = open();
    ASSERT_TRUE(table->commit(account_, some(0, 100), 5)->written);
    const auto outcome = table->commit(account_, some(100, 10'000), 6);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::system);
    EXPECT_EQ(table->load(account_)->size(), 100U);
    EXPECT_TRUE(table->check());
  }
  EXPECT_EQ(open()->load(account_)->size(), 100U);
  EXPECT_EQ(::umount2(folder_.path().c_str(), MNT_DETACH), 0);
}

}  // namespace
}  // namespace gatepost::store
