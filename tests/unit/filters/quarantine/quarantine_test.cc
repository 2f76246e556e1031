#include "filters/quarantine/quarantine.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "tests/support/temporary_folder.h"

namespace gatepost::filters {
namespace {

std::string noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

class QuarantineTest : public ::testing::Test {
 protected:
  QuarantineTest() { config_.folder = folder_.file("quarantine"); }

  std::shared_ptr<Quarantine> open() {
    auto opened = Quarantine::open(config_, [this] { return now_.load(); });
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().detail);
    return opened.value_or(nullptr);
  }

  static Result<std::uint64_t> try_keep(Quarantine& quarantine, std::string_view text,
                                        std::string user = "u") {
    QuarantineRecord record;
    record.user = std::move(user);
    record.route = "r";
    record.subject = "S";
    std::string_view rest = text;
    return quarantine.keep(
        sha256(text),
        [&rest]() -> Result<std::string_view> {
          const std::string_view piece = rest.substr(0, 1000);
          rest.remove_prefix(piece.size());
          return piece;
        },
        record);
  }
  static std::uint64_t keep(Quarantine& quarantine, std::string_view text, std::string user = "u") {
    const auto number = try_keep(quarantine, text, std::move(user));
    EXPECT_TRUE(number) << (number ? "" : number.error().detail);
    return number.value_or(0);
  }
  static std::string read(const Quarantine& quarantine, std::uint64_t number) {
    std::string text;
    const auto done = quarantine.read(number, [&text](std::string_view piece) {
      text += piece;
      return true;
    });
    return done ? text : "error: " + done.error().detail;
  }
  [[nodiscard]] std::string path(std::uint64_t number) const {
    return config_.folder + "/" + std::to_string(number) + ".eml.zst";
  }
  [[nodiscard]] std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(config_.folder)) {
      const std::string name = entry.path().filename();
      if (!name.starts_with("index.sqlite")) names.insert(name);
    }
    return names;
  }

  testing::TemporaryFolder folder_;
  config::Quarantine config_;
  std::atomic<std::int64_t> now_ = ::time(nullptr);
};

TEST_F(QuarantineTest, keeps_the_original_octet_by_octet) {
  const auto quarantine = open();
  const std::string large = noise(1'000'000, 1) + std::string(3'000'000, 'a');
  for (const std::string& text : {std::string("a\r\nb"), std::string(), large}) {
    const std::uint64_t number = keep(*quarantine, text);
    EXPECT_EQ(read(*quarantine, number), text);
    const auto record = quarantine->show(number);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->size, text.size());
    EXPECT_EQ(record->digest, to_hex(sha256(text)));
    EXPECT_EQ(record->stored_at, now_);
    EXPECT_EQ(record->stored_size, std::filesystem::file_size(path(number)));
  }
  EXPECT_EQ(quarantine->list()->size(), 3U);
  EXPECT_LT(quarantine->show(3)->stored_size, 1'100'000U);
}

TEST_F(QuarantineTest, keeps_what_fills_buffers_to_the_last_octet) {
  const auto quarantine = open();
  for (const std::size_t size : {128UL * 1024, 256UL * 1024, 128UL * 1024 - 1}) {
    for (const std::string& text : {std::string(size, 'x'), noise(size, 1)}) {
      EXPECT_TRUE(read(*quarantine, keep(*quarantine, text)) == text) << size;
    }
  }
}

TEST_F(QuarantineTest, is_for_its_owner_alone) {
  const mode_t before = ::umask(0);
  const auto quarantine = open();
  keep(*quarantine, "a");
  ::umask(before);
  struct stat facts{};
  ASSERT_EQ(::stat(config_.folder.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0700U);
  for (const auto& entry : std::filesystem::directory_iterator(config_.folder)) {
    ASSERT_EQ(::stat(entry.path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0600U) << entry.path();
  }
}

TEST_F(QuarantineTest, the_same_message_of_the_same_user_is_kept_once) {
  const auto quarantine = open();
  const std::uint64_t number = keep(*quarantine, "a");
  EXPECT_EQ(keep(*quarantine, "a"), number);
  EXPECT_EQ(keep(*open(), "a"), number);
  EXPECT_NE(keep(*quarantine, "a", "v"), number);
  EXPECT_NE(keep(*quarantine, "b"), number);
  EXPECT_EQ(files().size(), 3U);
}

TEST_F(QuarantineTest, many_sessions_and_processes_at_once_keep_it_once) {
  // Another object has another connection and other locks, as another process has.
  const std::vector<std::shared_ptr<Quarantine>> both = {open(), open()};
  std::vector<std::string> texts;
  for (unsigned i = 0; i < 8; ++i) texts.push_back(noise(50'000, i));
  std::vector<std::set<std::uint64_t>> numbers(4);
  {
    std::vector<std::jthread> threads;
    for (std::size_t thread = 0; thread < numbers.size(); ++thread) {
      threads.emplace_back([&, thread] {
        for (const std::string& text : texts) {
          numbers[thread].insert(keep(*both[thread % 2], text));
          open();  // sweeps
        }
      });
    }
  }
  EXPECT_EQ(numbers[0].size(), texts.size());
  for (const auto& seen : numbers) EXPECT_EQ(seen, numbers[0]);
  EXPECT_EQ(files().size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(keep(*both[0], texts[i]), keep(*both[1], texts[i]));
  }
}

TEST_F(QuarantineTest, the_oldest_go_when_it_is_full) {
  config_.max_size = 25'000;
  const auto quarantine = open();
  for (unsigned i = 1; i <= 4; ++i) {
    EXPECT_EQ(keep(*quarantine, noise(10'000, i)), i);
    now_ += 1;
  }
  EXPECT_EQ(files(), (std::set<std::string>{"3.eml.zst", "4.eml.zst"}));
  EXPECT_EQ(quarantine->list()->size(), 2U);
  const auto large = try_keep(*quarantine, noise(26'000, 9));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::limit);
  EXPECT_EQ(files(), (std::set<std::string>{"3.eml.zst", "4.eml.zst"}));
}

TEST_F(QuarantineTest, knows_how_large_all_files_are) {
  const auto on_the_disk = [this] {
    std::uint64_t sum = 0;
    for (const std::string& name : files()) {
      sum += std::filesystem::file_size(config_.folder + '/' + name);
    }
    return sum;
  };
  config_.max_size = 25'000;
  auto quarantine = open();
  EXPECT_EQ(quarantine->stored_octets(), 0U);
  EXPECT_EQ(quarantine->max_octets(), 25'000U);
  for (unsigned i = 1; i <= 3; ++i) keep(*quarantine, noise(10'000, i));
  EXPECT_GT(on_the_disk(), 20'000U);
  EXPECT_EQ(quarantine->stored_octets(), on_the_disk());
  ASSERT_TRUE(quarantine->remove(2));
  EXPECT_EQ(quarantine->stored_octets(), on_the_disk());
  quarantine = open();
  EXPECT_EQ(quarantine->stored_octets(), on_the_disk());
}

TEST_F(QuarantineTest, what_is_too_old_goes) {
  config_.max_age = std::chrono::hours(1);
  auto quarantine = open();
  keep(*quarantine, "a");
  now_ += 1800;
  keep(*quarantine, "b");
  now_ += 1801;
  keep(*quarantine, "c");
  EXPECT_EQ(files(), (std::set<std::string>{"2.eml.zst", "3.eml.zst"}));
  now_ += 3601;
  quarantine = open();
  EXPECT_TRUE(files().empty());
  EXPECT_TRUE(quarantine->list()->empty());
  config_.max_age = std::chrono::seconds(0);
  quarantine = open();
  EXPECT_EQ(keep(*quarantine, "d"), 4U);
  now_ += 1'000'000'000;
  EXPECT_EQ(open()->list()->size(), 1U);
}

TEST_F(QuarantineTest, what_an_ended_process_left_half_way_is_removed) {
  open();
  std::ofstream(config_.folder + "/incoming.abcdef") << "half";
  open();
  EXPECT_TRUE(files().empty());
}

TEST_F(QuarantineTest, what_another_process_is_writing_is_left_alone) {
  const auto quarantine = open();
  auto incoming = IncomingFile::create(config_.folder);
  ASSERT_TRUE(incoming);
  open();
  EXPECT_EQ(files().size(), 1U);
}

TEST_F(QuarantineTest, a_row_without_a_file_is_removed_or_gets_its_file_back) {
  auto quarantine = open();
  keep(*quarantine, "a");
  keep(*quarantine, "b");
  std::filesystem::remove(path(1));
  std::filesystem::remove(path(2));
  EXPECT_NE(read(*quarantine, 1).find("error: "), std::string::npos);
  EXPECT_FALSE(quarantine->release(1));
  EXPECT_EQ(keep(*quarantine, "a"), 1U);
  EXPECT_EQ(read(*quarantine, 1), "a");
  quarantine = open();
  EXPECT_EQ(quarantine->list()->size(), 1U);
}

TEST_F(QuarantineTest, a_file_without_a_row_keeps_its_number_to_itself) {
  config_.max_age = std::chrono::hours(1);
  auto quarantine = open();
  keep(*quarantine, "a");
  std::filesystem::copy_file(path(1), path(7));
  quarantine = open();
  EXPECT_EQ(keep(*quarantine, "b"), 8U);
  EXPECT_TRUE(std::filesystem::exists(path(7)));
  EXPECT_EQ(quarantine->list()->size(), 2U);
  now_ = ::time(nullptr) + 3700;
  open();
  EXPECT_TRUE(files().empty());
}

TEST_F(QuarantineTest, messages_survive_the_loss_of_the_index) {
  auto quarantine = open();
  keep(*quarantine, "a");
  quarantine.reset();
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::filesystem::remove(config_.folder + "/index.sqlite" + suffix);
  }
  quarantine = open();
  EXPECT_TRUE(std::filesystem::exists(path(1)));
  EXPECT_EQ(keep(*quarantine, "b"), 2U);
}

TEST_F(QuarantineTest, a_damaged_file_is_never_taken_for_the_original) {
  const auto quarantine = open();
  const std::string text = noise(200'000, 1);
  keep(*quarantine, text);
  keep(*quarantine, "other");
  const auto is_damaged = [&] {
    return read(*quarantine, 1).find("is damaged") != std::string::npos;
  };
  std::filesystem::copy_file(path(1), folder_.file("copy"));
  std::filesystem::resize_file(path(1), 100'000);
  EXPECT_TRUE(is_damaged());
  std::filesystem::resize_file(path(1), 0);
  EXPECT_TRUE(is_damaged());
  std::filesystem::copy_file(path(2), path(1), std::filesystem::copy_options::overwrite_existing);
  EXPECT_TRUE(is_damaged());
  std::filesystem::copy_file(folder_.file("copy"), path(1),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(read(*quarantine, 1), text);
  std::fstream file(path(1), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(90'000);
  file << "x";
  file.close();
  EXPECT_TRUE(is_damaged());
}

TEST_F(QuarantineTest, nothing_is_left_of_what_fails) {
  const auto quarantine = open();
  int asked = 0;
  const auto broken = quarantine->keep(sha256("x"),
                                       [&asked]() -> Result<std::string_view> {
                                         if (++asked < 3) return "piece";
                                         return fail(ErrorCode::system, "gone");
                                       },
                                       {});
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().detail, "gone");
  std::string_view once = "not what was announced";
  const auto changed = quarantine->keep(
      sha256("x"), [&once]() -> Result<std::string_view> { return std::exchange(once, {}); }, {});
  ASSERT_FALSE(changed);
  EXPECT_TRUE(files().empty());
  EXPECT_TRUE(quarantine->list()->empty());
}

/// As if the disk were full: no file of this process can grow beyond `octets`.
class FullDisk {
 public:
  explicit FullDisk(rlim_t octets) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{octets, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    static_cast<void>(std::signal(SIGXFSZ, handler_));
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
  sighandler_t handler_;
};

TEST_F(QuarantineTest, a_full_disk_is_an_error_that_passes) {
  const auto quarantine = open();
  const std::string text = noise(500'000, 1);
  for (const auto& [octets, content] :
       {std::pair(100'000, text), std::pair(64, std::string("a"))}) {
    Result<std::uint64_t> full;
    {
      const FullDisk disk(static_cast<rlim_t>(octets));
      full = try_keep(*quarantine, content);
    }
    ASSERT_FALSE(full) << octets;
    EXPECT_EQ(full.error().code, ErrorCode::system);
    EXPECT_TRUE(files().empty());
    EXPECT_TRUE(quarantine->list()->empty());
  }
  EXPECT_EQ(read(*quarantine, keep(*quarantine, text)), text);
  EXPECT_EQ(open()->list()->size(), 1U);
}

TEST_F(QuarantineTest, texts_of_a_record_are_inert_and_short) {
  const auto quarantine = open();
  QuarantineRecord record;
  record.subject = "a\r\nb\x1b[2J" + std::string(100'000, 'x');
  record.threat = "\u202eevil";
  std::string_view once = "a";
  ASSERT_TRUE(quarantine->keep(
      sha256("a"), [&once]() -> Result<std::string_view> { return std::exchange(once, {}); },
      record));
  const auto kept = quarantine->show(1);
  EXPECT_TRUE(kept->subject.starts_with("a b [2Jxxx"));
  EXPECT_LT(kept->subject.size(), 210U);
  EXPECT_EQ(kept->threat, "evil");
}

TEST_F(QuarantineTest, releases_delivers_and_removes) {
  const auto quarantine = open();
  keep(*quarantine, "a");
  keep(*quarantine, "b");
  ASSERT_TRUE(quarantine->release(2));
  ASSERT_EQ(quarantine->released("r", "u")->size(), 1U);
  EXPECT_EQ(quarantine->released("r", "u")->front().number, 2U);
  EXPECT_TRUE(quarantine->released("r", "v")->empty());
  EXPECT_TRUE(quarantine->released("s", "u")->empty());
  ASSERT_TRUE(quarantine->delivered(2));
  EXPECT_TRUE(quarantine->released("r", "u")->empty());
  ASSERT_TRUE(quarantine->release(1));
  ASSERT_TRUE(quarantine->remove(1));
  EXPECT_TRUE(quarantine->released("r", "u")->empty());
  EXPECT_EQ(files(), std::set<std::string>{"2.eml.zst"});
  for (const auto& done : {quarantine->remove(1), quarantine->release(1), quarantine->delivered(9),
                           quarantine->read(1, [](std::string_view) { return true; })}) {
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::refused);
  }
  EXPECT_FALSE(quarantine->show(1));
}

TEST_F(QuarantineTest, at_most_so_many_are_shown_as_released) {
  const auto quarantine = open();
  for (std::size_t i = 0; i <= Quarantine::kMaxReleased; ++i) {
    ASSERT_TRUE(quarantine->release(keep(*quarantine, std::to_string(i))));
  }
  EXPECT_EQ(quarantine->released("r", "u")->size(), Quarantine::kMaxReleased);
}

TEST_F(QuarantineTest, reading_can_be_stopped) {
  const auto quarantine = open();
  keep(*quarantine, noise(1'000'000, 1));
  int pieces = 0;
  const auto done = quarantine->read(1, [&pieces](std::string_view) { return ++pieces < 2; });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::closed);
  EXPECT_EQ(pieces, 2);
}

TEST_F(QuarantineTest, a_folder_that_cannot_be_is_an_error) {
  config_.folder = folder_.file("a/b");
  EXPECT_FALSE(Quarantine::open(config_));
  std::ofstream(folder_.file("file")) << "x";
  config_.folder = folder_.file("file");
  EXPECT_FALSE(Quarantine::open(config_));
}

}  // namespace
}  // namespace gatepost::filters
