#include "proxy/base/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <regex>
#include <sstream>
#include <thread>

namespace gatepost {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kTime = "2026-01-31T12:00:00.000Z";

std::string text(std::initializer_list<LogField> fields) {
  return format_log_line(LogFormat::text, kTime, LogLevel::info, "session", fields);
}

/// What stands behind "v=" in the text form.
std::string text_value(std::string_view value) {
  const std::string line = text({{"v", value}});
  constexpr std::string_view kHead = "2026-01-31T12:00:00.000Z info session v=";
  EXPECT_THAT(line, StartsWith(std::string(kHead)));
  EXPECT_THAT(line, EndsWith("\n"));
  return line.substr(kHead.size(), line.size() - kHead.size() - 1);
}

std::string json(std::initializer_list<LogField> fields) {
  return format_log_line(LogFormat::json, kTime, LogLevel::warning, "login", fields);
}

/// What stands behind "v": in the JSON form.
std::string json_value(std::string_view value) {
  const std::string line = json({{"v", value}});
  constexpr std::string_view kHead =
      R"({"time":"2026-01-31T12:00:00.000Z","level":"warning","event":"login","v":)";
  EXPECT_THAT(line, StartsWith(std::string(kHead)));
  EXPECT_THAT(line, EndsWith("}\n"));
  return line.substr(kHead.size(), line.size() - kHead.size() - 2);
}

TEST(LogLine, TextFormIsTimeLevelEventAndFields) {
  EXPECT_EQ(text({{"user", "joe"}, {"reason", "quit"}}),
            "2026-01-31T12:00:00.000Z info session user=joe reason=quit\n");
  EXPECT_EQ(text({}), "2026-01-31T12:00:00.000Z info session\n");
}

TEST(LogLine, NumbersAndTruthValuesAreWrittenPlain) {
  EXPECT_EQ(text({{"a", 1},
                  {"b", -7},
                  {"c", std::uint64_t{18446744073709551615U}},
                  {"d", 1.5},
                  {"e", true}}),
            "2026-01-31T12:00:00.000Z info session a=1 b=-7 c=18446744073709551615 d=1.5 e=true\n");
  EXPECT_EQ(json({{"a", 1}, {"b", -7}, {"d", 1.5}, {"e", false}}),
            R"({"time":"2026-01-31T12:00:00.000Z","level":"warning","event":"login",)"
            R"("a":1,"b":-7,"d":1.5,"e":false})"
            "\n");
}

TEST(LogLine, JsonHasNoInfinityAndNoNan) {
  EXPECT_THAT(json({{"a", std::numeric_limits<double>::infinity()}, {"b", std::nan("")}}),
              HasSubstr(R"("a":null,"b":null)"));
}

TEST(LogLine, TextValuesAreQuotedWhenTheyCouldBeReadAsMoreThanOne) {
  EXPECT_EQ(text_value(""), R"("")");
  EXPECT_EQ(text_value("a b"), R"("a b")");
  EXPECT_EQ(text_value("a=b"), R"("a=b")");
  EXPECT_EQ(text_value(R"(a"b)"), R"("a\"b")");
  EXPECT_EQ(text_value(R"(a\b)"), R"("a\\b")");
  EXPECT_EQ(text_value("a\u00a0b"), "\"a\u00a0b\"");
  EXPECT_EQ(text_value("jöe@example.org"), "jöe@example.org");
}

TEST(LogLine, ControlCharactersAreEscaped) {
  EXPECT_EQ(text_value("a\r\nb\t\x1b[31m\x7f"), R"("a\x0d\x0ab\x09\x1b[31m\x7f")");
  EXPECT_EQ(text_value(std::string_view("a\0b", 3)), R"("a\x00b")");
  EXPECT_EQ(json_value("a\r\nb\x1b\x7f"), R"("a\u000d\u000ab\u001b\u007f")");
  EXPECT_EQ(json_value(R"(a"b\c)"), R"("a\"b\\c")");
}

TEST(LogLine, LineSeparatorsAndDirectionOverridesAreEscaped) {
  EXPECT_EQ(text_value("a\u0085\u2028\u202e\u2066\ufeffb"),
            R"("a\u0085\u2028\u202e\u2066\ufeffb")");
  EXPECT_EQ(text_value("\U000e0041"), R"("\U000e0041")");
  EXPECT_EQ(json_value("a\u0085\u2029\u202e"), R"("a\u0085\u2029\u202e")");
  EXPECT_EQ(json_value("\U000e0041"), R"("\udb40\udc41")");
}

TEST(LogLine, BytesThatAreNotUtf8AreEscaped) {
  EXPECT_EQ(text_value("\xff"), R"("\xff")");
  EXPECT_EQ(text_value("\xc0\xaf"), R"("\xc0\xaf")");                  // overlong
  EXPECT_EQ(text_value("\xed\xa0\x80"), R"("\xed\xa0\x80")");          // surrogate
  EXPECT_EQ(text_value("\xf4\x90\x80\x80"), R"("\xf4\x90\x80\x80")");  // past U+10FFFF
  EXPECT_EQ(text_value("\xe2\x82"), R"("\xe2\x82")");                  // cut short
  EXPECT_EQ(json_value("a\xff"), R"("a\\xff")");
}

TEST(LogLine, AnEscapeWrittenByThePeerDiffersFromOneOfOurs) {
  EXPECT_NE(text_value(R"(\xff)"), text_value("\xff"));
  EXPECT_NE(text_value(R"(\x0a)"), text_value("\n"));
}

TEST(LogLine, LongValuesAreCutWithAMark) {
  const std::string whole(Log::kMaxValue, 'x');
  EXPECT_EQ(text_value(whole), whole);
  EXPECT_EQ(text_value(whole + "y"), whole + "…");
  EXPECT_EQ(json_value(whole + "y"), '"' + whole + "…\"");
}

TEST(LogLine, ACutNeverSplitsACharacter) {
  const std::string almost(Log::kMaxValue - 1, 'x');
  EXPECT_EQ(text_value(almost + "€"), almost + "…");
}

TEST(LogLine, EventsAndKeysAreEscapedToo) {
  EXPECT_EQ(format_log_line(LogFormat::text, kTime, LogLevel::error, "a b", {{"k\n", "v"}}),
            "2026-01-31T12:00:00.000Z error \"a b\" \"k\\x0a\"=v\n");
}

TEST(LogLine, AnyBytesMakeOneLineOfPrintableUtf8) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (const LogFormat format : {LogFormat::text, LogFormat::json}) {
    const std::string line = format_log_line(format, kTime, LogLevel::info, "e", {{"v", all}});
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    for (const char c : std::string_view(line).substr(0, line.size() - 1)) {
      EXPECT_TRUE(c >= 0x20 && c < 0x7f) << static_cast<int>(c);
    }
  }
}

TEST(LogLine, JsonFormIsValidWhateverTheBytesAre) {
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  constexpr std::array<std::string_view, 8> kPieces = {
      "\"", "\\", "\n", "\xe2\x80", "€", "\U0001f600", "\xf3\xa0\x81\x81", "\xed\xa0\x80"};
  for (int round = 0; round < 2000; ++round) {
    std::string value;
    for (auto n = random() % 40; n > 0; --n) {
      value += static_cast<char>(random());
      value += kPieces[random() % kPieces.size()];
    }
    const std::string line = json({{"v", value}, {"n", 0.1}});
    ASSERT_TRUE(nlohmann::json::accept(line)) << "seed " << seed << ": " << line;
    ASSERT_EQ(line.find('\n'), line.size() - 1);
  }
}

/// A folder that goes away with the test.
class ProcessLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "log_test.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] LogOptions options(std::string_view name) const {
    LogOptions result;
    result.file = folder_ / name;
    return result;
  }
  [[nodiscard]] std::string content(std::string_view name) const {
    std::ifstream in(folder_ / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::filesystem::path folder_;
};

std::unique_ptr<ProcessLog> open(const LogOptions& options) {
  auto log = ProcessLog::open(options);
  EXPECT_TRUE(log.has_value());
  return std::move(*log);
}

TEST_F(ProcessLogTest, AppendsLinesWithTheTimeInUtc) {
  std::ofstream(folder_ / "log") << "before\n";
  open(options("log"))->info("start", {{"version", "1"}});
  const std::regex expected(
      "before\n20\\d\\d-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z info start version=1\n");
  EXPECT_TRUE(std::regex_match(content("log"), expected)) << content("log");
}

TEST_F(ProcessLogTest, LeavesOutWhatIsBelowItsLevel) {
  LogOptions chosen = options("log");
  chosen.level = LogLevel::warning;
  const auto log = open(chosen);
  log->debug("one");
  log->info("two");
  log->warning("three");
  log->error("four");
  EXPECT_THAT(content("log"), Not(HasSubstr("one")));
  EXPECT_THAT(content("log"), Not(HasSubstr("two")));
  EXPECT_THAT(content("log"), HasSubstr("three"));
  EXPECT_THAT(content("log"), HasSubstr("four"));
}

TEST_F(ProcessLogTest, MakesAFileThatOthersCannotRead) {
  const auto log = open(options("log"));
  struct stat facts{};
  ASSERT_EQ(::stat((folder_ / "log").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07137U, 0U);
}

TEST_F(ProcessLogTest, SaysWhyAFileCannotBeOpened) {
  const auto log = ProcessLog::open(options("missing/log"));
  ASSERT_FALSE(log.has_value());
  EXPECT_EQ(log.error().code, ErrorCode::system);
  EXPECT_THAT(log.error().detail, HasSubstr("No such file"));
}

TEST_F(ProcessLogTest, ReopenFollowsARotation) {
  const auto log = open(options("log"));
  log->info("old");
  std::filesystem::rename(folder_ / "log", folder_ / "log.1");
  LogOptions chosen = options("log");
  chosen.format = LogFormat::json;
  ASSERT_TRUE(log->reopen(chosen).has_value());
  log->info("new");
  EXPECT_THAT(content("log.1"), HasSubstr("old"));
  EXPECT_THAT(content("log.1"), Not(HasSubstr("new")));
  EXPECT_THAT(content("log"), HasSubstr(R"("event":"new")"));
}

TEST_F(ProcessLogTest, AFailedReopenKeepsTheOldFileAndFormat) {
  const auto log = open(options("log"));
  LogOptions wrong = options("missing/log");
  wrong.level = LogLevel::error;
  EXPECT_FALSE(log->reopen(wrong).has_value());
  log->info("still");
  EXPECT_THAT(content("log"), HasSubstr("info still"));
}

TEST_F(ProcessLogTest, CountsLinesThatTheDiskDidNotTake) {
  LogOptions full;
  full.file = "/dev/full";
  const auto log = open(full);
  EXPECT_EQ(log->lost_lines(), 0U);
  log->info("one");
  log->info("two");
  EXPECT_EQ(log->lost_lines(), 2U);
}

TEST_F(ProcessLogTest, AReaderThatHangsCostsLinesButNeverBlocks) {
  ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  const int reader = ::open((folder_ / "fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  const auto log = open(options("fifo"));
  const std::string value(1000, 'x');
  while (log->lost_lines() == 0) log->info("e", {{"v", value}});
  // The reader comes back: every line that is there is whole.
  std::string got;
  std::array<char, 65536> buffer{};
  const auto drain = [&] {
    ssize_t n = 0;
    while ((n = ::read(reader, buffer.data(), buffer.size())) > 0) {
      got.append(buffer.data(), static_cast<std::size_t>(n));
    }
  };
  drain();
  log->info("back");
  drain();
  ::close(reader);
  EXPECT_EQ(log->lost_lines(), 1U);
  EXPECT_THAT(got, EndsWith("info back\n"));
  std::istringstream lines(got);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_TRUE(line.ends_with("info back") || line.ends_with(value)) << line;
  }
}

TEST_F(ProcessLogTest, StandardErrorThatIsAFullPipeNeverBlocks) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const int saved = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  ASSERT_EQ(::dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
  const auto log = open({});
  const std::string value(1000, 'x');
  for (int i = 0; i < 200 && log->lost_lines() == 0; ++i) log->info("e", {{"v", value}});
  const std::uint64_t lost = log->lost_lines();
  ::dup2(saved, STDERR_FILENO);
  for (const int fd : {saved, ends[0], ends[1]}) ::close(fd);
  EXPECT_EQ(lost, 1U);
}

TEST_F(ProcessLogTest, LinesOfSeveralThreadsNeverMixEvenWhileReopening) {
  constexpr int kThreads = 4;
  constexpr int kLines = 200;
  const auto log = open(options("log"));
  const std::string value(500, 'x');
  {
    std::vector<std::jthread> threads;
    threads.reserve(kThreads);
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&log, &value, t] {
        for (int i = 0; i < kLines; ++i) log->info("line", {{"t", t}, {"i", i}, {"v", value}});
      });
    }
    for (int i = 0; i < 50; ++i) EXPECT_TRUE(log->reopen(options("log")).has_value());
  }
  EXPECT_EQ(log->lost_lines(), 0U);
  std::istringstream lines(content("log"));
  int count = 0;
  const std::regex expected(R"(\S+ info line t=\d i=\d+ v=x{500})");
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_TRUE(std::regex_match(line, expected)) << line;
  }
  EXPECT_EQ(count, kThreads * kLines);
}

TEST(ErrorCodeNames, AreTheWordsOfTheLog) {
  EXPECT_EQ(to_string(ErrorCode::protocol), "protocol");
  EXPECT_EQ(to_string(ErrorCode::system), "system");
}

}  // namespace
}  // namespace gatepost
