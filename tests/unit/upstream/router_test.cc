#include "proxy/upstream/router.h"

#include <gtest/gtest.h>

namespace gatepost::upstream {
namespace {

TEST(RouterTest, SendsEveryoneToTheOneServer) {
  const Router router(
      {.address = {"mail.example.org", 995, {}}, .security = Security::implicit, .tls = nullptr});
  const Server& server = router.route("joe");
  EXPECT_EQ(server.address.to_string(), "mail.example.org:995");
  EXPECT_EQ(server.security, Security::implicit);
  EXPECT_EQ(&router.route("jane"), &server);
  EXPECT_EQ(&router.route(""), &server);
}

TEST(RouterTest, IsPlainTextUnlessTold) {
  const Router router({.address = {"127.0.0.1", 110, {}}, .tls = nullptr});
  EXPECT_EQ(router.route("joe").security, Security::none);
  EXPECT_EQ(router.route("joe").tls, nullptr);
}

}  // namespace
}  // namespace gatepost::upstream
