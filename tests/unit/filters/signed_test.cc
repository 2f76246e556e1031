// Messages that were signed by the real programs are still valid for them after rewriting.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "filters/body_notice/body_notice.h"
#include "filters/defang/defang_rule.h"
#include "tests/unit/filters/rewrite/rule_run.h"

namespace gatepost::filters {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kContent =
    "Content-Type: text/html; charset=utf-8\n\n<p onclick=x>Signed   \ntext</p>\n";

class Signed : public ::testing::Test {
 protected:
  Signed() {
    std::string name = (fs::temp_directory_path() / "gatepost_signed_XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~Signed() override {
    static_cast<void>(run("gpgconf --homedir . --kill all"));
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  [[nodiscard]] bool run(const std::string& command) const {
    const std::string whole = "cd '" + folder_.string() + "' && { " + command + "; } >log 2>&1";
    return std::system(whole.c_str()) == 0;
  }
  void write(const std::string& name, std::string_view text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// As messages come from a server.
  [[nodiscard]] std::string message(const std::string& name) const {
    std::string text = read(name);
    std::erase(text, '\r');
    return crlf(text);
  }

  fs::path folder_;
};

std::string part_of(const std::string& message, std::size_t index, bool with_header = true) {
  const MimeStructure structure = mime_structure(message);
  if (structure.parts.size() <= index) return "no such part";
  const MimePart& part = structure.parts[index];
  const std::uint64_t begin = with_header ? part.header_begin : part.body_begin;
  return message.substr(begin, part.body_end - begin);
}

/// With a notice in front, and what does harm taken out wherever nothing is signed.
std::string rewritten(const std::string& message) {
  const auto notice = make_body_notice(
      {"body_notice", {{"text", "From outside. \xe2\x82\xac"}, {"signed", "wrap"}}});
  const auto defang = make_defang({"defang", {{"signed", "keep"}}});
  EXPECT_TRUE(notice && defang);
  RuleRun result(message);
  EXPECT_EQ(result.apply(**defang), "");
  EXPECT_EQ(result.apply(**notice), "");
  const std::string text = result.message();
  if (result.note() == "notice not added: S/MIME") {
    EXPECT_EQ(text, message);
    return text;
  }
  EXPECT_EQ(result.note(), "notice added in front: signed or encrypted");
  EXPECT_EQ(mime_structure(text).parts[1].type(), "text/plain");
  return text;
}

TEST_F(Signed, smime_stays_valid) {
  ASSERT_TRUE(run("openssl version")) << "no openssl";
  ASSERT_TRUE(
      run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
          "-keyout key.pem -out cert.pem -subj /CN=joe"))
      << read("log");
  write("content", crlf(kContent));
  for (const std::string how : {"", "-nodetach"}) {
    ASSERT_TRUE(
        run("openssl cms -sign -in content -signer cert.pem -inkey key.pem -out "
            "signed.eml " +
            how))
        << read("log");
    const std::string text = rewritten(message("signed.eml"));
    const std::string verify =
        "openssl cms -verify -in inner.eml -CAfile cert.pem -purpose any -out out";
    write("inner.eml", how.empty() ? part_of(text, 2) : text);
    EXPECT_TRUE(run(verify)) << how << read("log") << text;
    EXPECT_EQ(read("out"), crlf(kContent));
    if (!how.empty()) continue;
    // A changed octet is noticed, so the test means something.
    std::string forged = part_of(text, 2);
    forged.replace(forged.find("Signed "), 6, "Forged");
    write("inner.eml", forged);
    EXPECT_FALSE(run(verify)) << forged;
  }
}

TEST_F(Signed, pgp_stays_valid) {
  const std::string gpg = "gpg --homedir . --batch --yes ";
  ASSERT_TRUE(run("gpg --version")) << "no gpg";
  ASSERT_TRUE(run("chmod 700 . && " + gpg +
                  "--passphrase '' --quick-gen-key joe@example.org default default 1d"))
      << read("log");
  // PGP/MIME (RFC 3156 section 5).
  write("content", crlf(kContent));
  ASSERT_TRUE(run(gpg + "--armor --output content.asc --detach-sign content")) << read("log");
  const std::string mime = crlf(
      "Content-Type: multipart/signed; boundary=b; micalg=pgp-sha512;\n"
      " protocol=\"application/pgp-signature\"\n\n--b\n" +
      std::string(kContent) + "\n--b\nContent-Type: application/pgp-signature\n\n" +
      read("content.asc") + "\n--b--\n");
  const std::string text = rewritten(mime);
  write("inner", part_of(text, 3));
  write("inner.asc", part_of(text, 4, false));
  EXPECT_TRUE(run(gpg + "--verify inner.asc inner")) << read("log") << text;
  write("inner", part_of(text, 3) + "x");
  EXPECT_FALSE(run(gpg + "--verify inner.asc inner"));
  // Within the text.
  write("plain", crlf("Signed text.\n- dash\n"));
  ASSERT_TRUE(run(gpg + "--output plain.asc --clear-sign plain")) << read("log");
  write("clear",
        part_of(rewritten(crlf("Content-Type: text/plain\n\n") + message("plain.asc")), 2, false));
  EXPECT_TRUE(run(gpg + "--verify clear")) << read("log") << read("clear");
}

}  // namespace
}  // namespace gatepost::filters
