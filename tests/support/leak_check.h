#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "proxy/base/bytes.h"

namespace gatepost::testing {

/// Objects of the fakes that are alive, by name.
inline std::map<std::string, int>& live_objects() {
  static std::map<std::string, int> live;
  return live;
}

/// A member of every fake that must not be forgotten: counts while it lives.
class LiveCount {
 public:
  explicit LiveCount(const char* what) : what_(what) { ++live_objects()[what_]; }
  ~LiveCount() { --live_objects()[what_]; }
  LiveCount(const LiveCount&) = delete;
  LiveCount& operator=(const LiveCount&) = delete;

 private:
  const char* what_;
};

/// A BlockPool that fails the test when something still holds a block at its end.
class TestPool {
 public:
  ~TestPool() { EXPECT_EQ(pool_.held_blocks(), 0U) << "blocks leak"; }
  operator BlockPool&() { return pool_; }
  BlockPool* operator->() { return &pool_; }

 private:
  BlockPool pool_;
};

/// Fails every test at whose end more objects of the fakes live than at its start.
class LeakListener : public ::testing::EmptyTestEventListener {
  void OnTestStart(const ::testing::TestInfo& /*info*/) override { before_ = live_objects(); }
  void OnTestEnd(const ::testing::TestInfo& /*info*/) override {
    for (const auto& [what, count] : live_objects()) {
      EXPECT_EQ(count, before_[what]) << "objects leak: " << what;
    }
  }
  std::map<std::string, int> before_;
};

/// Part of every test program that includes a fake.
inline const bool kLeakListenerInstalled = [] {
  ::testing::UnitTest::GetInstance()->listeners().Append(new LeakListener);
  return true;
}();

}  // namespace gatepost::testing
