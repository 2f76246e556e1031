#include "filters/body_notice/body_notice.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "filters/message/content_coding.h"
#include "tests/unit/filters/rewrite/rule_run.h"

namespace gatepost::filters {
namespace {

using Settings = std::map<std::string, config::FilterOption>;

std::shared_ptr<const Rule> rule(const Settings& options) {
  auto made = make_body_notice({"body_notice", options});
  EXPECT_TRUE(made) << (made ? "" : made.error().detail);
  return made ? *made : nullptr;
}

std::string error_of(const Settings& options) {
  const auto made = make_body_notice({"body_notice", options});
  return made ? "" : made.error().detail;
}

const Settings kTop = {{"text", "From outside."}, {"html", "<p>From outside.</p>"}};
const Settings kEnd = {{"text", "From outside."}, {"html", "<p>From outside.</p>"}, {"at", "end"}};
const Settings kEuro = {{"text", "Costs 5 \xe2\x82\xac \xc3\xa4"}};

struct Result {
  std::string message;
  std::string note;
};

Result noticed(const std::string& message, const Settings& options) {
  RuleRun rewritten(message);
  EXPECT_EQ(rewritten.apply(*rule(options)), "");
  Result result{rewritten.message(), rewritten.note()};
  // Through a second gateway, nothing more is added.
  RuleRun again(result.message);
  EXPECT_EQ(again.apply(*rule(options)), "");
  EXPECT_EQ(again.message(), result.message) << again.note();
  return result;
}

TEST(BodyNotice, goes_into_plain_text) {
  const std::string message = crlf("Subject: x\n\nHello\n");
  EXPECT_EQ(noticed(message, kTop).message, crlf("Subject: x\n\nFrom outside.\n\nHello\n"));
  EXPECT_EQ(noticed(message, kEnd).message, crlf("Subject: x\n\nHello\n\nFrom outside.\n"));
  EXPECT_EQ(noticed(message, kTop).note, "notice added to text/plain");
  EXPECT_EQ(noticed(crlf("Subject: x\n\n"), kTop).message, crlf("Subject: x\n\nFrom outside.\n\n"));
}

TEST(BodyNotice, goes_into_html_at_its_place) {
  const auto html = [](std::string_view body, const Settings& options) {
    const std::string message = crlf("Content-Type: text/html\n\n") + crlf(body);
    return noticed(message, options).message.substr(message.find("\r\n\r\n") + 4);
  };
  const std::string one = "<p>From outside.</p>\r\n";
  EXPECT_EQ(html("<html><body class=x>Hi</body></html>\n", kTop),
            "<html><body class=x>" + one + "Hi</body></html>\r\n");
  EXPECT_EQ(html("<html><body class=x>Hi</body></html>\n", kEnd),
            "<html><body class=x>Hi" + one + "</body></html>\r\n");
  EXPECT_EQ(html("Hi\n", kTop), one + "Hi\r\n");
  EXPECT_EQ(html("Hi\n", kEnd), "Hi\r\n" + one);
  // "<body>" in a comment or in a script is none.
  EXPECT_EQ(html("<!-- <body> --><script>'<body>'</script><body a='>'>Hi\n", kTop),
            "<!-- <body> --><script>'<body>'</script><body a='>'>" + one + "Hi\r\n");
  EXPECT_EQ(html("<html><head><title><body></title></head>Hi\n", kTop),
            "<html><head><title><body></title></head>" + one + "Hi\r\n");
  EXPECT_EQ(html("<!doctype html>Hi</html>\n", kEnd), "<!doctype html>Hi" + one + "</html>\r\n");
}

TEST(BodyNotice, is_made_of_the_text_for_html) {
  const std::string message = crlf("Content-Type: text/html; charset=iso-8859-1\n\nHi\n");
  const std::string html =
      noticed(message, {{"text", "A < b & {user}\nsecond: \xe2\x82\xac"}}).message;
  EXPECT_NE(html.find("A &lt; b &amp; joe&lt;b&gt;<br>\r\nsecond: &#8364;</div>\r\nHi"),
            std::string::npos)
      << html;
}

TEST(BodyNotice, goes_into_each_alternative_of_the_first_part) {
  const std::string message = crlf(
      "Content-Type: multipart/mixed; boundary=a\n\npreamble\n--a\n"
      "Content-Type: multipart/alternative; boundary=b\n\n--b\n"
      "Content-Type: text/plain\n\nplain\n--b\n"
      "Content-Type: multipart/related; boundary=c\n\n--c\n"
      "Content-Type: text/html\n\n<body>html</body>\n--c\n"
      "Content-Type: text/html\n\nnot this\n--c--\n--b\n"
      "Content-Type: text/calendar\n\nBEGIN:VCALENDAR\n--b\n"
      "Content-Type: text/enriched\n\nenriched\n--b--\n--a\n"
      "Content-Type: text/plain\n\nnor this\n--a\n"
      "Content-Type: text/plain; name=x.txt\n\nnor that\n--a--\n");
  const Result top = noticed(message, kTop);
  EXPECT_EQ(top.note, "notice added to text/plain, text/html");
  std::string expected = message;
  expected.insert(expected.find("plain\r\n--b"), "From outside.\r\n\r\n");
  expected.insert(expected.find("html</body>"), "<p>From outside.</p>\r\n");
  EXPECT_EQ(top.message, expected);
  expected = message;
  expected.insert(expected.find("\r\n--b\r\nContent-Type: multipart/related"),
                  "\r\n\r\nFrom outside.\r\n");
  expected.insert(expected.find("</body>"), "<p>From outside.</p>\r\n");
  EXPECT_EQ(noticed(message, kEnd).message, expected);
}

TEST(BodyNotice, respects_transfer_encodings) {
  const std::string quoted = crlf(
      "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
      "a=20=\n b\n");
  EXPECT_EQ(added(quoted, noticed(quoted, kEuro).message), "Costs 5 =E2=82=AC =C3=A4\r\n\r\n");
  const std::string base64 = crlf(
      "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nSGVsbG8K\n");
  const std::string message = noticed(base64, kTop).message;
  const std::size_t body = message.find("\r\n\r\n") + 4;
  EXPECT_EQ(decode_content(TransferEncoding::base64, message.substr(body)),
            "From outside.\r\n\r\nHello\n");
  EXPECT_EQ(message.substr(0, body), base64.substr(0, body));
}

TEST(BodyNotice, is_written_in_the_charset_of_the_part) {
  const auto text = [](std::string_view type, std::string_view body) {
    return noticed(crlf("Subject: x\nContent-Type: text/plain" + std::string(type) +
                        "\nContent-Transfer-Encoding: 8bit\n\n") +
                       std::string(body) + "\r\n",
                   kEuro);
  };
  EXPECT_NE(text("; charset=iso-8859-15", "x").message.find("Costs 5 \xa4 \xe4\r\n\r\nx"),
            std::string::npos);
  EXPECT_NE(text("; charset=iso-8859-1", "x").message.find("Costs 5 EUR \xe4\r\n\r\nx"),
            std::string::npos);
  EXPECT_NE(text("; charset=utf-8", "x").message.find("Costs 5 \xe2\x82\xac"), std::string::npos);
  for (const std::string_view none : {"", "; charset=us-ascii"}) {
    const std::string message = text(none, "x").message;
    EXPECT_NE(message.find("charset=utf-8"), std::string::npos) << message;
    EXPECT_NE(message.find("Costs 5 \xe2\x82\xac \xc3\xa4\r\n\r\nx"), std::string::npos);
  }
  // Its charset is not known, and what is there would not be UTF-8; or nothing can say it.
  EXPECT_EQ(text("", "\xe4").note, "notice added in front: another charset");
  EXPECT_EQ(text("; charset=utf-16", "x").note, "notice added in front: another charset");
  EXPECT_EQ(text("; charset=x-unknown", "x").note, "notice added in front: another charset");
  EXPECT_EQ(noticed(crlf("Content-Type: text/plain; charset=iso-8859-1\n\nx\n"),
                    {{"text", "\xe6\x97\xa5\xe6\x9c\xac"}})
                .note,
            "notice added in front: another charset");
}

TEST(BodyNotice, changes_a_7bit_part_to_8bit) {
  const std::string message =
      noticed(crlf("Content-Type: text/plain\nContent-Transfer-Encoding: 7bit\n\nx\n"), kEuro)
          .message;
  EXPECT_EQ(message.find("7bit"), std::string::npos) << message;
  EXPECT_NE(message.find("8bit"), std::string::npos) << message;
}

TEST(BodyNotice, is_stuffed_in_flowed_text) {
  const Settings options = {{"text", "From here\n> no quote \n  two blanks\n\nend\n\n"}};
  EXPECT_EQ(noticed(crlf("Content-Type: text/plain; format=flowed\n\nx\n"), options).message,
            crlf("Content-Type: text/plain; format=flowed\n\n From here\n > no quote\n   two "
                 "blanks\n\nend\n\nx\n"));
  EXPECT_EQ(noticed(crlf("Content-Type: text/plain\n\nx\n"), options).message,
            crlf("Content-Type: text/plain\n\nFrom here\n> no quote\n  two blanks\n\nend\n\nx\n"));
}

TEST(BodyNotice, never_touches_what_is_signed_or_encrypted) {
  const std::vector<std::string> messages = {
      crlf("Content-Type: multipart/signed; boundary=a; protocol=\"application/pgp-signature\"\n\n"
           "--a\nContent-Type: text/plain\n\nsigned\n--a\n"
           "Content-Type: application/pgp-signature\n\nx\n--a--\n"),
      crlf("Content-Type: multipart/encrypted; boundary=a\n\n--a\n"
           "Content-Type: application/pgp-encrypted\n\nVersion: 1\n--a\n\nx\n--a--\n"),
      crlf("Content-Type: application/pkcs7-mime; name=smime.p7m\n"
           "Content-Transfer-Encoding: base64\n\nAAAA\n"),
      crlf("Content-Type: application/x-pkcs7-mime\n\nAAAA\n"),
      crlf("Content-Type: application/octet-stream; name=smime.p7m\n\nAAAA\n"),
      crlf("Content-Type: multipart/mixed; boundary=b\n\n--b\n"
           "Content-Type: multipart/signed; boundary=a\n\n--a\n\nsigned\n--a\n"
           "Content-Type: application/pgp-signature\n\nx\n--a--\n--b\n\nfooter of a list\n--b--\n"),
      crlf("Content-Type: text/plain\n\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: x\n\nx\n"),
      crlf("Content-Type: text/plain\n\nHi\n-----BEGIN PGP MESSAGE-----\n\nx\n"),
      crlf("Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n") +
          encode_base64_lines("-----BEGIN PGP SIGNED MESSAGE-----\nHash: x\n\nx\n"),
      crlf("Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n"
           "-----BEGIN=20PGP SIGNED MESS=\nAGE-----\nHash: x\n"),
  };
  for (const std::string& message : messages) {
    const Result skipped = noticed(message, kTop);
    EXPECT_EQ(skipped.message, message);
    Settings wrap = kTop;
    wrap["signed"] = "wrap";
    const Result wrapped = noticed(message, wrap);
    if (wrapped.note == "notice not added: S/MIME") {
      EXPECT_EQ(wrapped.message, message);
      EXPECT_TRUE(message.find("p7m") != std::string::npos ||
                  message.find("pkcs7") != std::string::npos);
      continue;
    }
    EXPECT_EQ(skipped.note, "notice not added: signed or encrypted");
    EXPECT_EQ(wrapped.note, "notice added in front: signed or encrypted") << message;
    EXPECT_NE(wrapped.message.find(message.substr(message.find("\r\n\r\n"))), std::string::npos)
        << wrapped.message;
    const MimeStructure structure = mime_structure(wrapped.message);
    ASSERT_GE(structure.parts.size(), 3U);
    EXPECT_EQ(structure.parts[0].type(), "multipart/mixed");
    EXPECT_EQ(structure.parts[1].type(), "text/plain");
    EXPECT_EQ(structure.parts[2].type(), mime_structure(message).parts[0].type());
  }
}

TEST(BodyNotice, a_signed_message_that_is_attached_does_not_matter) {
  const std::string message = crlf(
      "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nHi\n--b\n"
      "Content-Type: message/rfc822\n\nContent-Type: multipart/signed; "
      "boundary=a\n\n--a\n\nsigned\n"
      "--a\nContent-Type: application/pgp-signature\n\nx\n--a--\n--b--\n");
  EXPECT_EQ(added(message, noticed(message, kTop).message), "From outside.\r\n\r\n");
}

TEST(BodyNotice, goes_in_front_of_a_message_without_text) {
  const std::string message = crlf("Content-Type: application/pdf\nX: y\n\n%PDF\n");
  const Result wrapped = noticed(message, kEuro);
  EXPECT_EQ(wrapped.note, "notice added in front: no text");
  const MimeStructure structure = mime_structure(wrapped.message);
  ASSERT_EQ(structure.parts.size(), 3U);
  EXPECT_EQ(structure.parts[1].charset, "utf-8");
  EXPECT_EQ(structure.parts[2].type(), "application/pdf");
  EXPECT_NE(wrapped.message.find("Costs 5 =E2=82=AC"), std::string::npos);
  Settings skip = kTop;
  skip["no_text"] = "skip";
  EXPECT_EQ(noticed(message, skip).message, message);
  for (const std::string_view attached :
       {"Content-Type: text/plain\nContent-Disposition: attachment\n\nx\n",
        "Content-Type: text/plain; name=a.txt\n\nx\n",
        "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: image/png\n\nx\n--a\n\n"
        "x\n--a--\n"}) {
    EXPECT_EQ(noticed(crlf(attached), kTop).note, "notice added in front: no text") << attached;
  }
}

TEST(BodyNotice, a_text_that_is_too_large_stays_as_it_is) {
  std::string message = crlf("Content-Type: text/plain\n\n");
  while (message.size() < RewritePlan::kMaxContent + 100) message += "A line of text.\r\n";
  const Result wrapped = noticed(message, kTop);
  EXPECT_EQ(wrapped.note, "notice added in front: too large");
  EXPECT_NE(wrapped.message.find(message.substr(message.find("\r\n\r\n"))), std::string::npos);
}

TEST(BodyNotice, is_not_added_twice) {
  Settings two = kTop;
  two["text"] = "One line.\nTwo.";
  const std::string message = crlf("Content-Type: text/plain; charset=utf-8\n\nOne line.\nHi\n");
  const Result once = noticed(message, two);
  RuleRun again(once.message);
  EXPECT_EQ(again.apply(*rule(two)), "");
  EXPECT_EQ(again.note(), "notice not added: it is there");
}

TEST(BodyNotice, says_what_is_wrong_with_its_options) {
  EXPECT_EQ(error_of({}), "/options/text: must be a text, not empty");
  EXPECT_EQ(error_of({{"text", " \n"}}), "/options/text: must be a text, not empty");
  EXPECT_EQ(error_of({{"text", "{nobody}"}}).substr(0, 40),
            "/options/text: unknown variable {nobody}");
  EXPECT_EQ(error_of({{"text", "x"}, {"html", "{nobody}"}}).substr(0, 14), "/options/html:");
  EXPECT_EQ(error_of({{"text", "x"}, {"at", "middle"}}), "/options/at: must be one of: top, end");
  EXPECT_EQ(error_of({{"text", "x"}, {"no", "y"}}), "/options/no: is not known to this filter");
  EXPECT_EQ(error_of({{"text", "x"}, {"text_file", "y"}}),
            "/options/text_file: there is a \"text\" as well");
  EXPECT_EQ(error_of({{"text_file", "/nowhere/x"}}),
            "/options/text_file: /nowhere/x: No such file or directory");
  EXPECT_EQ(error_of({{"text", std::string(kMaxBodyNoticeLine + 1, 'x')}}),
            "/options/text: a line is longer than 500 octets");
  EXPECT_EQ(error_of({{"text", std::string(kMaxBodyNoticeLine, 'x')}}), "");
}

TEST(BodyNotice, can_be_read_from_files) {
  const auto path =
      std::filesystem::temp_directory_path() / ("gatepost_notice_" + std::to_string(::getpid()));
  std::ofstream(path) << "From a file.\n";
  EXPECT_EQ(noticed(crlf("Subject: x\n\nHi\n"), {{"text_file", path.string()}}).message,
            crlf("Subject: x\n\nFrom a file.\n\nHi\n"));
  std::ofstream large(path);
  for (std::size_t i = 0; i <= kMaxBodyNotice / 10; ++i) large << "123456789\n";
  large.close();
  EXPECT_EQ(error_of({{"text_file", path.string()}}),
            "/options/text_file: larger than 65536 octets");
  std::ofstream(path).close();
  EXPECT_EQ(error_of({{"text_file", path.string()}}),
            "/options/text_file: " + path.string() + ": is empty");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace gatepost::filters
