#include "proxy/net/tls_from_start.h"

#include <gtest/gtest.h>

#include "tests/support/fake_tls.h"
#include "tests/support/memory_transport.h"

namespace gatepost::net {
namespace {

using ::gatepost::testing::FakeTlsLayer;
using ::gatepost::testing::make_memory_transport;
using ::gatepost::testing::MemoryConnection;
using ::gatepost::testing::TestPool;

TEST(TlsFromStartTest, WhatHasArrivedIsTheBeginningOfTls) {
  TestPool pool;
  FakeTlsLayer layer;
  MemoryConnection connection = make_memory_transport(pool);
  connection.transport->received().append(pool, "hello");
  auto wrapped = wrap_from_start(layer, std::move(connection.transport), pool);
  ASSERT_TRUE(wrapped);
  EXPECT_EQ(connection.peer->transport()->received().to_string(), "hello");
}

class RefusingLayer : public TlsLayer {
 public:
  [[nodiscard]] Result<std::unique_ptr<Transport>> wrap(std::unique_ptr<Transport>&& /*plain*/,
                                                        BlockPool& /*pool*/) const override {
    return fail(ErrorCode::system, "no");
  }
};

TEST(TlsFromStartTest, ARefusedTransportKeepsItsBytes) {
  TestPool pool;
  MemoryConnection connection = make_memory_transport(pool);
  connection.transport->received().append(pool, "hello");
  EXPECT_FALSE(wrap_from_start(RefusingLayer(), std::move(connection.transport), pool));
  ASSERT_TRUE(connection.transport);
  EXPECT_EQ(connection.transport->received().to_string(), "hello");
}

}  // namespace
}  // namespace gatepost::net
