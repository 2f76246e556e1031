#include "proxy/command/mail_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace gatepost::command {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class MailSources : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_.file(name), std::ios::binary) << text;
    return folder_.file(name);
  }
  void make(const std::string& name) { std::filesystem::create_directories(folder_.file(name)); }

  static std::string text_of(MailSource::Mail& mail) {
    if (!mail.text) return "error: " + mail.text.error().detail;
    std::string all;
    std::string piece;
    do {
      EXPECT_TRUE(mail.text->next(piece));
      all += piece;
    } while (!piece.empty());
    return all;
  }
  using Named = std::vector<std::pair<std::string, std::string>>;
  static Named all(MailSource& source) {
    Named found;
    std::uint64_t index = 0;
    while (auto mail = source.next()) {
      EXPECT_EQ(mail->index, index++);
      std::string name = mail->file;
      if (mail->number > 0) name += ":" + std::to_string(mail->number);
      EXPECT_TRUE(mail->name.ends_with(name)) << mail->name;
      std::string text = text_of(*mail);
      found.emplace_back(std::move(name), std::move(text));
    }
    EXPECT_EQ(source.octets_given(), source.total_octets());
    return found;
  }
  static Named all(const std::vector<std::string>& paths) {
    MailSource source(paths);
    return all(source);
  }

  testing::TemporaryFolder folder_;
};

TEST_F(MailSources, a_file_is_a_message) {
  EXPECT_THAT(all({write("a.eml", "Subject: a\n\nFrom here.\n")}),
              ElementsAre(Pair("a.eml", "Subject: a\n\nFrom here.\n")));
  EXPECT_THAT(all({write("empty", "")}), ElementsAre(Pair("empty", "")));
  const std::string large(3 * MailReader::kPiece + 1, 'x');
  EXPECT_EQ(all({write("large", large)}).at(0).second, large);
}

TEST_F(MailSources, an_mbox_is_cut_at_From_after_an_empty_line) {
  const auto found = all({write("box",
                                "From a Mon\nA: 1\n\nHi\nFrom here\n\n"
                                "From b Tue\r\nB: 2\r\n\r\n>From x\r\n>>From y\r\n>Fro\r\n\r\n"
                                "From c\nC: 3\n")});
  EXPECT_THAT(found, ElementsAre(Pair("box:1", "A: 1\n\nHi\nFrom here\n"),
                                 Pair("box:2", "B: 2\r\n\r\nFrom x\r\n>From y\r\n>Fro\r\n"),
                                 Pair("box:3", "C: 3\n")));
  EXPECT_THAT(all({write("one", "From ")}), ElementsAre(Pair("one:1", "")));
  EXPECT_THAT(all({write("two", "From a\n\nFrom b\n\n")}),
              ElementsAre(Pair("two:1", ""), Pair("two:2", "")));
}

TEST_F(MailSources, an_mbox_with_lines_of_any_length_is_cut_at_the_same_places) {
  for (const std::size_t length : {MailReader::kPiece - 30, MailReader::kPiece - 20,
                                   MailReader::kPiece - 12, 3 * MailReader::kPiece}) {
    for (std::size_t more = 0; more < 12; ++more) {
      const std::string line(length + more, 'x');
      const auto found = all({write("box", "From a\n" + line + "\n\nFrom b\n2\n")});
      ASSERT_EQ(found.size(), 2U) << line.size();
      EXPECT_EQ(found[0].second, line + "\n");
      EXPECT_EQ(found[1].second, "2\n");
    }
  }
}

TEST_F(MailSources, maildirs_and_folders_in_order) {
  for (const char* const part : {"m/cur", "m/new", "m/tmp", "f/sub"}) make(part);
  write("m/cur/2:2,S", "2");
  write("m/new/1", "1");
  write("m/tmp/0", "0");
  write("f/b.eml", "b");
  write("f/a.EML", "a");
  write("f/readme.txt", "no");
  write("f/sub/c.eml", "no");
  EXPECT_THAT(
      all({folder_.file("m"), folder_.file("f")}),
      ElementsAre(Pair("1", "1"), Pair("2:2,S", "2"), Pair("a.EML", "a"), Pair("b.eml", "b")));
}

TEST_F(MailSources, what_cannot_be_read_is_told_in_its_turn) {
  make("empty");
  ASSERT_EQ(::mkfifo(folder_.file("fifo").c_str(), 0600), 0);
  const auto found =
      all({folder_.file("missing"), write("a", "1"), folder_.file("empty"), folder_.file("fifo")});
  ASSERT_EQ(found.size(), 4U);
  EXPECT_THAT(found[0].second, HasSubstr("error: open: No such file"));
  EXPECT_EQ(found[1].second, "1");
  EXPECT_THAT(found[2].second, HasSubstr("neither a Maildir"));
  EXPECT_THAT(found[3].second, HasSubstr("no file"));
}

TEST_F(MailSources, of_a_pipe_so_much_is_taken) {
  const int before = ::dup(STDIN_FILENO);
  for (const std::uint64_t most : {3U, 4U}) {
    int ends[2] = {};
    ASSERT_EQ(::pipe(ends), 0);
    ASSERT_EQ(::write(ends[1], "1234", 4), 4);
    ::close(ends[1]);
    ::dup2(ends[0], STDIN_FILENO);
    ::close(ends[0]);
    MailSource source({"-"}, folder_.path().string(), most);
    auto mail = source.next();
    EXPECT_EQ(text_of(*mail), most == 4 ? "1234" : "error: larger than 3 octets");
    EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
  }
  ::dup2(before, STDIN_FILENO);
  ::close(before);
}

TEST_F(MailSources, a_file_that_became_shorter_is_an_error) {
  const std::string path = write("a", "123456");
  MailSource source({path});
  auto mail = source.next();
  std::filesystem::resize_file(path, 3);
  std::string piece;
  EXPECT_FALSE(mail->text->next(piece));
}

TEST_F(MailSources, only_as_many_jobs_as_there_can_be_messages) {
  const std::string a = write("a", "1");
  EXPECT_EQ(MailSource({a}).useful_jobs(8), 1U);
  EXPECT_EQ(MailSource({a, a, a}).useful_jobs(8), 3U);
  EXPECT_EQ(MailSource({a, a, a}).useful_jobs(2), 2U);
  EXPECT_EQ(MailSource({write("box", "From a\n\n")}).useful_jobs(8), 8U);
}

TEST(MboxUnquoter, in_any_pieces) {
  const std::string many(MboxUnquoter::kMaxQuote, '>');
  const std::string text = ">From a\n>>From b\nx >From c\n>Frog\n" + many + "From d\n>From";
  const std::string wanted = "From a\n>From b\nx >From c\n>Frog\n" + many + "From d\n>From";
  for (const std::size_t step : {1U, 2U, 3U, 7U, 1000U}) {
    MboxUnquoter unquoter;
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += step)
      unquoter.feed(text.substr(at, step), out);
    unquoter.end(out);
    EXPECT_EQ(out, wanted) << step;
  }
}

}  // namespace
}  // namespace gatepost::command
