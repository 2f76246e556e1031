#include "proxy/command/result_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/support/temporary_folder.h"

namespace gatepost::command {
namespace {

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(ResultFolder, names_are_safe) {
  EXPECT_EQ(ResultFolder::safe_name("a b.eml"), "a_b");
  EXPECT_EQ(ResultFolder::safe_name("..\x1b/\xff"), "_..___");
  EXPECT_EQ(ResultFolder::safe_name(""), "_");
  EXPECT_EQ(ResultFolder::safe_name("17.M1P2.host:2,S"), "17.M1P2.host:2,S");
  EXPECT_EQ(ResultFolder::safe_name(std::string(300, 'x')).size(), ResultFolder::kMaxName);
}

TEST(ResultFolder, nothing_is_overwritten_and_nothing_half_done_is_left) {
  const testing::TemporaryFolder above;
  const std::string path = above.file("out");
  auto folder = ResultFolder::open(path);
  ASSERT_TRUE(folder);
  for (const char* const text : {"one", "two"}) {
    auto file = folder->begin("a.eml", 3);
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write(text));
    ASSERT_TRUE(file->finish());
  }
  {
    auto given_up = folder->begin("b.eml", 0);
    ASSERT_TRUE(given_up);
    ASSERT_TRUE(given_up->write("half"));
  }
  EXPECT_EQ(content(path + "/a-00003.eml"), "one");
  EXPECT_EQ(content(path + "/a-00003_2.eml"), "two");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path), {}), 2);
}

TEST(ResultFolder, of_one_name_there_are_so_many) {
  const testing::TemporaryFolder above;
  const std::string path = above.file("out");
  auto folder = ResultFolder::open(path);
  ASSERT_TRUE(folder);
  std::ofstream(path + "/a.eml") << "";
  for (int i = 2; i <= ResultFolder::kMaxSame; ++i) {
    std::ofstream(path + "/a_" + std::to_string(i) + ".eml") << "";
  }
  auto file = folder->begin("a.eml", 0);
  ASSERT_TRUE(file);
  EXPECT_FALSE(file->finish());
}

TEST(ResultFolder, a_file_is_no_folder) {
  const testing::TemporaryFolder above;
  std::ofstream(above.file("out")) << "";
  EXPECT_FALSE(ResultFolder::open(above.file("out")));
  EXPECT_FALSE(ResultFolder::open(above.file("missing/out")));
}

}  // namespace
}  // namespace gatepost::command
