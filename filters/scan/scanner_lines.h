#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>

#include "filters/scan/scanner.h"

namespace gatepost::filters {

/// Connections to one scanner, of one worker: new ones, with TLS where that is configured, and
/// those that have served and are kept for the next question. Outlives what uses it.
class ScannerLines {
 public:
  /// How long a connection is kept for the next question.
  static constexpr Duration kIdle{15'000};

  using Line = std::unique_ptr<net::Transport>;
  using Done = std::move_only_function<void(Result<Line>)>;

  ScannerLines(config::Scanner config, const ScannerTools& tools,
               std::shared_ptr<const net::TlsLayer> tls);
  ~ScannerLines();
  ScannerLines(const ScannerLines&) = delete;
  ScannerLines& operator=(const ScannerLines&) = delete;

  [[nodiscard]] const config::Scanner& config() const { return config_; }
  [[nodiscard]] const ScannerTools& tools() const { return tools_; }

  /// One that is kept, the youngest; null: there is none.
  [[nodiscard]] Line take_kept();
  /// A new one; its TLS handshake is still to come. As Connector::connect().
  [[nodiscard]] Ticket connect(Done done);
  /// For the next question, unless it has ended or its peer has said more than it was asked. Not
  /// from inside a call of the line.
  void keep(Line line);
  [[nodiscard]] std::size_t kept() const { return kept_.size(); }

  /// At most so many questions at once: others wait for a place. 0: as many as there are.
  void limit(std::size_t places) { limit_ = places; }
  /// A place for a question: `go` is called when there is one, perhaps at once, not after the
  /// ticket is gone, which holds the place.
  [[nodiscard]] Ticket take_place(std::move_only_function<void()> go);

 private:
  class Kept;
  struct Place {
    std::move_only_function<void()> go;  // empty: it has its place
  };
  void drop(const Kept* kept);
  void fill_places();
  void leave(const std::shared_ptr<Place>& place);

  const config::Scanner config_;
  const ScannerTools tools_;
  const std::shared_ptr<const net::TlsLayer> tls_;
  std::list<std::unique_ptr<Kept>> kept_;  // the youngest last
  std::size_t limit_ = 0;
  std::size_t taken_ = 0;
  std::list<std::shared_ptr<Place>> waiting_;
  std::unique_ptr<Timer> filler_;
};

}  // namespace gatepost::filters
