#include "filters/attachments/archive.h"

#include <gmock/gmock.h>

#include <clocale>
#include <set>

#include "tests/unit/filters/attachments/archive_octets.h"
#include "tests/unit/filters/attachments/archives.h"

using namespace gatepost;
using namespace gatepost::filters;
using namespace gatepost::filters::test;
using namespace std::string_literals;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;

namespace {

struct Seen {
  ArchiveLook::Report report;
  std::set<std::string> names;
  std::set<std::string> beginnings;  // of entries, at most ten octets
  std::set<std::string> macros;
  std::size_t told = 0;
};

Seen look(std::string_view file, ArchiveLimits limits = {},
          const std::vector<std::string>& names = {}) {
  Seen seen;
  ContentInMemory content(file);
  ArchiveLook archive(limits);
  const auto report = archive.look(content, names, [&seen](const ArchiveEntry& entry) {
    ++seen.told;
    for (const std::string& name : entry.names) {
      seen.names.insert(name);
      if (entry.macros) seen.macros.insert(name);
    }
    if (!entry.beginning.empty()) seen.beginnings.emplace(entry.beginning.substr(0, 10));
    return true;
  });
  EXPECT_TRUE(report);
  seen.report = *report;
  return seen;
}

void expect_evil(const Seen& seen) {
  EXPECT_TRUE(seen.report.archive);
  EXPECT_FALSE(seen.report.encrypted);
  EXPECT_EQ(seen.report.unreadable, Unreadable::no);
  EXPECT_THAT(seen.names, Contains("evil.exe"));
  EXPECT_THAT(seen.beginnings, Contains("MZ\0\0"s));
}

const std::vector<File> kEvil = {{"a.txt", "text"}, {"evil.exe", "MZ\0\0"s}};

/// Octets that do not compress, always the same.
std::string noise(std::size_t size) {
  std::string out;
  std::uint64_t state = 1;
  while (out.size() < size) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    out += static_cast<char>(state >> 56U);
  }
  return out;
}

}  // namespace

TEST(Archive, LibraryStartsNoPrograms) { EXPECT_TRUE(ArchiveLook::check_library()); }

TEST(Archive, EveryFormat) {
  expect_evil(look(make_zip(kEvil)));
  for (const char* filter : {"gzip", "bzip2", "xz", "zstd", "lz4"}) {
    const testing::ScopedTrace trace(__FILE__, __LINE__, filter);
    expect_evil(look(make_archive("gnutar", kEvil, filter)));
  }
  for (const char* format : {"gnutar", "ustar", "pax", "7zip", "cpio", "newc"}) {
    const testing::ScopedTrace trace(__FILE__, __LINE__, format);
    expect_evil(look(make_archive(format, kEvil)));
  }
  EXPECT_THAT(look(make_archive("iso9660", kEvil)).beginnings, Contains("MZ\0\0"s));
  expect_evil(look(octets(kRar4)));
  expect_evil(look(octets(kRar5)));
}

TEST(Archive, NoArchive) {
  for (const std::string& text : {""s, "a"s, "hello\r\n"s, "MZ\0\0"s, noise(100'000), "PK"s,
                                  "%PDF-1.4\n"s, std::string(5000, '\0')}) {
    const Seen seen = look(text);
    EXPECT_THAT(seen.names, IsEmpty());
    EXPECT_EQ(seen.report.unreadable, Unreadable::no);
    EXPECT_FALSE(seen.report.encrypted);
  }
}

TEST(Archive, WhatIsOnlyCompressedIsCalledLikeTheFile) {
  const std::string gz = make_archive("raw", {{"x", "MZ\0\0"s}}, "gzip");
  const Seen seen = look(gz, {}, {"evil.exe.gz"});
  expect_evil(seen);
}

TEST(Archive, Encrypted) {
  const std::string zip =
      make_archive("zip", kEvil, nullptr, "zip:encryption=traditional", "secret");
  for (const std::string& archive :
       {zip, make_archive("zip", kEvil, nullptr, "zip:encryption=aes256", "secret"),
        octets(kSevenZipEncrypted), octets(kRar4Encrypted)}) {
    const Seen seen = look(archive);
    EXPECT_TRUE(seen.report.encrypted);
    EXPECT_TRUE(seen.report.archive);
    EXPECT_THAT(seen.names, Contains("evil.exe"));
  }
  for (const std::string_view hex :
       {kSevenZipHeaderEncrypted, kRar4HeaderEncrypted, kRar5HeaderEncrypted}) {
    EXPECT_TRUE(look(octets(hex)).report.encrypted) << hex;
  }
  EXPECT_TRUE(look(make_zip({{"inner.zip", zip}})).report.encrypted);
}

TEST(Archive, InOneAnother) {
  const std::string inner = make_archive("gnutar", kEvil, "gzip");
  expect_evil(look(make_zip({{"inner.tgz", inner}})));
  expect_evil(look(make_archive("7zip", {{"inner.zip", make_zip(kEvil)}})));
  expect_evil(look(make_zip({{"inner.7z", make_archive("7zip", kEvil)}})));
}

TEST(Archive, LargeOnesInOneAnotherAreReadOnce) {
  ArchiveLimits small;
  small.held = 1000;
  std::vector<File> files = {{"noise", noise(5000)}};
  files.insert(files.end(), kEvil.begin(), kEvil.end());
  expect_evil(look(make_zip({{"inner.zip", make_zip(files)}}), small));
  expect_evil(
      look(make_archive("gnutar", {{"inner.tgz", make_archive("gnutar", files, "gzip")}}), small));
  // 7z has to be read from its end.
  const Seen seen = look(make_zip({{"inner.7z", make_archive("7zip", files)}}), small);
  EXPECT_EQ(seen.report.unreadable, Unreadable::broken);
  // What is no archive is passed over, and the entries behind it are seen.
  expect_evil(look(make_zip({{"noise", noise(5000)}, {"evil.exe", "MZ\0\0"s}}), small));
}

TEST(Archive, BehindOtherOctets) {
  expect_evil(look("#!/bin/sh\nexit\n" + make_zip(kEvil)));
  expect_evil(look("MZ" + noise(20'000) + make_zip(kEvil)));
  expect_evil(look(make_zip(kEvil) + noise(1000)));
  expect_evil(look("GIF89a" + noise(300) + make_zip(kEvil)));
  // Two at once.
  expect_evil(look(make_archive("gnutar", {{"a", "b"}}) + make_zip(kEvil)));
}

TEST(Archive, ZipWithADirectoryThatLies) {
  std::string zip = make_zip(kEvil);
  // The directory calls it "evil.txt".
  const std::size_t directory = zip.find("PK\1\2");
  zip.replace(zip.find("evil.exe", directory), 8, "evil.txt");
  Seen seen = look(zip);
  EXPECT_THAT(seen.names, Contains("evil.txt"));
  EXPECT_THAT(seen.names, Contains("evil.exe"));
  // An archive before the archive, which no directory knows.
  seen = look(make_zip(kEvil) + make_zip({{"b.txt", "b"}}));
  EXPECT_THAT(seen.names, Contains("evil.exe"));
  EXPECT_THAT(seen.names, Contains("b.txt"));
  EXPECT_THAT(seen.beginnings, Contains("MZ\0\0"s));
  // Without any directory.
  seen = look(zip.substr(0, directory));
  EXPECT_THAT(seen.names, Contains("evil.exe"));
  EXPECT_EQ(seen.report.unreadable, Unreadable::broken);
}

TEST(Archive, NamesOfAllLanguages) {
  const std::string name = "вред\u202Eｅ.exe";
  for (const char* format : {"zip", "7zip", "pax"}) {
    // The writer needs the program's locale, the reader does not.
    const char* const before = setlocale(LC_CTYPE, "C.UTF-8");
    ASSERT_NE(before, nullptr);
    const std::string archive = make_archive(format, {{name, "x"}});
    setlocale(LC_CTYPE, "C");
    EXPECT_THAT(look(archive).names, Contains(name)) << format;
  }
}

TEST(Archive, BrokenOnesAreUnreadable) {
  for (const std::string& whole :
       {make_archive("gnutar", {{"a", noise(50'000)}}, "gzip"),
        make_archive("7zip", {{"a", noise(5000)}}), make_zip({{"a", noise(5000)}})}) {
    const Seen seen = look(std::string_view(whole).substr(0, whole.size() / 2));
    EXPECT_EQ(seen.report.unreadable, Unreadable::broken) << whole.substr(0, 2);
  }
  std::string zip = make_zip({{"a", std::string(5000, 'a')}});
  zip[60] = static_cast<char>(~zip[60]);
  EXPECT_EQ(look(zip).report.unreadable, Unreadable::broken);
}

TEST(Archive, Bomb) {
  const std::string bomb = make_zip({{"zeros", std::string(40'000'000, '\0')}, {"b.exe", "MZ"}});
  Seen seen = look(bomb);
  EXPECT_EQ(seen.report.unreadable, Unreadable::bomb);
  EXPECT_THAT(seen.names, Contains("b.exe"));  // the headers are not packed

  ArchiveLimits limits;
  limits.unpacked = 1'000'000;
  EXPECT_EQ(look(bomb, limits).report.unreadable, Unreadable::too_large);
  // Bombs in an archive count together.
  const std::string one = make_zip({{"zeros", std::string(600'000, '\0')}});
  EXPECT_EQ(look(one, limits).report.unreadable, Unreadable::no);
  EXPECT_EQ(look(make_zip({{"1.zip", one}, {"2.zip", one}}), limits).report.unreadable,
            Unreadable::too_large);
  // Compressed a few times.
  std::string often = std::string(40'000'000, 'a');
  for (int i = 0; i < 3; ++i) often = make_archive("raw", {{"x", often}}, "gzip");
  EXPECT_EQ(look(often).report.unreadable, Unreadable::bomb);
}

TEST(Archive, LimitsAreThoseOfAMessage) {
  ArchiveLimits limits;
  limits.unpacked = 1'000'000;
  ArchiveLook archive(limits);
  const std::string one = make_zip({{"zeros", std::string(600'000, '\0')}});
  ContentInMemory content(one);
  const auto sink = [](const ArchiveEntry&) { return true; };
  EXPECT_EQ(archive.look(content, {}, sink)->unreadable, Unreadable::no);
  EXPECT_EQ(archive.look(content, {}, sink)->unreadable, Unreadable::too_large);
}

TEST(Archive, TooDeep) {
  std::string archive = make_zip(kEvil);
  for (unsigned i = 1; i < ArchiveLimits::kMaxArchiveDepth; ++i) {
    archive = make_zip({{"inner.zip", archive}});
  }
  expect_evil(look(archive));
  EXPECT_EQ(look(make_zip({{"inner.zip", archive}})).report.unreadable, Unreadable::too_deep);
  std::string often = "text";
  for (unsigned i = 0; i <= ArchiveLimits::kMaxArchiveDepth; ++i) {
    EXPECT_EQ(look(often).report.unreadable, Unreadable::no);
    often = make_archive("raw", {{"x", often}}, "gzip");
  }
  EXPECT_EQ(look(often).report.unreadable, Unreadable::too_deep);
}

TEST(Archive, TooManyEntries) {
  ArchiveLimits limits;
  limits.entries = 10;
  std::vector<File> files(10, {"a", "b"});
  EXPECT_EQ(look(make_zip(files), limits).report.unreadable, Unreadable::no);
  files.push_back({"a", "b"});
  EXPECT_EQ(look(make_zip(files), limits).report.unreadable, Unreadable::too_many);
  EXPECT_EQ(look(make_archive("gnutar", files), limits).report.unreadable, Unreadable::too_many);
}

TEST(Archive, TheSinkMayHaveEnough) {
  const std::string zip = make_zip(kEvil);
  ContentInMemory content(zip);
  ArchiveLook archive;
  std::size_t told = 0;
  const auto report = archive.look(content, {}, [&told](const ArchiveEntry&) {
    ++told;
    return false;
  });
  EXPECT_TRUE(report->enough);
  EXPECT_EQ(told, 1U);
}

TEST(Archive, Macros) {
  const std::string docm = make_zip({{"word/document.xml", "<x/>"}, {"word/vbaProject.bin", "x"}});
  EXPECT_TRUE(look(docm).report.macros);
  EXPECT_FALSE(look(make_zip({{"word/document.xml", "<x/>"}})).report.macros);
  const Seen seen = look(make_zip({{"a.docm", docm}}));
  EXPECT_FALSE(seen.report.macros);
  EXPECT_THAT(seen.macros, Contains("a.docm"));
}

TEST(Archive, AFailingFileIsAnError) {
  class Failing final : public Content {
   public:
    [[nodiscard]] std::uint64_t size() const override { return 1'000'000; }
    [[nodiscard]] Result<std::string_view> at(std::uint64_t offset) override {
      if (offset > 500'000) return fail(ErrorCode::system, "gone");
      return std::string_view("some text, again and again");
    }
  } failing;
  ArchiveLook archive;
  const auto report = archive.look(failing, {}, [](const ArchiveEntry&) { return true; });
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().detail, "gone");
}
