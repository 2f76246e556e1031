#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/unit/tls/tls_pair.h"

namespace gatepost::testing {
namespace {

using tls::TicketKeys;
using tls::Version;

// Runs with TLS 1.2 and with TLS 1.3, where tickets go quite different ways.
class Resumption : public ::testing::TestWithParam<int> {
 protected:
  Resumption() {
    SSL_CTX_set_max_proto_version(odd_.context(), static_cast<std::uint16_t>(GetParam()));
  }
  // Whether a connection of our client resumes at `server`; takes the new ticket along.
  bool resumes(const tls::ServerContext& server) {
    TlsPair pair(odd_.connection(odd_.session()), server);
    pair.run();
    EXPECT_TRUE(pair.established());
    // Proves that resuming leaves a connection that works.
    pair.server->say("+OK\r\n");
    pair.run();
    EXPECT_EQ(pair.client->got, "+OK\r\n");
    return pair.established() && pair.server->transport->tls()->resumed;
  }
  // The same, but keeps the old ticket.
  bool resumes_with(SSL_SESSION* session, const tls::ServerContext& server) {
    TlsPair pair(odd_.connection(session), server);
    pair.run();
    EXPECT_TRUE(pair.established());
    return pair.established() && pair.server->transport->tls()->resumed;
  }
  [[nodiscard]] std::shared_ptr<const tls::ServerContext> server(
      std::shared_ptr<const TicketKeys> keys) const {
    return fixture_.server(fixture_.issued, Version::tls1_2, std::move(keys));
  }

  TlsFixture fixture_;
  OddClient odd_;
  std::shared_ptr<TicketKeys> keys_ = std::make_shared<TicketKeys>();
};

TEST_P(Resumption, WorksWithATicket) {
  const auto context = server(keys_);
  EXPECT_FALSE(resumes(*context));
  EXPECT_TRUE(resumes(*context));
}

TEST_P(Resumption, WorksAtAnotherContextWithTheSameKeys) {
  EXPECT_FALSE(resumes(*server(keys_)));
  EXPECT_TRUE(resumes(*server(keys_)));
}

TEST_P(Resumption, NeedsTheKeysThatMadeTheTicket) {
  EXPECT_FALSE(resumes(*server(keys_)));
  EXPECT_FALSE(resumes(*server(std::make_shared<TicketKeys>())));
}

TEST_P(Resumption, OutlivesOneRotationNotTwo) {
  const auto context = server(keys_);
  EXPECT_FALSE(resumes(*context));
  SSL_SESSION_up_ref(odd_.session());
  const bssl::UniquePtr<SSL_SESSION> old(odd_.session());
  keys_->rotate();
  EXPECT_TRUE(resumes_with(old.get(), *context));
  keys_->rotate();
  EXPECT_FALSE(resumes_with(old.get(), *context));
}

TEST_P(Resumption, GoesOnForEverWithRenewedTickets) {
  const auto context = server(keys_);
  EXPECT_FALSE(resumes(*context));
  for (int i = 0; i < 5; ++i) {
    keys_->rotate();
    EXPECT_TRUE(resumes(*context)) << i;
  }
}

TEST_P(Resumption, WorksAtReplicasWithTheSameFile) {
  const std::string file = fixture_.files.write("keys", std::string(160, '1') + "\n");
  const auto replica = [&] {
    return std::make_shared<TicketKeys>(tls::read_ticket_keys(file).value());
  };
  const auto first = server(replica());
  EXPECT_FALSE(resumes(*first));
  EXPECT_TRUE(resumes(*server(replica())));
  // A new key comes in at one replica after the other: first it only opens tickets.
  const auto keys = replica();
  const auto second = server(keys);
  keys->replace(tls::read_ticket_keys(fixture_.files.write("keys2", std::string(160, '2') + "\n" +
                                                                        std::string(160, '1')))
                    .value());
  EXPECT_TRUE(resumes(*second));
  EXPECT_FALSE(resumes(*first));
  keys->replace(
      tls::read_ticket_keys(fixture_.files.write("keys3", std::string(160, '3'))).value());
  EXPECT_FALSE(resumes(*second));
}

TEST_P(Resumption, IsForOneServerName) {
  const auto context = server(keys_);
  EXPECT_FALSE(resumes(*context));
  auto ssl = odd_.connection(odd_.session());
  SSL_set_tlsext_host_name(ssl.get(), "other.example.org");
  TlsPair other(std::move(ssl), *context);
  other.run();
  ASSERT_TRUE(other.established());
  EXPECT_FALSE(other.server->transport->tls()->resumed);
}

TEST_P(Resumption, TellsTheServerName) {
  const auto context = server(keys_);
  EXPECT_FALSE(resumes(*context));
  TlsPair pair(odd_.connection(odd_.session()), *context);
  pair.run();
  ASSERT_TRUE(pair.established());
  EXPECT_TRUE(pair.server->transport->tls()->resumed);
  EXPECT_EQ(pair.server->transport->tls()->server_name, "mail.example.org");
}

TEST_P(Resumption, IsNotOfferedWithoutKeys) {
  const auto context = server(nullptr);
  EXPECT_FALSE(resumes(*context));
  EXPECT_FALSE(resumes(*context));
}

TEST_P(Resumption, LetsConnectionsOutliveTheContext) {
  auto context = server(keys_);
  TlsPair pair(odd_.connection(), *context);
  context.reset();
  keys_.reset();
  pair.run();
  EXPECT_TRUE(pair.established());
}

INSTANTIATE_TEST_SUITE_P(Versions, Resumption, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                           return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

}  // namespace
}  // namespace gatepost::testing
