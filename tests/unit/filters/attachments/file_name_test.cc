#include "filters/attachments/file_name.h"

#include <gmock/gmock.h>

using namespace gatepost::filters;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;
using namespace std::string_literals;

namespace {

bool exe(std::string_view name) { return NamePatterns({"*.exe"}).match(name, {}) != nullptr; }

}  // namespace

TEST(FileName, PlainNameHasOneReading) {
  EXPECT_THAT(name_readings("Rechnung ÄÖ.PDF"), ElementsAre("rechnung äö.pdf"));
  EXPECT_THAT(name_readings(""), ElementsAre(""));
  EXPECT_THAT(name_readings("..."), ElementsAre(""));
}

TEST(FileName, Globs) {
  EXPECT_TRUE(matches_glob("*.exe", "a.exe"));
  EXPECT_TRUE(matches_glob("a?c*", "aäc"));
  EXPECT_TRUE(matches_glob("*a*b*", "xxaxxbxx"));
  EXPECT_TRUE(matches_glob("**", ""));
  EXPECT_FALSE(matches_glob("?", ""));
  EXPECT_FALSE(matches_glob("*.exe", "a.exe.txt"));
  EXPECT_FALSE(matches_glob("", "a"));
  // No backtracking without end.
  EXPECT_FALSE(matches_glob(std::string(500, '*') + "b", std::string(5000, 'a')));
}

TEST(FileName, PatternsAreFoldedToo) {
  EXPECT_NE(NamePatterns({"INVOICE*"}).match("invoice.doc", {}), nullptr);
  EXPECT_NE(NamePatterns({"ÜBER*"}).match("über.doc", {}), nullptr);
  EXPECT_EQ(*NamePatterns({"*.Pdf.*"}).match("a.pdf.exe", {}), "*.Pdf.*");
}

TEST(FileName, EveryFormCounts) {
  for (const std::string& name :
       {"a.exe"s, "A.EXE"s, "a.pdf.exe"s, "a.exe."s, "a.exe . ."s, "  a.exe"s, "a.exe\t"s,
        "a.exe\0.pdf"s, "a\0.exe"s, "a.e\0xe"s,
        "a.ex\x01"
        "e"s,
        "a.exe\r\n"s, "a.exe::$DATA"s, "a.txt:b.exe"s, "a.txt:b.exe:$DATA"s, "a.exe:b.txt"s,
        "C:\\folder\\a.exe"s, "../../a.exe"s, "a.exe/"s, "a.exe\\ "s, "folder.txt/a.exe"s,
        "a%2Eexe"s, "a%252eexe"s, "a.exe%00.pdf"s, "a.exe%20"s, "\"a.exe\""s, "'a.exe'"s,
        "a.e\"xe"s, "a.exe?"s, "a.e\\xe"s, "<a.exe>"s, "invoice\u202Efdp.exe"s, "a.exe\u200b"s,
        "a.e\u00adxe"s,
        "\ufeff"
        "a.exe"s,
        "a．ｅｘｅ"s, "a․exe"s, "a。exe"s, "a.𝐞𝐱𝐞"s, "a.ⓔⓧⓔ"s, "a\u2215b.exe"s, "a.exe\u3000"s,
        "a.exe\u202e"s, "\xfc.exe"s, "\x81.exe"s,
        // Shown as "a.exe": the octets say "exe.a", and nobody knows what a program makes of it.
        "\u202e"
        "exe.a"s}) {
    EXPECT_TRUE(exe(name)) << ::testing::PrintToString(name);
  }
  for (const std::string& name : {"a.pdf"s, "exe"s, "a.exe.txt"s, "aexe"s, "a.exes"s, ""s, "."s,
                                  "a.exe/b.txt"s, "100%.txt"s}) {
    EXPECT_FALSE(exe(name)) << ::testing::PrintToString(name);
  }
}

TEST(FileName, WhatTheEyeSeesIsAReading) {
  EXPECT_THAT(name_readings("invoice\u202Efdp.exe"),
              ElementsAre("invoicefdp.exe", "invoiceexe.pdf"));
  EXPECT_THAT(name_readings("a\u202Ecba\u202C.exe"), Contains("aabc.exe"));
}

TEST(FileName, OctetsOfOldCodePages) {
  EXPECT_THAT(name_readings("gr\x81\xe1"
                            "e.txt"),
              Contains("grüße.txt"));  // 437
  EXPECT_THAT(name_readings("gr\xfc\xdf"
                            "e.txt"),
              Contains("grüße.txt"));  // ISO 8859-1
}

TEST(FileName, ExceptionHoldsForTheReadingThatMatched) {
  const NamePatterns bad({"*.exe"});
  const NamePatterns except({"setup*.exe", "*.pdf"});
  EXPECT_EQ(bad.match("Setup1.exe", except), nullptr);
  EXPECT_NE(bad.match("other.exe", except), nullptr);
  EXPECT_NE(bad.match("x\u202Efdp.exe", except), nullptr);
  EXPECT_TRUE(except.match_all("setup.exe"));
  EXPECT_FALSE(except.match_all("x\u202Efdp.exe"));
  EXPECT_FALSE(NamePatterns().match_all("a"));
}

TEST(FileName, ReadingsHaveALimit) {
  std::string name = "%2541\"\\:\u202e\xff\0"s;
  for (int i = 0; i < 5; ++i) name += name;
  EXPECT_LE(name_readings(name).size(), kMaxNameReadings);
}
