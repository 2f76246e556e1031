#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "filters/host.h"
#include "filters/inspection.h"
#include "filters/message/canonical.h"
#include "proxy/base/digest.h"
#include "proxy/command/line_diff.h"
#include "proxy/command/mail_source.h"
#include "proxy/command/result_folder.h"
#include "proxy/command/scan_output.h"
#include "proxy/net/loop.h"
#include "proxy/net/loop_background.h"
#include "proxy/net/resolver.h"
#include "proxy/net/tcp_connector.h"
#include "proxy/process/launcher.h"

namespace gatepost::command {

/// What all workers of `gatepost scan` share; outlives them.
struct ScanTask {
  std::shared_ptr<const filters::Chain> chain;
  filters::MessageFacts facts;
  std::shared_ptr<filters::SpoolRoom> room;
  std::optional<ResultFolder> results;  ///< for what clients would get
  bool diff = false;
  MailSource& source;
  ScanOutput& output;
};

/// Takes one message after the other through a chain, in a thread of its own with a loop of its
/// own. Begins when each scanner has been tested, or has had its time for that.
class ScanWorker final : filters::Inspection::Owner, Log {
 public:
  /// Octets of each message, before and after, that a diff is made of.
  static constexpr std::size_t kMaxCompared = 1024 * 1024;

  /// `launcher` runs commands, if there is one; this worker takes its place there.
  ScanWorker(unsigned index, const ScanTask& task, process::Launcher* launcher);
  ~ScanWorker() override;
  ScanWorker(const ScanWorker&) = delete;
  ScanWorker& operator=(const ScanWorker&) = delete;

  void start();
  /// Returns when there are no more messages.
  void join();

 private:
  /// A text that goes by.
  struct Passing {
    Sha256 digest;
    std::uint64_t octets = 0;
    std::string beginning;

    void add(const ByteChain& text, bool keep);
    [[nodiscard]] DiffText compared() const { return {beginning, beginning.size() == octets}; }
  };
  /// A message under way.
  struct Current {
    explicit Current(MailSource::Mail given, BlockPool& pool)
        : mail(std::move(given)), canonicalizer(pool) {}
    MailSource::Mail mail;
    filters::Canonicalizer canonicalizer;
    Passing before;
    Passing after;
    std::optional<ResultFolder::File> file;
    std::unique_ptr<filters::Inspection> inspection;
    Instant since;
    bool read = false;   // all of it was fed
    bool taken = false;  // all that a client would get was taken, or there is nothing
    bool told = false;
    std::string error;
  };

  void write(LogLevel level, std::string_view event,
             std::initializer_list<LogField> fields) override;
  void on_inspection_activity() override { pump(); }
  void prepare();
  void next();
  void pump();
  [[nodiscard]] bool feed();
  [[nodiscard]] bool take();
  [[nodiscard]] Result<void> keep(const ByteChain& text);
  void finish();

  const ScanTask& task_;
  BlockPool pool_;
  net::Loop loop_;
  net::Resolver resolver_;
  net::TcpConnector connector_;
  net::LoopBackground background_;
  std::unique_ptr<net::ProcessLauncher> launcher_;
  filters::MessageCounters counters_;
  filters::ScanDesk desk_;
  filters::Host host_;
  std::size_t untested_ = 0;  // scanners
  bool began_ = false;
  std::optional<Current> current_;
  std::unique_ptr<Timer> next_;
  std::unique_ptr<Timer> patience_;
  std::thread thread_;
};

}  // namespace gatepost::command
