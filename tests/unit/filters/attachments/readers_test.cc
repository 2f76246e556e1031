#include <gmock/gmock.h>

#include <thread>

#include "filters/attachments/content.h"
#include "filters/attachments/document_marks.h"
#include "filters/attachments/embedded_names.h"
#include "filters/attachments/file_type.h"
#include "filters/attachments/type_patterns.h"
#include "filters/attachments/zip_headers.h"
#include "tests/support/chop.h"
#include "tests/unit/filters/attachments/archives.h"

using namespace gatepost;
using namespace gatepost::filters;
using namespace gatepost::filters::test;
using namespace std::string_literals;
using gatepost::testing::Chopping;
using gatepost::testing::for_each_chopping;
using ::testing::Contains;
using ::testing::ElementsAre;

namespace {

std::string utf16(std::string_view ascii) {
  std::string out;
  for (const char c : ascii) out += {c, '\0'};
  return out;
}

std::string first_type(std::string_view beginning) {
  return (*FileTypes::shared())->types(beginning).front();
}

}  // namespace

TEST(FileTypes, OfLibmagicAndOurs) {
  const std::vector<std::pair<std::string, std::string_view>> known = {
      {"MZ\x90\0"s + std::string(200, '\0'), "executable"},
      {"\x7f"
       "ELF\2\1\1\0"s +
           std::string(8, '\0') + "\2\0\x3e\0\1\0\0\0"s + std::string(44, '\0'),
       "executable"},
      {"\xcf\xfa\xed\xfe\7\0\0\1\3\0\0\0\2\0\0\0"s + std::string(64, '\0'), "executable"},
      {"\xca\xfe\xba\xbe\0\0\0\x34\0\x10"s + std::string(64, '\0'), "executable"},
      {"ITSF\3\0\0\0"s + std::string(60, '\0'), "executable"},
      {"#!/bin/sh\necho\n", "script"},
      {"#!/usr/bin/env python3\nimport os\n", "script"},
      {"@echo off\r\ndel x\r\n", "script"},
      {"\xff\xfe" + utf16("@echo off\r\n"), "script"},
      {"<html><HTA:APPLICATION id=\"x\"></html>", "script"},
      {"x = new ActiveXObject(\"WScript.Shell\");", "script"},
      {"L\0\0\0\1\x14\2\0\0\0\0\0\xc0\0\0\0\0\0\0F"s + std::string(60, '\0'), "shortcut"},
      {"[InternetShortcut]\r\nURL=file://x\r\n", "shortcut"},
      {std::string(32768, '\0') + "\1CD001\1"s + std::string(3000, '\0'), "disk_image"},
      {std::string(32768, '\0') + "\0BEA01\1"s + std::string(2041, '\0') + "\0NSR02\1"s,
       "disk_image"},
      {"PK\3\4\x14\0\0\0\0\0"s + std::string(60, '\0'), "archive"},
      {"Rar!\x1a\7\1\0"s + std::string(60, '\0'), "archive"},
      {"MSCF\0\0\0\0"s + std::string(60, '\0'), "archive"},
  };
  for (const auto& [beginning, group] : known) {
    const std::string type = first_type(beginning);
    EXPECT_TRUE(in_group(group, type)) << type << " " << group;
  }
  EXPECT_EQ(first_type("{\\rt xxx}"), "text/rtf");
  EXPECT_EQ(first_type("\x78\x9f\x3e\x22\1\0\1\6\x90\x08"s), kTnefType);
  EXPECT_EQ(first_type("-----BEGIN PGP MESSAGE-----\r\n"), "application/pgp-encrypted");
  EXPECT_EQ(first_type("MZ is how this text begins"), "text/plain");
  EXPECT_FALSE(first_type("").empty());
}

TEST(FileTypes, NothingBeyondTheLimitIsLookedAt) {
  std::string text(FileTypes::kMaxLook, 'a');
  const std::string type = first_type(text);
  EXPECT_EQ(first_type(text + std::string(1000, '\0')), type);
}

TEST(FileTypes, ManyThreadsShareOne) {
  const auto types = *FileTypes::shared();
  EXPECT_EQ(types, *FileTypes::shared());
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < 2 * FileTypes::kCookies; ++i) {
    threads.emplace_back([&types] {
      for (int k = 0; k < 20; ++k)
        EXPECT_EQ(types->types("#!/bin/sh\n").front(), "text/x-shellscript");
    });
  }
}

TEST(PartContent, IsReadAnywhere) {
  std::string content;
  for (int i = 0; i < 60'000; ++i) content += std::to_string(i);
  const std::string raw = encode_base64_lines(content);
  const std::string message = "Subject: x\r\n\r\n" + raw + "--b--\r\n";
  const TextInMemory text(message);
  auto opened = PartContent::open(text, 14, 14 + raw.size(), TransferEncoding::base64);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->size(), content.size());
  for (const std::size_t at : {200'000UL, 0UL, 100'001UL, 49'152UL, 49'151UL, content.size() - 1}) {
    EXPECT_EQ(*opened->text(at, 1000), content.substr(at, 1000)) << at;
  }
  EXPECT_EQ(*opened->text(content.size(), 10), "");
  EXPECT_EQ(*opened->text(0, 10 * content.size()), content);
}

TEST(ZipHeaders, CutAnywhere) {
  const std::string zip =
      "PKPK" + make_zip({{"a.txt", "text"}, {"folder/evil.exe", "x"}}) + "PK\3\4";
  for_each_chopping([&](Chopping& chopping) {
    ZipHeaders headers;
    std::vector<std::string> names;
    for (const std::string_view piece : chopping.cut(zip)) {
      headers.feed(piece, [&](const ZipHeaders::Header& h) { names.emplace_back(h.name); });
    }
    EXPECT_THAT(names, ElementsAre("a.txt", "folder/evil.exe", "a.txt", "folder/evil.exe"));
    EXPECT_TRUE(headers.agree());
  });
}

TEST(ZipHeaders, OneDoesNotHideAnother) {
  // It says that its name goes on for 4096 octets, where another header stands, and the end.
  const std::string fake = "PK\3\4"s + std::string(22, '\0') + "\0\x10\0\0"s;
  ZipHeaders headers;
  std::vector<std::string> names;
  const auto sink = [&](const ZipHeaders::Header& h) { names.emplace_back(h.name); };
  headers.feed(fake + make_zip({{"evil.exe", "x"}}), sink);
  headers.end(sink);
  EXPECT_THAT(names, ElementsAre("evil.exe", "evil.exe"));
}

TEST(ZipHeaders, NamesHaveALimit) {
  for (const std::size_t size : {ZipHeaders::kMaxEntryName, ZipHeaders::kMaxEntryName + 1}) {
    ZipHeaders headers;
    headers.feed(make_zip({{std::string(size, 'a'), "x"}}), [](const ZipHeaders::Header&) {});
    EXPECT_EQ(headers.local(), size > ZipHeaders::kMaxEntryName ? 0U : 1U);
  }
}

TEST(DocumentMarks, CutAnywhere) {
  const std::string ole = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + std::string(2000, 'x');
  const std::vector<std::pair<std::string, std::pair<bool, bool>>> known = {
      {ole + utf16("EncryptedPackage") + "y", {true, false}},
      {ole + utf16("_VBA_PROJECT") + "y", {false, true}},
      {ole, {false, false}},
      {utf16("EncryptedPackage"), {false, false}},
      {"%PDF-1.4\n<</Encrypt 5 0 R>>", {true, false}},
      {"/Encrypt", {false, false}},
      {"<manifest:manifest><manifest:encryption-data/>", {true, false}},
      {ole.substr(0, 8) + std::string(504, '\0') + "\xec\xa5\0\0\0\0\0\0\0\0\0\1"s, {true, false}},
      {ole.substr(0, 8) + std::string(504, '\0') + "\x09\x08\2\0\0\0\x2f\0"s, {true, false}},
  };
  for (const auto& [text, expected] : known) {
    for_each_chopping(
        [&](Chopping& chopping) {
          DocumentMarks marks;
          for (const std::string_view piece : chopping.cut(text)) marks.feed(piece);
          EXPECT_EQ(std::pair(marks.encrypted(), marks.macros()), expected);
        },
        3);
  }
}

TEST(EmbeddedNames, CutAnywhere) {
  const std::string text =
      "begin 644 a.exe\r\nbegin 7 b.exe\nbegin  0755  c d.exe\r\n begin 644 e.exe\r\n"
      "=ybegin line=128 size=3 name=f.exe\r\nbegin-base64 644 g.exe";
  for_each_chopping([&](Chopping& chopping) {
    EmbeddedNames names;
    for (const std::string_view piece : chopping.cut(text)) names.feed(piece);
    names.end();
    EXPECT_THAT(names.names(), ElementsAre("a.exe", "c d.exe", "f.exe", "g.exe"));
    EXPECT_TRUE(names.uuencoded());
  });
}

TEST(EmbeddedNames, Limits) {
  EmbeddedNames names;
  for (std::size_t i = 0; i <= EmbeddedNames::kMaxNames; ++i) names.feed("begin 644 a\n");
  EXPECT_EQ(names.names().size(), EmbeddedNames::kMaxNames);
  EXPECT_TRUE(names.too_many());
  EmbeddedNames one;
  one.feed("begin 644 " + std::string(EmbeddedNames::kMaxLine, 'a') + ".exe\n");
  EXPECT_EQ(one.names().front().size(), EmbeddedNames::kMaxLine - 10);
}
