#include "proxy/probe/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatepost::probe {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Capa, has_what_begins_a_line_in_any_case) {
  const Capa capa{.lines = {"Top", " stls ", "SASL plain\tLogin", "", "EXPIRE 60"}, .problem = {}};
  EXPECT_TRUE(capa.has("TOP"));
  EXPECT_TRUE(capa.has("stls"));
  EXPECT_TRUE(capa.has("EXPIRE"));
  EXPECT_FALSE(capa.has("60"));
  EXPECT_FALSE(capa.has(""));
  EXPECT_THAT(capa.sasl(), ElementsAre("PLAIN", "LOGIN"));
}

TEST(Capa, may_have_nothing) {
  EXPECT_FALSE(Capa().has("TOP"));
  EXPECT_THAT(Capa().sasl(), IsEmpty());
  EXPECT_THAT((Capa{.lines = {"SASL"}, .problem = {}}.sasl()), IsEmpty());
}

TEST(Report, takes_the_capabilities_inside_tls_if_there_are_any) {
  Report report;
  EXPECT_EQ(report.capa(), nullptr);
  report.capa_plain = Capa{.lines = {"STLS"}, .problem = {}};
  ASSERT_NE(report.capa(), nullptr);
  EXPECT_TRUE(report.capa()->has("STLS"));
  report.capa_tls = Capa{.lines = {"USER"}, .problem = {}};
  EXPECT_TRUE(report.capa()->has("USER"));
}

}  // namespace
}  // namespace gatepost::probe
