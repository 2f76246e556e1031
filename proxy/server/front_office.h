#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/admin/office.h"
#include "proxy/metrics/exporter.h"
#include "proxy/net/loop.h"
#include "proxy/server/snapshot.h"
#include "proxy/server/trace_stream.h"
#include "proxy/server/worker.h"

namespace gatepost::server {

/// The Office of the running gateway: asks the workers in their threads, and the server for what
/// concerns all. Main thread.
class FrontOffice final : public admin::Office {
 public:
  /// What it looks at and who does what it is asked; all of it outlives the office.
  struct Parts {
    net::Loop& loop;
    ProcessLog& log;
    const std::vector<std::unique_ptr<Worker>>& workers;
    const std::shared_ptr<const Snapshot>& snapshot;
    const std::map<std::string, Endpoint>& listening;  ///< configured address to bound one
    const std::atomic<std::uint32_t>& connections;
    std::string config_file;
    std::function<metrics::ProcessFacts()> facts;
    std::function<std::vector<std::string>()> not_ready;
    /// "running", "upgrading", "replaced", "draining".
    std::function<std::string_view()> state;
    std::function<void()> drain;
    /// Returns what is wrong, a problem a line; empty when the new configuration is in force.
    std::function<std::string()> reload;
    std::function<void(std::string_view by, Then<Result<void>>)> upgrade;
  };

  explicit FrontOffice(Parts parts) : parts_(std::move(parts)) {}
  ~FrontOffice();

  [[nodiscard]] admin::Status status() const override;
  void sessions(admin::SessionQuery query, Then<admin::SessionList> then) override;
  void kick(std::vector<std::string> ids, std::string_view by, Then<std::size_t> then) override;
  void kick_user(std::string user, std::string_view by, Then<std::size_t> then) override;
  [[nodiscard]] Result<void> drain(std::string_view by) override;
  [[nodiscard]] Result<void> reload(std::string_view by) override;
  void upgrade(std::string_view by, Then<Result<void>> then) override;
  void explain(std::string id, bool json, Then<std::string> then) override;
  void explain_user(std::string user, bool json, Then<std::string> then) override;
  void set_log_level(LogLevel level, std::string_view by) override;
  [[nodiscard]] Result<void> trace(admin::TraceWish wish, std::string_view by,
                                   http::Responder& responder) override;

  /// For the status: why a server is down; "" when it is up again.
  void note_health(const std::string& pool, const std::string& server, std::string_view problem);

 private:
  using Chosen = std::function<bool(const session::Session&)>;
  void end_sessions(Chosen chosen, std::string whose, std::string_view by, Then<std::size_t> then);
  void note(std::string_view action, std::string_view by) const;
  void end_trace(std::uint64_t number);

  Parts parts_;
  std::map<std::uint64_t, std::shared_ptr<TraceStream>> traces_;
  std::uint64_t next_trace_ = 0;
  std::map<std::pair<std::string, std::string>, std::string> problems_;  // of servers that are down
};

}  // namespace gatepost::server
