#include "proxy/admin/admin_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/metrics/exporter.h"

namespace gatepost::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class AdminServiceTest : public ::testing::Test {
 protected:
  [[nodiscard]] http::Response ask(std::string method, std::string path) const {
    http::Request request;
    request.method = std::move(method);
    request.path = std::move(path);
    return service_.handle(request);
  }

  std::vector<std::string> reasons_;
  AdminService service_{
      {.metrics = [] { return std::string("m 1\n"); }, .not_ready = [this] { return reasons_; }}};
};

TEST_F(AdminServiceTest, ServesMetricsWithTheTypePrometheusExpects) {
  const auto response = ask("GET", "/metrics");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(response.body, "m 1\n");
}

TEST_F(AdminServiceTest, IsHealthyEvenWhenNotReady) {
  reasons_ = {"draining"};
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
  EXPECT_EQ(ask("GET", "/healthz").body, "ok\n");
}

TEST_F(AdminServiceTest, IsReadyWhenThereIsNoReasonAgainstIt) {
  EXPECT_EQ(ask("GET", "/readyz").status, 200);
  EXPECT_EQ(ask("GET", "/readyz").body, "ready\n");
}

TEST_F(AdminServiceTest, SaysWhyItIsNotReady) {
  reasons_ = {"draining", "no listener"};
  const auto response = ask("GET", "/readyz");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body, "draining\nno listener\n");
}

TEST_F(AdminServiceTest, AnswersHeadLikeGet) {
  for (const char* path : {"/", "/metrics", "/healthz", "/readyz"}) {
    EXPECT_EQ(ask("HEAD", path).status, 200) << path;
    EXPECT_EQ(ask("HEAD", path).body, ask("GET", path).body) << path;
  }
}

TEST_F(AdminServiceTest, ListsItsPages) {
  EXPECT_THAT(ask("GET", "/").body, HasSubstr("/metrics"));
}

TEST_F(AdminServiceTest, KnowsNoOtherPathWhateverTheMethod) {
  EXPECT_EQ(ask("GET", "/metrics/").status, 404);
  EXPECT_EQ(ask("POST", "/etc/passwd").status, 404);
  EXPECT_EQ(ask("OPTIONS", "*").status, 404);
  EXPECT_EQ(ask("GET", "").status, 404);
}

TEST_F(AdminServiceTest, SaysWhichMethodsItTakes) {
  const auto response = ask("POST", "/metrics");
  EXPECT_EQ(response.status, 405);
  EXPECT_THAT(response.headers, ElementsAre(Pair("Allow", "GET, HEAD")));
  EXPECT_EQ(ask("get", "/").status, 405);
  EXPECT_THAT(ask("GET", "/").headers, IsEmpty());
}

}  // namespace
}  // namespace gatepost::admin
