#include "proxy/probe/probe.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/net/fake_names.h"
#include "tests/unit/net/sockets.h"

namespace gatepost::probe {
namespace {

using ::gatepost::testing::FakeNames;
using ::gatepost::testing::PeerListener;

TEST(Probe, TriesNoMoreAddressesThanItsLimit) {
  // Bound, but nobody listens: whoever connects is refused at once.
  const PeerListener nobody("127.0.0.1", -1);
  std::vector<std::string> addresses;
  for (std::size_t i = 1; i <= kMaxAddresses + 4; ++i)
    addresses.push_back(fmt::format("127.0.77.{}", i));
  FakeNames names;
  names.set("many.test", addresses);

  Options options;
  options.target = {"many.test", nobody.at().port, {}};
  const auto report = look_at(options);
  ASSERT_TRUE(report) << report.error().detail;
  ASSERT_EQ(report->addresses.size(), kMaxAddresses);
  EXPECT_EQ(report->problem, "no address can be connected to");
}

}  // namespace
}  // namespace gatepost::probe
