#include "filters/attachments/attachment_rule.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "filters/rewrite/message_text.h"
#include "filters/rewrite/rewrite_plan.h"
#include "tests/unit/filters/attachments/archive_octets.h"
#include "tests/unit/filters/attachments/archives.h"

using namespace gatepost;
using namespace gatepost::filters;
using namespace gatepost::filters::test;
using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

namespace {

using Texts = std::vector<std::string>;
using OptionMap = std::map<std::string, config::FilterOption>;

struct Outcome {
  std::string message;  ///< with the splices
  std::vector<std::string> notes;
  std::optional<RewritePlan::Stop> stop;
};

Outcome run(const OptionMap& options, const std::string& message) {
  Outcome outcome;
  const auto rule = make_attachments({"attachments", options});
  EXPECT_TRUE(rule) << rule.error().detail;
  if (!rule) return outcome;
  const TextInMemory text(message);
  const MimeStructure structure = mime_structure(message);
  RuleInput input;
  input.text = &text;
  input.structure = &structure;
  RewritePlan plan(&text, &structure);
  EXPECT_TRUE((*rule)->apply(input, plan));
  outcome.notes = plan.notes();
  outcome.stop = plan.stopped();
  outcome.message = message;
  auto finished = plan.finish();
  EXPECT_TRUE(finished);
  std::ranges::reverse(finished->splices);
  for (const Splice& splice : finished->splices) {
    outcome.message.replace(splice.offset, splice.length, splice.text);
  }
  return outcome;
}

std::string error_of(const OptionMap& options) {
  const auto rule = make_attachments({"attachments", options});
  return rule ? std::string() : rule.error().detail;
}

std::string part(const std::string& fields, const std::string& body) {
  return "--b\r\n" + fields + "\r\n" + body + "\r\n";
}

std::string mail(const std::string& parts) {
  return "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
         part("Content-Type: text/plain\r\n", "Hello") + parts + "--b--\r\n";
}

std::string attached(const std::string& name, const std::string& content,
                     const std::string& type = "application/octet-stream") {
  return mail(part("Content-Type: " + type +
                       "\r\nContent-Transfer-Encoding: base64\r\n"
                       "Content-Disposition: attachment; filename=\"" +
                       name + "\"\r\n",
                   encode_base64_lines(content)));
}

const std::string kProgram = "MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff\0\0"s + std::string(200, '\0');
const OptionMap kExe = {{"names", Texts{"*.exe"}}};

}  // namespace

TEST(AttachmentRule, StripsByName) {
  const std::string message = attached("Invoice.EXE", "harmless");
  const Outcome outcome = run(kExe, message);
  EXPECT_THAT(outcome.message, HasSubstr("The attachment \"Invoice.EXE\" (text/plain, 8 bytes)"));
  EXPECT_THAT(outcome.message, HasSubstr("Hello"));
  EXPECT_THAT(outcome.message, Not(HasSubstr("filename")));
  EXPECT_THAT(outcome.message, Not(HasSubstr("base64")));
  EXPECT_THAT(outcome.notes, ElementsAre("stripped \"Invoice.EXE\" (text/plain): *.exe"));
  EXPECT_EQ(run(kExe, attached("a.pdf", "harmless")).message, attached("a.pdf", "harmless"));
}

TEST(AttachmentRule, SpeaksGerman) {
  OptionMap options = kExe;
  options["language"] = "de"s;
  EXPECT_THAT(run(options, attached("a.exe", "x")).message,
              HasSubstr("Der Anhang \"a.exe\" (application/octet-stream, 1 Byte)"));
}

TEST(AttachmentRule, NameOfTheSenderDoesNothing) {
  const Outcome outcome = run(kExe, attached("http://evil.example/a\u202E.exe", "x"));
  EXPECT_THAT(outcome.message, HasSubstr("hxxp://evil.example/a.exe"));
}

TEST(AttachmentRule, StripsByDetectedType) {
  const OptionMap options = {{"types", Texts{"executable"}}};
  EXPECT_THAT(run(options, attached("a.pdf", kProgram, "application/pdf")).notes,
              ElementsAre("stripped \"a.pdf\" (application/x-dosexec): executable"));
  EXPECT_THAT(run(options, attached("a.exe", "text")).notes, IsEmpty());
}

TEST(AttachmentRule, StripsByDeclaredType) {
  const OptionMap options = {{"declared", Texts{"application/x-*"}}};
  EXPECT_THAT(run(options, attached("a", "text", "application/x-foo")).notes,
              ElementsAre("stripped \"a\" (text/plain): application/x-*"));
  EXPECT_THAT(run(options, attached("a", "text", "image/png")).notes, IsEmpty());
}

TEST(AttachmentRule, LooksIntoArchives) {
  const std::string zip = make_zip({{"a.txt", "x"}, {"evil.exe", kProgram}});
  EXPECT_THAT(run(kExe, attached("a.zip", zip)).notes,
              ElementsAre("stripped \"a.zip\" (application/zip): evil.exe: *.exe"));
  EXPECT_THAT(
      run({{"types", Texts{"executable"}}}, attached("a.zip", make_zip({{"a.txt", kProgram}})))
          .notes,
      ElementsAre("stripped \"a.zip\" (application/zip): a.txt: executable"));
  OptionMap options = kExe;
  options["archives"] = false;
  EXPECT_THAT(run(options, attached("a.zip", zip)).notes, IsEmpty());
}

TEST(AttachmentRule, EncryptedAndUnreadable) {
  const std::string zip =
      make_archive("zip", {{"a.txt", "x"}}, nullptr, "zip:encryption=traditional", "secret");
  EXPECT_THAT(run({{"encrypted", true}}, attached("a.zip", zip)).notes,
              ElementsAre("stripped \"a.zip\" (application/zip): encrypted"));
  EXPECT_THAT(run(kExe, attached("a.zip", zip)).notes, IsEmpty());
  EXPECT_THAT(run({{"encrypted", true}}, attached("a.pdf", "%PDF-1.4\n/Encrypt 5 0 R")).notes,
              ElementsAre("stripped \"a.pdf\" (application/pdf): encrypted"));

  std::string broken = make_archive("gnutar", {{"a", "b"}}, "gzip");
  broken.resize(broken.size() / 2);
  EXPECT_THAT(run(kExe, attached("a.tgz", broken)).notes,
              ElementsAre("stripped \"a.tgz\" (application/gzip): unreadable: broken"));
  OptionMap options = kExe;
  options["unreadable"] = false;
  EXPECT_THAT(run(options, attached("a.tgz", broken)).notes, IsEmpty());
  EXPECT_THAT(run(kExe, attached("a.ace", "\0\0\0\0\0\0\0**ACE**"s + std::string(50, '\1'))).notes,
              ElementsAre(HasSubstr("unreadable: an archive of an unknown kind")));
}

TEST(AttachmentRule, Macros) {
  const std::string docm = make_zip({{"word/vbaProject.bin", "x"}});
  const OptionMap options = {{"types", Texts{"office_macro"}}};
  EXPECT_THAT(run(options, attached("a.docm", docm)).notes,
              ElementsAre(HasSubstr(": office_macro")));
  EXPECT_THAT(run(options, attached("a.zip", make_zip({{"a.docm", docm}}))).notes,
              ElementsAre(HasSubstr("a.docm: office_macro")));
}

TEST(AttachmentRule, Exceptions) {
  OptionMap options = kExe;
  options["except_names"] = Texts{"setup*.exe", "*.zip"};
  EXPECT_THAT(run(options, attached("setup1.exe", "x")).notes, IsEmpty());
  EXPECT_THAT(run(options, attached("other.exe", "x")).notes, Not(IsEmpty()));
  EXPECT_THAT(run(options, attached("a.zip", make_zip({{"b.exe", "x"}}))).notes, Not(IsEmpty()));
  EXPECT_THAT(run(options, attached("a.zip", make_zip({{"setup.exe", "x"}}))).notes, IsEmpty());
  options = {{"names", Texts{"*"}}, {"except_types", Texts{"application/pdf"}}};
  EXPECT_THAT(run(options, attached("a.pdf", "%PDF-1.4\n")).notes, IsEmpty());
  EXPECT_THAT(run(options, attached("a.pdf", "text")).notes, Not(IsEmpty()));
}

TEST(AttachmentRule, Renames) {
  OptionMap options = kExe;
  options["action"] = "rename"s;
  Outcome outcome = run(options, attached("a.exe", "content"));
  EXPECT_THAT(outcome.message, HasSubstr("Content-Type: application/octet-stream;\r\n"
                                         " name=\"a.exe.blocked\"\r\n"
                                         "Content-Disposition: attachment;\r\n"
                                         " filename=\"a.exe.blocked\"\r\n"
                                         "Content-Transfer-Encoding: base64\r\n\r\n" +
                                         encode_base64_lines("content")));
  EXPECT_THAT(outcome.notes, ElementsAre(StartsWith("renamed \"a.exe\"")));
  options["suffix"] = ".txt"s;
  outcome = run(options, attached("ä/b.exe", "content"));
  EXPECT_THAT(outcome.message, HasSubstr("filename*0*=utf-8''%C3%A4_b.exe.txt\r\n"));
}

TEST(AttachmentRule, Stops) {
  OptionMap options = {{"names", Texts{"*.exe"}}, {"encrypted", true}, {"action", "refuse"s}};
  Outcome outcome = run(options, attached("a.exe", "x"));
  ASSERT_TRUE(outcome.stop);
  EXPECT_EQ(outcome.stop->action, config::Action::refuse);
  EXPECT_EQ(outcome.stop->verdict.cause, Cause::attachment);
  EXPECT_EQ(outcome.stop->verdict.detail, "a.exe: *.exe");
  options["action"] = "quarantine"s;
  outcome = run(options, attached("a.7z", octets(kSevenZipHeaderEncrypted)));
  ASSERT_TRUE(outcome.stop);
  EXPECT_EQ(outcome.stop->action, config::Action::quarantine);
  EXPECT_EQ(outcome.stop->verdict.cause, Cause::encrypted);
  EXPECT_EQ(outcome.stop->verdict.detail, "a.7z: encrypted");
}

TEST(AttachmentRule, TextsOfTheMessageStay) {
  const OptionMap options = {{"names", Texts{"*"}}, {"types", Texts{"text/*", "script"}}};
  const std::string script = "Subject: x\r\n\r\n#!/bin/sh\r\necho\r\n";
  EXPECT_EQ(run(options, script).message, script);
  EXPECT_THAT(run({{"types", Texts{"text/x-shellscript"}}}, script).notes, Not(IsEmpty()));
  EXPECT_THAT(run(options, attached("a.txt", "#!/bin/sh\n")).notes, Not(IsEmpty()));
  // A program is no text, whatever it says.
  EXPECT_THAT(run({{"types", Texts{"executable"}}},
                  mail(part("Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n",
                            encode_base64_lines(kProgram))))
                  .notes,
              Not(IsEmpty()));
}

TEST(AttachmentRule, InlineParts) {
  OptionMap options = {{"types", Texts{"executable"}}};
  const std::string message =
      mail(part("Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n",
                encode_base64_lines(kProgram)));
  EXPECT_THAT(run(options, message).notes, Not(IsEmpty()));
  options["inline"] = false;
  EXPECT_THAT(run(options, message).notes, IsEmpty());
}

TEST(AttachmentRule, EveryReadingCounts) {
  // Two names, two encodings.
  const std::string names =
      mail(part("Content-Type: application/pdf; name=\"a.exe\"\r\n"
                "Content-Disposition: attachment; filename=\"a.pdf\"\r\n",
                "x"));
  EXPECT_THAT(run(kExe, names).notes, Not(IsEmpty()));
  const std::string encodings =
      mail(part("Content-Transfer-Encoding: 7bit\r\n"
                "Content-Transfer-Encoding: base64\r\n"
                "Content-Disposition: attachment; filename=\"a\"\r\n",
                encode_base64_lines(kProgram)));
  EXPECT_THAT(run({{"types", Texts{"executable"}}}, encodings).notes, Not(IsEmpty()));
}

TEST(AttachmentRule, MessagesInAttachments) {
  const std::string inner = attached("a.exe", "x");
  const std::string plain = mail(part("Content-Type: message/rfc822\r\n", inner));
  EXPECT_THAT(run(kExe, plain).notes, ElementsAre(StartsWith("stripped \"a.exe\"")));
  EXPECT_THAT(run(kExe, attached("x.eml", inner)).notes, ElementsAre(HasSubstr("a.exe: *.exe")));
  std::string unix_lines = inner;
  std::erase(unix_lines, '\r');
  EXPECT_THAT(run(kExe, attached("x", unix_lines, "message/rfc822")).notes, Not(IsEmpty()));
  // Too deep.
  std::string deep = "Subject: x\r\n\r\nx\r\n";
  for (int i = 0; i < 8; ++i) deep = attached("x.eml", deep);
  EXPECT_THAT(run(kExe, deep).notes, ElementsAre(HasSubstr("packed too deep")));
}

TEST(AttachmentRule, FilesWithinText) {
  const std::string uuencoded =
      "Subject: x\r\n\r\nSee:\r\nbegin 644 a.exe\r\n#34I0\r\n`\r\nend\r\n";
  EXPECT_THAT(run(kExe, uuencoded).notes, ElementsAre(HasSubstr("a.exe: *.exe")));
  EXPECT_THAT(run({{"types", Texts{"x/y"}}, {"names", Texts{"*.com"}}}, uuencoded).notes,
              IsEmpty());
  EXPECT_THAT(run(kExe, "Subject: x\r\n\r\nWe begin with a.exe\r\nbegin a.exe\r\n").notes,
              IsEmpty());
}

TEST(AttachmentRule, TooManyPartsIsAnError) {
  const auto rule = make_attachments({"attachments", kExe});
  MimeStructure structure;
  structure.too_complex = true;
  const TextInMemory text("");
  RuleInput input;
  input.text = &text;
  input.structure = &structure;
  RewritePlan plan(&text, &structure);
  EXPECT_FALSE((*rule)->apply(input, plan));
}

TEST(AttachmentRule, OptionsAreChecked) {
  EXPECT_THAT(error_of({}), StartsWith("/options/names:"));
  EXPECT_THAT(error_of({{"names", Texts{""}}}), StartsWith("/options/names:"));
  EXPECT_THAT(error_of({{"types", Texts{"programs"}}}), StartsWith("/options/types:"));
  EXPECT_THAT(error_of({{"types", Texts{"programs"}}}), HasSubstr("office_macro"));
  EXPECT_THAT(error_of({{"declared", Texts{"executable"}}}), StartsWith("/options/declared:"));
  EXPECT_THAT(error_of({{"names", Texts{"*"}}, {"action", "drop"s}}),
              StartsWith("/options/action:"));
  EXPECT_THAT(error_of({{"names", Texts{"*"}}, {"suffix", "x"s}}), StartsWith("/options/suffix:"));
  EXPECT_THAT(error_of({{"names", Texts{"*"}}, {"archives", false}, {"unreadable", true}}),
              StartsWith("/options/unreadable:"));
  EXPECT_THAT(error_of({{"names", Texts{"*"}}, {"colour", true}}), StartsWith("/options/colour:"));
}

TEST(AttachmentRule, Protects) {
  const auto rule = make_attachments({"attachments", kExe});
  EXPECT_TRUE((*rule)->protects());
  EXPECT_TRUE((*rule)->needs_body());
}
