#include "proxy/session/counters.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace gatepost::session {
namespace {

/// Labels are words of the log and of metrics: all different, lower case, never empty.
template <class Enum>
void expect_labels() {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < CellsBy<Enum>::kSize; ++i) {
    const std::string label(to_string(static_cast<Enum>(i)));
    EXPECT_FALSE(label.empty());
    EXPECT_TRUE(seen.insert(label).second) << label;
    EXPECT_EQ(label.find_first_of(" \"\\\n{}="), std::string::npos) << label;
  }
}

TEST(Counters, have_a_label_of_their_own_for_every_value) {
  expect_labels<LoginResult>();
  expect_labels<EndReason>();
  expect_labels<TlsVersionLabel>();
  expect_labels<CipherLabel>();
  expect_labels<HandshakeFailure>();
}

}  // namespace
}  // namespace gatepost::session
