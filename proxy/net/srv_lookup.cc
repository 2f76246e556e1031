#include "proxy/net/srv_lookup.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <uv.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "proxy/base/dns_name.h"

namespace gatepost::net {

namespace {

/// The C library's resolver, with its settings as they are now.
class DnsClient {
 public:
  DnsClient() : ready_(res_ninit(&state_) == 0) {}
  ~DnsClient() {
    if (ready_) res_nclose(&state_);
  }
  DnsClient(const DnsClient&) = delete;
  DnsClient& operator=(const DnsClient&) = delete;

  [[nodiscard]] bool ready() const { return ready_; }
  void ask_only(const PeerAddress& server) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port);
    std::memcpy(&address.sin_addr, server.ip.bytes().data(), 4);
    state_.nsaddr_list[0] = address;
    state_.nscount = 1;
  }
  /// The answer; empty with a negative one or none, and then `why` says which (h_errno).
  [[nodiscard]] std::vector<std::uint8_t> ask(const std::string& name, int& why) {
    std::vector<std::uint8_t> answer(NS_MAXMSG);
    const int size = res_nquery(&state_, name.c_str(), ns_c_in, ns_t_srv, answer.data(),
                                static_cast<int>(answer.size()));
    why = size < 0 ? state_.res_h_errno : NETDB_SUCCESS;
    answer.resize(size < 0 ? 0 : std::min(answer.size(), static_cast<std::size_t>(size)));
    return answer;
  }

 private:
  struct __res_state state_{};  // NOLINT(bugprone-reserved-identifier): the library's name
  bool ready_;
};

std::string_view reason(int why) {
  switch (why) {
    case HOST_NOT_FOUND:
      return "no such name";
    case NO_DATA:
      return "no SRV record";
    case TRY_AGAIN:
      return "no DNS server answers";
    default:
      return "the DNS server refused or failed";
  }
}

}  // namespace

Result<SrvTargets> lookup_srv(const SrvQuery& query) {
  const std::string name = fmt::format("_{}._tcp.{}", query.service, query.domain);
  if (!is_dns_name(query.domain) || !is_dns_name(name)) {
    return fail(ErrorCode::config, "not the name of a service or domain");
  }
  DnsClient client;
  if (!client.ready()) return fail(ErrorCode::system, name + ": the resolver cannot be used");
  if (query.server.port != 0) client.ask_only(query.server);
  int why = NETDB_SUCCESS;
  const std::vector<std::uint8_t> answer = client.ask(name, why);
  if (why != NETDB_SUCCESS) {
    return fail(ErrorCode::network, fmt::format("{}: {}", name, reason(why)));
  }
  auto targets = parse_srv_answer(answer);
  if (!targets) targets.error().detail.insert(0, name + ": ");
  return targets;
}

namespace {

// One look-up on libuv's thread pool; freed by its callback, which always comes. Only `query` and
// `result` are touched by the other thread.
struct Lookup {
  uv_work_t request{};
  SrvQuery query;
  std::optional<Result<SrvTargets>> result;
  SrvDone done;  // empty once cancelled or told
  std::unique_ptr<Timer> timer;
  std::shared_ptr<Lookup*> self;  // for the ticket; cleared before this goes

  /// Nobody waits any more.
  SrvDone forget() {
    timer.reset();
    return std::exchange(done, nullptr);
  }
};

void look_up(uv_work_t* request) {
  auto* lookup = static_cast<Lookup*>(request->data);
  lookup->result = lookup_srv(lookup->query);
}

void found(uv_work_t* request, int status) {
  const std::unique_ptr<Lookup> lookup(static_cast<Lookup*>(request->data));
  *lookup->self = nullptr;
  SrvDone done = lookup->forget();
  if (!done) return;
  // Only who cancels takes `done` away, so this one ran.
  done(status == 0 && lookup->result ? std::move(*lookup->result)
                                     : fail(ErrorCode::system, uv_strerror(status)));
}

void give_up(Lookup& lookup) {
  auto error = fail(ErrorCode::timeout, fmt::format("_{}._tcp.{}: no answer in time",
                                                    lookup.query.service, lookup.query.domain));
  SrvDone done = lookup.forget();
  uv_cancel(reinterpret_cast<uv_req_t*>(&lookup.request));  // in case it has not begun
  if (done) done(std::move(error));
}

}  // namespace

Result<Ticket> lookup_srv(Loop& loop, SrvQuery query, Duration limit, SrvDone done) {
  auto lookup = std::make_unique<Lookup>();
  lookup->request.data = lookup.get();
  lookup->query = std::move(query);
  lookup->done = std::move(done);
  const auto self = lookup->self = std::make_shared<Lookup*>(lookup.get());
  const int status = uv_queue_work(loop.raw(), &lookup->request, look_up, found);
  if (status != 0) return fail(ErrorCode::system, uv_strerror(status));
  Lookup* const pending = lookup.release();
  pending->timer = loop.make_timer([pending] { give_up(*pending); });
  pending->timer->start(limit);
  return Ticket([self] {
    if (*self == nullptr) return;
    static_cast<void>((*self)->forget());
    uv_cancel(reinterpret_cast<uv_req_t*>(&(*self)->request));
  });
}

}  // namespace gatepost::net
