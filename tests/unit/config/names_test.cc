#include "config/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace gatepost::config {
namespace {

using ::testing::HasSubstr;

TEST(NamesTest, DnsNames) {
  const std::string label(63, 'a');
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
  ASSERT_EQ(longest.size(), 253u);
  for (const std::string& good :
       {std::string("a"), std::string("example.com"), std::string("xn--bcher-kva.EXAMPLE"),
        std::string("3com.com"), std::string("1.2.3.4a"), longest}) {
    EXPECT_TRUE(is_dns_name(good)) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string("."), std::string("a."), std::string(".a"), std::string("a..b"),
        std::string("-a.b"), std::string("a-.b"), std::string("a_b.c"), std::string("_pop3._tcp.a"),
        std::string("b\xc3\xbc.example"), std::string("a b"), std::string("*.a"),
        std::string("192.0.2.1"), std::string("::1"), std::string("a:110"), label + "a.b",
        longest + "b"}) {
    EXPECT_FALSE(is_dns_name(bad)) << bad;
  }
}

TEST(NamesTest, Pins) {
  const std::string pin = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
  EXPECT_TRUE(is_pin(pin));
  EXPECT_TRUE(is_pin(std::string(43, 'A') + "="));
  EXPECT_FALSE(is_pin(""));
  EXPECT_FALSE(is_pin(pin.substr(0, 43)));
  EXPECT_FALSE(is_pin("sha256/" + pin));
  EXPECT_FALSE(is_pin(pin + "="));
  // One bit of the last character belongs to no octet.
  EXPECT_FALSE(is_pin("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV="));
  // The same octets as hexadecimal, and in the alphabet for URLs.
  EXPECT_FALSE(is_pin("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b"));
  EXPECT_FALSE(is_pin("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU="));
}

TEST(NamesTest, FormsOfAUserName) {
  for (const char* good : {"{user}", "{local}", "{local}@{domain}", "{local}%{domain}",
                           "{domain}!{local}", "x-{user}{user}", "{local}@example.com"}) {
    EXPECT_EQ(fault_of_user_form(good), "") << good;
  }
  for (const char* bad : {"", "joe", "{domain}", "@{domain}"}) {
    EXPECT_THAT(fault_of_user_form(bad), HasSubstr("neither {user} nor {local}")) << bad;
  }
  for (const char* bad :
       {"{name}", "{USER}", "{}", "{", "{user", "{user}{", "{{user}}", "{user }"}) {
    EXPECT_THAT(fault_of_user_form(bad), HasSubstr("is none of {user}, {local} and")) << bad;
  }
  for (const char* bad :
       {"{user}}", "{user} ", "a\t{user}", "{user}\r\n", "{user}\x7f", "\xc3\xbc{user}"}) {
    EXPECT_THAT(fault_of_user_form(bad), HasSubstr("not safe")) << bad;
  }
}

}  // namespace
}  // namespace gatepost::config
