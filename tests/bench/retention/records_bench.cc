// Builds a file of SqliteRecords once (10 million records unless told otherwise) and measures what
// a login and a QUIT ask of it: with the file in the memory of the system, and without.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "proxy/base/digest.h"
#include "proxy/store/sqlite_records.h"

namespace gatepost::bench {
namespace {

using Clock = std::chrono::steady_clock;
using store::HashedName;
using store::SqliteRecords;
using store::Write;

struct Options {
  std::string file;
  unsigned accounts = 10'000;
  unsigned records = 1'000;  // of an account
  unsigned rounds = 4;       // mailboxes grow: an account's records are not written in one go
  unsigned samples = 200;
};

[[noreturn]] void stop(const Error& error) {
  fmt::print(stderr, "records_bench: {}\n", error.detail);
  std::exit(1);
}
template <class T>
T must(Result<T> result) {
  if (!result) stop(result.error());
  return *std::move(result);
}

HashedName name_of(std::string_view kind, unsigned number) {
  const Digest digest = sha256(fmt::format("{} {}", kind, number));
  HashedName name;
  std::copy_n(digest.begin(), name.octets.size(), name.octets.begin());
  return name;
}

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

void build(SqliteRecords& table, const Options& options) {
  const unsigned part = options.records / options.rounds;
  for (unsigned round = 0; round < options.rounds; ++round) {
    for (unsigned account = 0; account < options.accounts; ++account) {
      std::vector<Write> writes;
      for (unsigned i = 0; i < part; ++i) {
        writes.push_back({name_of("message", account * options.records + round * part + i), 0,
                          std::string(48, 'v')});
      }
      const auto outcome = must(table.commit(name_of("account", account), writes, round));
      if (!outcome.written) stop({ErrorCode::config, "the file has other records in it"});
    }
    fmt::print(stderr, "round {} of {}\n", round + 1, options.rounds);
  }
}

/// The system forgets what it has read of the file.
void cool(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  ::fdatasync(file);
  ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  ::close(file);
}

void report(std::string_view what, std::vector<double> times) {
  std::ranges::sort(times);
  const auto at = [&times](double part) {
    return times.at(static_cast<std::size_t>(part * static_cast<double>(times.size() - 1)));
  };
  fmt::print("{:<44} median {:8.2f} ms   99 % {:8.2f} ms   worst {:8.2f} ms\n", what, at(0.5),
             at(0.99), times.back());
}

void measure(std::string_view what, unsigned samples, const std::function<void()>& before,
             const std::function<void()>& work) {
  std::vector<double> times;
  for (unsigned i = 0; i < samples; ++i) {
    before();
    const auto start = Clock::now();
    work();
    times.push_back(milliseconds_since(start));
  }
  report(what, std::move(times));
}

void run(const Options& options) {
  auto start = Clock::now();
  auto table = must(SqliteRecords::open(options.file));
  if (must(table->accounts(1)).empty()) {
    build(*table, options);
    table.reset();
    fmt::print("built {} records in {:.0f} s\n", options.accounts * options.records,
               milliseconds_since(start) / 1'000);
    start = Clock::now();
    table = must(SqliteRecords::open(options.file));
  }
  fmt::print("opened and checked in {:.1f} s\n", milliseconds_since(start) / 1'000);

  std::mt19937 random(7);
  std::uniform_int_distribution<unsigned> any(0, options.accounts - 1);
  HashedName account;
  const auto another = [&] { account = name_of("account", any(random)); };
  const auto load = [&] {
    if (must(table->load(account)).size() < options.records / 2) stop({ErrorCode::config, "lost"});
  };
  measure(fmt::format("load {} of another account", options.records), options.samples, another,
          load);
  measure(
      "the same, the file not in memory", options.samples,
      [&] {
        another();
        cool(options.file);
      },
      load);

  const auto change = [&](std::size_t most) {
    auto entries = must(table->load(account));
    std::vector<Write> writes;
    for (auto& entry : entries) {
      if (writes.size() == most) break;
      writes.push_back({entry.name, entry.version, std::move(entry.value)});
    }
    return writes;
  };
  std::vector<Write> writes;
  for (const std::size_t most : {std::size_t{1}, std::size_t{100}, std::size_t{1'000}}) {
    measure(
        fmt::format("commit of {} changes", most), options.samples,
        [&] {
          another();
          writes = change(most);
        },
        [&] {
          if (!must(table->commit(account, writes, 1'000)).written)
            stop({ErrorCode::config, "lost"});
        });
  }
  measure(
      "the 1,000 oldest accounts", options.samples, [] {},
      [&] { static_cast<void>(must(table->accounts(1'000))); });
}

}  // namespace
}  // namespace gatepost::bench

int main(int argc, char** argv) {
  gatepost::bench::Options options;
  CLI::App app{"How long the store of policies takes in a large file"};
  app.add_option("file", options.file, "made when it is not there")->required();
  app.add_option("--accounts", options.accounts);
  app.add_option("--records", options.records, "of each account");
  app.add_option("--rounds", options.rounds, "in which they are written");
  app.add_option("--samples", options.samples);
  CLI11_PARSE(app, argc, argv);
  gatepost::bench::run(options);
  return 0;
}
