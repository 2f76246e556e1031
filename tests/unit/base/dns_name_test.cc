#include "proxy/base/dns_name.h"

#include <gtest/gtest.h>

namespace gatepost {
namespace {

TEST(DnsNameTest, KnowsNamesOfHosts) {
  for (const std::string_view name :
       {"a", "localhost", "pop.example.com", "POP.Example.COM", "xn--bcher-kva.example",
        "4u.example", "10.0.0.1.example", "my_server", "_x.example", "a-b.c-d", "1a"}) {
    EXPECT_TRUE(is_dns_name(name)) << name;
  }
}

TEST(DnsNameTest, KnowsWhatIsNone) {
  for (const std::string_view name :
       {"", ".", "a.", ".a", "a..b", "192.0.2.1", "1", "a.1", "[::1]", "::1", "a b", "a\tb",
        "a\r\nb", "a/b", "a=b", "-a", "a.-b", "*.example.com",
        "b\xc3\xbc"
        "cher.example"}) {
    EXPECT_FALSE(is_dns_name(name)) << name;
  }
  EXPECT_FALSE(is_dns_name(std::string_view("a\0b", 3)));
}

TEST(DnsNameTest, HasTheLimitsOfDns) {
  const std::string label(kMaxDnsLabel, 'a');
  EXPECT_TRUE(is_dns_name(label));
  EXPECT_FALSE(is_dns_name(label + "a"));
  const std::string name = label + "." + label + "." + label + "." + std::string(61, 'a');
  ASSERT_EQ(name.size(), kMaxDnsName);
  EXPECT_TRUE(is_dns_name(name));
  EXPECT_FALSE(is_dns_name(name + "a"));
}

TEST(DnsNameTest, IsKeptInLowerCase) {
  EXPECT_EQ(lower_dns_name("POP.Example.COM"), "pop.example.com");
}

}  // namespace
}  // namespace gatepost
