#include "filters/message/mime_fields.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "filters/message/mime_parameter.h"
#include "filters/message/mime_scanner.h"

namespace gatepost::filters {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using enum TransferEncoding;
using Texts = std::vector<std::string>;
using namespace std::string_literals;

Texts types(std::string_view value) { return read_content_type(value).types; }
Texts names(std::string_view value) { return read_content_disposition(value).names; }
Texts boundaries(std::string_view value) {
  return read_content_type("multipart/mixed; " + std::string(value)).boundaries;
}

TEST(MimeFields, reads_proper_fields) {
  const MimeField field = read_content_type(
      " Text/HTML;\r\n\tcharset=\"UTF-8\"; name=\"a b.html\"; Boundary=xY; protocol=A/b\r\n");
  EXPECT_THAT(field.types, ElementsAre("text/html"));
  EXPECT_THAT(field.charsets, ElementsAre("utf-8"));
  EXPECT_THAT(field.names, ElementsAre("a b.html"));
  EXPECT_THAT(field.boundaries, ElementsAre("xY"));
  EXPECT_THAT(field.protocols, ElementsAre("a/b"));
  EXPECT_FALSE(field.odd);
  EXPECT_FALSE(field.too_many);
}

TEST(MimeFields, reads_types_in_every_way) {
  EXPECT_THAT(types(""), ElementsAre("text/plain"));
  EXPECT_THAT(types("text / html"), ElementsAre("text/html"));
  EXPECT_THAT(types("text/html charset=x"), ElementsAre("text/html"));
  EXPECT_THAT(types("(comment) text/(x (y))html"), Contains("text/html"));
  EXPECT_EQ(types("(comment) text/(x (y))html").front(), "text/html");
  EXPECT_THAT(types("\"text/html\""), ElementsAre("text/plain", "text/html"));
  EXPECT_THAT(types("; text/html"), ElementsAre("text/plain", "text/html"));
  EXPECT_THAT(types("text/plain; multipart/mixed; boundary=b"),
              ElementsAre("text/plain", "multipart/mixed"));
  EXPECT_THAT(types("text/plain, text/html"), ElementsAre("text/plain", "text/html"));
  EXPECT_THAT(types("te\0xt/html"s), Contains("text/html"));
  EXPECT_THAT(types("text/html\0x"s), Contains("text/html"));
  EXPECT_THAT(types("=?utf-8?Q?text/html?="), Contains("text/html"));
  EXPECT_THAT(types("multipart; boundary=b"), ElementsAre("multipart/mixed"));
  EXPECT_THAT(types("text"), ElementsAre("text/plain"));
  EXPECT_TRUE(read_content_type("text").odd);
}

TEST(MimeFields, reads_boundaries_in_every_way) {
  EXPECT_THAT(boundaries("boundary=\"a b\""), ElementsAre("a b"));
  EXPECT_THAT(boundaries("boundary=a b"), ElementsAre("a", "a b"));
  EXPECT_THAT(boundaries("boundary = \r\n a"), ElementsAre("a"));
  EXPECT_THAT(boundaries("boundary=----=_Part_1"), ElementsAre("----=_Part_1"));
  EXPECT_THAT(boundaries("boundary=a/b?c"), ElementsAre("a/b?c"));
  EXPECT_THAT(boundaries("boundary=\"a"), ElementsAre("a"));
  EXPECT_THAT(boundaries("boundary=\"a; b"), ElementsAre("a", "a; b"));
  EXPECT_THAT(boundaries("boundary=\"a\\b\""), ElementsAre("ab", "a\\b"));
  EXPECT_THAT(boundaries("boundary=\"a\"b"), ElementsAre("a", "ab"));
  EXPECT_THAT(boundaries("boundary='a'"), ElementsAre("'a'", "a"));
  EXPECT_THAT(boundaries("boundary=\"a\r\n b\""), ElementsAre("a b", "ab"));
  EXPECT_THAT(boundaries("boundary=a(x)"), ElementsAre("a", "a(x)"));
  EXPECT_THAT(boundaries("boundary=(x)a"), Contains("a"));
  EXPECT_THAT(boundaries("boundary(x)=a"), Contains("a"));
  EXPECT_THAT(boundaries("boundary=a; boundary=b"), ElementsAre("a", "b"));
  EXPECT_THAT(boundaries("charset=x boundary=b"), Contains("b"));
  EXPECT_THAT(boundaries("x=\"y; boundary=b"), Contains("b"));
  EXPECT_THAT(boundaries("x=\"boundary=b\"; boundary=c"), ElementsAre("c", "b\"", "b"));
  EXPECT_THAT(boundaries("bound\0ary=a"s), Contains("a"));
  EXPECT_THAT(boundaries("boundary=a\x01"), Contains("a"));
  EXPECT_THAT(boundaries("boundary=\"=?utf-8?Q?a?=\""), Contains("a"));
  EXPECT_THAT(boundaries("boundary=\"a \""), ElementsAre("a"));
  EXPECT_THAT(boundaries("boundary=\"\""), ElementsAre(""));
  EXPECT_THAT(boundaries("boundary="), ElementsAre(""));
  EXPECT_THAT(boundaries("xboundary=a; x-boundary=b; boundary"), IsEmpty());
  EXPECT_THAT(read_content_type("text/plain boundary=b").boundaries, ElementsAre("b"));
}

TEST(MimeFields, reads_names_in_every_way) {
  EXPECT_THAT(names("attachment; filename=\"a.exe\""), ElementsAre("a.exe"));
  EXPECT_THAT(names("attachment; filename=\"=?utf-8?Q?=C3=A4.exe?=\""),
              ElementsAre("ä.exe", "=?utf-8?Q?=C3=A4.exe?="));
  EXPECT_THAT(names("attachment; filename=a b.exe; size=1"), ElementsAre("a", "a b.exe"));
  EXPECT_THAT(names("attachment; filename=\"C:\\dir\\a.exe\""),
              ElementsAre("C:dira.exe", "C:\\dir\\a.exe"));
  EXPECT_THAT(names("attachment; filename=\"a.txt\"; filename=\"a.exe\""),
              ElementsAre("a.txt", "a.exe"));
  EXPECT_THAT(names("attachment; filename=\" a.exe \""), ElementsAre("a.exe"));
  EXPECT_THAT(names("attachment; filename=\"\""), IsEmpty());
  EXPECT_THAT(names("attachment; filename=\"\xe4.exe\""), ElementsAre("\xe4.exe"));
}

TEST(MimeFields, knows_rfc_2231) {
  EXPECT_THAT(names("attachment; filename*=utf-8''%C3%A4.exe"), Contains("ä.exe"));
  EXPECT_EQ(names("attachment; filename*=ISO-8859-1'en'%E4.exe").front(), "ä.exe");
  EXPECT_EQ(names("attachment; filename*=%41.exe").front(), "A.exe");
  EXPECT_EQ(names("attachment; filename*0=a; filename*1=\".e\"; filename*2=xe").front(), "a.exe");
  EXPECT_EQ(names("attachment; filename*0*=utf-8''%C3; filename*1*=%A4; filename*2=.exe").front(),
            "ä.exe");
  EXPECT_EQ(names("x; filename*1=b; filename*0=a").front(), "ab");
  EXPECT_THAT(names("x; filename*1=b; filename*0=a"), Contains("ba"));
  EXPECT_THAT(names("x; filename*0=a; filename*2=.exe"), Contains("a.exe"));
  EXPECT_THAT(names("x; filename*1=a; filename*2=.exe"), Contains("a.exe"));
  EXPECT_THAT(names("x; filename*0=a; filename*0=b; filename*1=.exe"), Contains("b.exe"));
  EXPECT_THAT(names("x; filename*0*=utf-8''%41; filename*1*=%42"), Contains("utf-8''%41%42"));
  EXPECT_THAT(names("x; filename*=koi8-r''%C1.exe"), Contains("\xc1.exe"));
  EXPECT_THAT(names("x; filename*x=a; filename*99999999999999=b"), IsEmpty());
}

TEST(MimeFields, sees_attachments) {
  const auto sees = [](std::string_view value) { return read_content_disposition(value).types; };
  EXPECT_THAT(sees("ATTACHMENT"), ElementsAre("attachment"));
  EXPECT_THAT(sees("(x) attachment; filename=a"), Contains("attachment"));
  EXPECT_THAT(sees("\"attachment\""), Contains("attachment"));
  EXPECT_THAT(sees("inline; x=attachment"), Not(Contains("attachment")));
  EXPECT_THAT(sees(""), IsEmpty());
}

TEST(MimeFields, reads_encodings_in_every_way) {
  EXPECT_THAT(read_transfer_encoding(" base64\r\n"), ElementsAre(base64));
  EXPECT_THAT(read_transfer_encoding("base64 (x)"), ElementsAre(base64, unknown));
  EXPECT_THAT(read_transfer_encoding("(x) base64"), ElementsAre(base64, unknown));
  EXPECT_THAT(read_transfer_encoding("base64; x"), ElementsAre(base64, unknown));
  EXPECT_THAT(read_transfer_encoding("7bit base64"), ElementsAre(identity, unknown, base64));
  EXPECT_THAT(read_transfer_encoding("ba\0se64"s), ElementsAre(unknown, base64));
  EXPECT_THAT(read_transfer_encoding("x"), ElementsAre(unknown));
}

// Limits.

TEST(MimeFields, cuts_long_names) {
  const std::string name = std::string(2 * MimePart::kMaxName, 'x') + ".exe";
  const Texts found = names("attachment; filename=" + name);
  ASSERT_EQ(found.size(), 2U);
  for (const std::string& text : found) EXPECT_LE(text.size(), MimePart::kMaxName);
  EXPECT_TRUE(found.back().ends_with(".exe"));
  const std::string proper(MimePart::kMaxName, 'x');
  EXPECT_THAT(names("attachment; filename=" + proper), ElementsAre(proper));
}

TEST(MimeFields, cuts_long_boundaries) {
  EXPECT_EQ(boundaries("boundary=" + std::string(kMaxBoundary + 1, 'x')),
            Texts{std::string(kMaxBoundary, 'x')});
}

TEST(MimeFields, counts_parameters) {
  const auto field = [](std::size_t count) {
    std::string text = "attachment";
    for (std::size_t i = 0; i < count; ++i) text += "; filename*" + std::to_string(i) + "=x";
    return read_content_disposition(text);
  };
  EXPECT_FALSE(field(kMaxParameters).too_many);
  EXPECT_TRUE(field(kMaxParameters + 1).too_many);
}

TEST(MimeFields, does_not_read_endless_parameters) {
  const auto field = [](std::size_t size) {
    return read_content_disposition("x; filename=\"" + std::string(size, 'x') + "\"");
  };
  EXPECT_FALSE(field(kMaxParameter - 100).too_many);
  EXPECT_TRUE(field(kMaxParameter + 1).too_many);
}

TEST(MimeFields, counts_readings) {
  const auto field = [](std::size_t count) {
    std::string text = "multipart/mixed";
    for (std::size_t i = 0; i < count; ++i) text += fmt::format("; boundary=a{}(b\"c", i);
    return read_content_type(text);
  };
  EXPECT_FALSE(field(10).too_many);
  EXPECT_TRUE(field(120).too_many);
  EXPECT_LE(field(120).boundaries.size(), kMaxReadings);
}

}  // namespace
}  // namespace gatepost::filters
