#include "filters/defang/defang_rule.h"

#include <gtest/gtest.h>

#include <string>

#include "filters/message/content_coding.h"
#include "tests/unit/filters/rewrite/rule_run.h"

namespace gatepost::filters {
namespace {

using Settings = std::map<std::string, config::FilterOption>;

std::string error_of(const Settings& options) {
  const auto made = make_defang({"defang", options});
  return made ? "" : made.error().detail;
}

struct Result {
  std::string message;
  std::string note;
};

Result defanged(const std::string& message, const Settings& options = {}) {
  const auto rule = make_defang({"defang", options});
  if (!rule) return {"", rule.error().detail};
  RuleRun rewritten(message);
  EXPECT_EQ((rewritten.apply(**rule)), "");
  Result result{rewritten.message(), rewritten.note()};
  RuleRun again(result.message);
  EXPECT_EQ(again.apply(**rule), "");
  EXPECT_EQ(again.message(), result.message) << again.note();
  return result;
}

TEST(DefangRule, leaves_what_is_harmless_octet_for_octet) {
  for (const std::string_view message :
       {"Subject: x\n\n<script>this is text</script>\n",
        "Content-Type: text/html\n\n<P ALIGN=center>Hi<br>there\n",
        "Content-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\n<p>\xe4\n",
        "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
        "<p class=3D\"x\">=C3=A4=\n</p>\n",
        "Content-Type: text/html; charset=shift_jis\nContent-Transfer-Encoding: 8bit\n\n"
        "<p>\x82\xa0\x83\x5c</p>\n",
        "Content-Type: multipart/mixed; boundary=a\n\n--a\n\n<script>x</script>\n--a\n"
        "Content-Type: application/pdf\n\n<script>x</script>\n--a--\n"}) {
    EXPECT_EQ(defanged(crlf(message)).message, crlf(message));
    EXPECT_EQ(defanged(crlf(message)).note, "");
  }
}

TEST(DefangRule, changes_the_parts_that_do_harm_alone) {
  const std::string message = crlf(
      "Subject: x\nContent-Type: multipart/alternative; boundary=a\n\npre\n--a\n\nplain\n--a\n"
      "Content-Type: text/html; charset=iso-8859-1; x=y\nContent-ID: <1>\n"
      "Content-Transfer-Encoding: quoted-printable\n\n<p onclick=3Dx>=E4</p>\n--a--\npost\n");
  const Result result = defanged(message);
  EXPECT_EQ(result.note, "defang: 1 script");
  std::string expected = message;
  expected.replace(expected.find("<p onclick"), 23, "<p>=C3=A4</p>");
  expected.replace(expected.find("iso-8859-1"), 10, "utf-8");
  EXPECT_NE(result.message.find("\r\n\r\n<p>=C3=A4</p>"), std::string::npos) << result.message;
  EXPECT_NE(result.message.find("utf-8"), std::string::npos);
  EXPECT_EQ(result.message.find("iso-8859-1"), std::string::npos);
  EXPECT_EQ(result.message.substr(0, 80), message.substr(0, 80));
  EXPECT_TRUE(result.message.ends_with("\r\n--a--\r\npost\r\n"));
}

TEST(DefangRule, reads_every_encoding_and_charset) {
  const auto html = [](std::string_view fields, const std::string& body) {
    const std::string message =
        defanged(crlf("Content-Type: text/html" + std::string(fields) + "\n\n") + body).message;
    const MimeStructure structure = mime_structure(message);
    const MimePart& part = structure.parts.front();
    EXPECT_EQ(part.charset, "utf-8") << message;
    return decode_content(part.encodings.front(), message.substr(part.body_begin));
  };
  EXPECT_EQ(html("\nContent-Transfer-Encoding: base64", encode_base64_lines("<b onclick=x>y</b>")),
            "<b>y</b>");
  EXPECT_EQ(html("; charset=utf-7", "+ADw-script+AD4-alert(1)+ADw-/script+AD4-x\r\n"), "x\r\n");
  EXPECT_EQ(html("; charset=utf-16be\nContent-Transfer-Encoding: base64",
                 encode_base64_lines(std::string("\0<\0b\0 \0o\0n\0x\0=\0y\0>\0z", 20))),
            "<b>z</b>");
  EXPECT_EQ(html("; charset=gb2312\nContent-Transfer-Encoding: 8bit",
                 "<p title=\"\xb0\xa1\" onclick=x>\xb0\xa1</p>\r\n"),
            "<p title=\"\xe5\x95\x8a\">\xe5\x95\x8a</p>\r\n");
  // What would be UTF-7 for some: written anew, and declared.
  EXPECT_EQ(html("", "+ADw-script+AD4-\r\n"), "+ADw-script+AD4-\r\n");
  EXPECT_EQ(html("; charset=x-ebcdic", "text\r\n"), "text\r\n");
  // The mark counts more than the charset that is declared.
  EXPECT_EQ(html("; charset=iso-8859-1\nContent-Transfer-Encoding: base64",
                 encode_base64_lines(std::string("\xff\xfe<\0b\0 \0o\0n\0x\0=\0y\0>\0", 20))),
            "<b></b>");
}

TEST(DefangRule, takes_every_reading_of_a_part) {
  const std::string attack = "\n\n<img src=cid:1 onerror=alert(1)>\n";
  for (const std::string_view fields :
       {"Content-Type: text/plain\nContent-Type: text/html", "Content-Type: application/xhtml+xml",
        "Content-Type: application/octet-stream; name=a.HTM",
        "Content-Type: application/octet-stream\nContent-Disposition: attachment; "
        "filename=\"a.html. \"",
        "Content-Type: text/html\nContent-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: "
        "base64"}) {
    const Result result = defanged(crlf(std::string(fields) + attack));
    EXPECT_EQ(result.note, "defang: 1 script") << fields;
    const MimeStructure structure = mime_structure(result.message);
    const MimePart& part = structure.parts.front();
    EXPECT_EQ(part.encodings.size(), 1U) << result.message;
    const std::string content =
        decode_content(part.encodings.front(), result.message.substr(part.body_begin));
    EXPECT_EQ(content, "<img src=\"cid:1\">\r\n") << result.message;
  }
  const std::string file = crlf("Content-Type: application/octet-stream; name=a.htm" + attack);
  EXPECT_EQ(defanged(file, {{"attachments", false}}).message, file);
}

TEST(DefangRule, can_leave_signed_parts) {
  const std::string message = crlf(
      "Content-Type: multipart/signed; boundary=a; protocol=\"application/pgp-signature\"\n\n--a\n"
      "Content-Type: text/html\n\n<p onclick=x>y</p>\n--a\n"
      "Content-Type: application/pgp-signature\n\nx\n--a--\n");
  EXPECT_EQ(defanged(message).note, "defang: 1 script");
  const Result kept = defanged(message, {{"signed", "keep"}});
  EXPECT_EQ(kept.message, message);
  EXPECT_EQ(kept.note, "defang: a signed part stays as it is");
}

TEST(DefangRule, replaces_what_is_too_large) {
  std::string message = crlf("Content-Type: text/html\nSubject: x\n\n");
  while (message.size() < RewritePlan::kMaxContent + 100) message += "<p>A line of text.</p>\r\n";
  const Result result = defanged(message);
  EXPECT_EQ(result.note, "defang: replaced, it is too large to be made harmless");
  EXPECT_LT(result.message.size(), 1000U);
  EXPECT_NE(result.message.find("Content-Type: text/plain"), std::string::npos);
  EXPECT_NE(result.message.find("Subject: x"), std::string::npos);
}

TEST(DefangRule, replaces_what_is_text_for_some_and_a_multipart_for_others) {
  const std::string message = crlf(
      "Content-Type: multipart/mixed; boundary=a\nContent-Type: text/html\n\n--a\n\n"
      "<script>x</script>\n--a--\n");
  EXPECT_EQ(defanged(message).note, "defang: replaced, it could be read in two ways");
}

TEST(DefangRule, has_options) {
  const std::string message = crlf(
      "Content-Type: text/html\n\n<a href=\"https://x.example/\">y<img "
      "src=\"https://x.example/i.png\"></a>\n");
  EXPECT_EQ(defanged(message).note, "defang: 1 remote image");
  EXPECT_EQ(defanged(message, {{"remote_images", "keep"}}).message, message);
  EXPECT_EQ(defanged(message, {{"remote_images", "keep"}, {"links", "show"}}).note,
            "defang: 1 link shown");
  EXPECT_EQ(error_of({{"links", "hide"}}), "/options/links: must be one of: keep, show");
  EXPECT_EQ(error_of({{"attachments", "yes"}}), "/options/attachments: must be true or false");
  EXPECT_EQ(error_of({{"x", true}}), "/options/x: is not known to this filter");
}

}  // namespace
}  // namespace gatepost::filters
