#include "filters/notice/notice.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "filters/message/header_text.h"

namespace gatepost::filters {
namespace {

NoticeFacts eicar() {
  NoticeFacts facts;
  facts.cause = Cause::infected;
  facts.threat = "Eicar-Test-Signature";
  facts.scanner = "clamd";
  facts.from = "Alice Example <alice@example.org>";
  facts.subject = "Invoice";
  facts.date = "Tue, 24 Nov 2026 09:08:07 +0100";
  facts.size = 1'234'567;
  facts.quarantine_number = "17";
  return facts;
}

config::Notice in(std::string language) {
  config::Notice config;
  config.language = std::move(language);
  config.contact = "helpdesk@example.org";
  return config;
}

std::string write(const NoticeFacts& facts, const config::Notice& config = in("en")) {
  const auto writer = NoticeWriter::create(config);
  EXPECT_TRUE(writer) << (writer ? "" : writer.error().detail);
  return writer ? (*writer)->write(facts) : "";
}

int hex(char c) { return c <= '9' ? c - '0' : c - 'A' + 10; }

/// The decoded text of a part.
std::string part(const std::string& message, const std::string& type) {
  const std::size_t head = message.find("Content-Type: " + type);
  if (head == std::string::npos) return "";
  const std::size_t start = message.find("\r\n\r\n", head) + 4;
  const std::string encoded = message.substr(start, message.find("--=_", start) - start);
  std::string out;
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] != '=') {
      out += encoded[i];
    } else if (encoded[i + 1] == '\r') {
      i += 2;
    } else {
      out += static_cast<char>(hex(encoded[i + 1]) * 16 + hex(encoded[i + 2]));
      i += 2;
    }
  }
  return out;
}

std::string text_of(const std::string& message) { return part(message, "text/plain"); }
std::string html_of(const std::string& message) { return part(message, "text/html"); }

/// The header's fields, unfolded.
std::string field(const std::string& message, const std::string& name) {
  const std::string header = message.substr(0, message.find("\r\n\r\n") + 2);
  const std::size_t start = ("\r\n" + header).find("\r\n" + name + ": ");
  if (start == std::string::npos) return "";
  std::string value;
  for (std::size_t at = start + name.size() + 2; at < header.size();) {
    const std::size_t end = header.find("\r\n", at);
    value += header.substr(at, end - at);
    at = end + 2;
    if (at >= header.size() || header[at] != ' ') break;
  }
  return value;
}

bool is_wire_form(const std::string& message) {
  std::size_t line = 0;
  for (std::size_t i = 0; i < message.size(); ++i) {
    const char c = message[i];
    if (c == '\r') {
      if (i + 1 == message.size() || message[i + 1] != '\n' || line > 998) return false;
      line = 0;
      ++i;
    } else if (c < ' ' || c > '~') {
      return false;
    } else {
      ++line;
    }
  }
  return message.ends_with("\r\n");
}

TEST(NoticeWriter, tells_what_was_held_back) {
  const std::string notice = write(eicar());
  EXPECT_TRUE(is_wire_form(notice));
  EXPECT_EQ(field(notice, "From"),
            "\"Gatepost, in place of Alice Example\" <gatepost@localhost.invalid>");
  EXPECT_EQ(field(notice, "Subject"), "[Blocked] Invoice");
  EXPECT_EQ(field(notice, "Date"), "24 Nov 2026 09:08:07 +0100");
  EXPECT_EQ(field(notice, "X-Gatepost-Notice"), "infected");
  EXPECT_EQ(field(notice, "Auto-Submitted"), "auto-generated");
  EXPECT_EQ(field(notice, "MIME-Version"), "1.0");
  for (const std::string& text : {text_of(notice), html_of(notice)}) {
    for (const char* expected :
         {"Eicar-Test-Signature", "clamd", "Alice Example", "Invoice", "1.2 MB (1234567 bytes)",
          "number 17", "helpdesk@example.org", "it contains a virus"}) {
      EXPECT_NE(text.find(expected), std::string::npos) << expected << " in\n" << text;
    }
  }
  EXPECT_NE(html_of(notice).find("&lt;alice@example.org&gt;"), std::string::npos);
  EXPECT_TRUE(html_of(notice).starts_with("<!DOCTYPE html>"));
  EXPECT_TRUE(html_of(notice).ends_with("</html>\r\n\r\n"));
}

TEST(NoticeWriter, the_same_facts_are_the_same_octets) {
  EXPECT_EQ(write(eicar()), write(eicar()));
  NoticeFacts other = eicar();
  other.size += 1;
  EXPECT_NE(field(write(eicar()), "Message-ID"), field(write(other), "Message-ID"));
}

TEST(NoticeWriter, speaks_both_languages) {
  const std::string german = write(eicar(), in("de"));
  EXPECT_NE(text_of(german).find("Schadsoftware"), std::string::npos);
  EXPECT_NE(text_of(german).find("1,2 MB (1234567 Byte)"), std::string::npos);
  EXPECT_EQ(text_of(german).find("virus"), std::string::npos);
  const std::string both = write(eicar(), in("en,de"));
  const std::size_t first = text_of(both).find("contains a virus");
  EXPECT_LT(first, text_of(both).find("Schadsoftware"));
  EXPECT_NE(first, std::string::npos);
  const std::string html = html_of(both);
  EXPECT_EQ(html.find("<body>"), html.rfind("<body>"));
  EXPECT_LT(html.find("<hr>"), html.find("</body>"));
}

TEST(NoticeWriter, every_cause_has_words_in_every_language) {
  for (const char* language : {"en", "de"}) {
    for (int cause = 1; cause < static_cast<int>(Cause::count_); ++cause) {
      NoticeFacts facts;
      facts.cause = static_cast<Cause>(cause);
      const std::string text = text_of(write(facts, in(language)));
      EXPECT_EQ(text.find(" it was held back"), std::string::npos);
      EXPECT_EQ(text.find(" sie wurde"), std::string::npos);
    }
  }
}

TEST(NoticeWriter, leaves_out_what_it_does_not_know) {
  NoticeFacts facts;
  facts.cause = Cause::oversize;
  facts.date = "some day";
  const std::string notice = write(facts);
  EXPECT_EQ(field(notice, "From"), "\"Gatepost\" <gatepost@localhost.invalid>");
  EXPECT_EQ(field(notice, "Subject"), "[Blocked]");
  EXPECT_EQ(field(notice, "Date"), "");
  for (const char* absent : {"quarantine", "Found", "Subject:", "From:"}) {
    EXPECT_EQ(text_of(notice).find(absent), std::string::npos) << absent;
    EXPECT_EQ(html_of(notice).find(absent), std::string::npos) << absent;
  }
}

TEST(NoticeWriter, no_sender_gets_anything_through) {
  const std::string nul("\0", 1);
  for (const std::string& attack :
       {std::string("x\r\nBcc: victim@example.org\r\n\r\nbody"), std::string("x\n\n<b>y</b>"),
        std::string("=?utf-8?B?eA0KQmNjOiB5?="), std::string("<script>alert('1')</script>\"&"),
        "a" + nul + "b", std::string("\u202egpj.exe\u2066"), std::string("--=_gatepost_notice--"),
        std::string("{threat}{quarantine}"), std::string(100'000, 'x'), std::string("\xff\xfe\x80"),
        std::string("http://evil.example/ https://e www.e ftp://e"), std::string("\x1b]0;x\x07"),
        std::string("=?utf-8?Q?=3C?= =?utf-8?Q?script=3E?="), std::string(60'000, '\n'),
        std::string(".\r\n.\r\n"), std::string("=?utf-8?Q?=3D=3Futf-8=3FQ=3Fx=3F=3D?=")}) {
    NoticeFacts facts = eicar();
    facts.from = facts.subject = facts.date = facts.threat = facts.scanner = attack;
    for (const char* language : {"en", "de", "en,de"}) {
      const std::string notice = write(facts, in(language));
      SCOPED_TRACE(notice.substr(0, 2000));
      EXPECT_TRUE(is_wire_form(notice));
      EXPECT_LT(notice.size(), 30'000U);
      EXPECT_EQ(field(notice, "Bcc"), "");
      EXPECT_EQ(notice.find("\r\n.\r\n"), std::string::npos);
      // Two parts and one end, whatever the values say.
      const std::string mark = "\r\n--=_gatepost_notice";
      std::size_t marks = 0;
      for (std::size_t at = 0; (at = notice.find(mark, at)) != std::string::npos; ++at) ++marks;
      EXPECT_EQ(marks, 3U);
      const std::string html = html_of(notice);
      EXPECT_EQ(html.find("<script"), std::string::npos);
      EXPECT_EQ(html.find("<b>"), std::string::npos);
      for (const std::string& text : {text_of(notice), html}) {
        EXPECT_EQ(text.find("http"), std::string::npos);
        EXPECT_EQ(text.find("www."), std::string::npos);
        EXPECT_EQ(text.find("\u202e"), std::string::npos);
        EXPECT_EQ(text.find('\x1b'), std::string::npos);
        EXPECT_EQ(text.find('\0'), std::string::npos);
      }
      EXPECT_EQ(decode_words(field(notice, "Subject")).find("\r\n"), std::string::npos);
    }
  }
}

class NoticeFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "notice.XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string file(std::string_view text) {
    const std::string path = folder_ / "template";
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  std::filesystem::path folder_;
};

TEST_F(NoticeFiles, the_administrator_has_the_word) {
  config::Notice config = in("en,de");
  config.text_file = file("Weg: {cause}\n{quarantine}\n");
  NoticeFacts facts = eicar();
  facts.quarantine_number.clear();
  const std::string text = text_of(write(facts, config));
  EXPECT_EQ(text,
            "Weg: it contains a virus or other malicious software / "
            "sie enthält einen Virus oder andere Schadsoftware\r\n\r\n");
}

TEST_F(NoticeFiles, are_read_whole_or_not_at_all) {
  config::Notice config = in("en");
  config.html_file = file(std::string(NoticeWriter::kMaxTemplate, 'x'));
  EXPECT_TRUE(NoticeWriter::create(config));
  config.html_file = file(std::string(NoticeWriter::kMaxTemplate + 1, 'x'));
  const auto large = NoticeWriter::create(config);
  ASSERT_FALSE(large);
  EXPECT_NE(large.error().detail.find("larger than 65536 octets"), std::string::npos);
}

TEST_F(NoticeFiles, what_is_wrong_is_said_with_its_place) {
  config::Notice config = in("en");
  config.text_file = file("ok\n{foo}\n");
  const auto wrong = NoticeWriter::create(config);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::config);
  EXPECT_TRUE(wrong.error().detail.starts_with("/text_file: ")) << wrong.error().detail;
  EXPECT_NE(wrong.error().detail.find("line 2: unknown variable {foo}"), std::string::npos);

  config = in("en");
  config.html_file = folder_ / "absent";
  const auto absent = NoticeWriter::create(config);
  ASSERT_FALSE(absent);
  EXPECT_TRUE(absent.error().detail.starts_with("/html_file: ")) << absent.error().detail;
  config.html_file = folder_;
  EXPECT_FALSE(NoticeWriter::create(config));
}

TEST(NoticeWriter, knows_its_languages) {
  for (const char* language : {"", "fr", "en,", "en,en", ",de", "de en"}) {
    const auto writer = NoticeWriter::create(in(language));
    ASSERT_FALSE(writer) << language;
    EXPECT_TRUE(writer.error().detail.starts_with("/language: "));
  }
  EXPECT_TRUE(NoticeWriter::create(in("de,en")));
}

}  // namespace
}  // namespace gatepost::filters
