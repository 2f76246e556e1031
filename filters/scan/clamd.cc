#include "filters/scan/clamd.h"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace gatepost::filters {

namespace {

/// What a reply means; "OK" means clean only behind the whole message.
Verdict verdict_of(std::string_view reply, bool whole_sent) {
  constexpr std::string_view kWho = "stream: ";
  constexpr std::string_view kFound = " FOUND";
  if (reply == "stream: OK") {
    if (whole_sent) return Verdict::clean();
    return Verdict::of(Cause::not_understood, "OK before it had the whole message");
  }
  if (reply.starts_with(kWho) && reply.ends_with(kFound) &&
      reply.size() > kWho.size() + kFound.size()) {
    const std::string_view threat =
        reply.substr(kWho.size(), reply.size() - kWho.size() - kFound.size());
    const bool not_seen_all = threat.starts_with("Heuristics.Encrypted") ||
                              threat.starts_with("Heuristics.Limits.Exceeded");
    return Verdict::of(not_seen_all ? Cause::unscannable : Cause::infected, threat);
  }
  if (reply == "INSTREAM size limit exceeded. ERROR") {
    return Verdict::of(Cause::oversize, "StreamMaxLength of clamd exceeded");
  }
  return Verdict::of(Cause::not_understood, reply);
}

std::array<char, 4> length(std::size_t n) {
  return {static_cast<char>(n >> 24 & 0xff), static_cast<char>(n >> 16 & 0xff),
          static_cast<char>(n >> 8 & 0xff), static_cast<char>(n & 0xff)};
}

/// One connection with one command. What comes of it is told by a timer: its transport must not go
/// in its own callback.
class Conversation final : net::TransportObserver {
 public:
  /// The reply without its NUL, and whether all was sent before; or why there is none.
  struct Reply {
    explicit Reply(Result<std::string> a_text, bool whole = false)
        : text(std::move(a_text)), whole_sent(whole) {}
    Result<std::string> text;
    bool whole_sent;
    bool spool_failed = false;  ///< our own fault
  };
  using Done = std::move_only_function<void(Reply)>;

  Conversation(const ScannerTools& tools, const Endpoint& address, Duration limit,
               std::shared_ptr<const Spool> message, Done done)
      : tools_(tools),
        done_(std::move(done)),
        teller_(tools.timers.make_timer([this] { tell(); })) {
    if (message) {
      reader_ = std::make_unique<SpoolReader>(std::move(message), [this] { pump(); });
    }
    connecting_ = tools.connector.connect(
        address, limit, [this](Result<std::unique_ptr<net::Transport>> made) {
          if (!made) return end_with(Reply(std::unexpected(made.error())));
          transport_ = std::move(*made);
          transport_->set_observer(this);
          transport_->send(ByteChain(tools_.pool, reader_ ? std::string_view("zINSTREAM\0", 10)
                                                          : std::string_view("zVERSION\0", 9)));
          pump();
        });
  }
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

 private:
  /// Octets on their way to clamd that it has not taken.
  static constexpr std::size_t kMaxUnsent = 128 * 1024;

  void on_activity() override { pump(); }

  void pump() {
    if (!transport_ || reply_ || pumping_) return;
    pumping_ = true;
    do {
      send();
      receive();
    } while (!reply_ && transport_->settle());
    pumping_ = false;
  }

  void send() {
    while (reader_ && !whole_sent_ && !reply_ && transport_->unsent() < kMaxUnsent) {
      ByteChain piece;
      switch (reader_->next(piece)) {
        case SpoolReader::Progress::data: {
          const auto head = length(piece.size());
          transport_->send(ByteChain(tools_.pool, {head.data(), head.size()}));
          transport_->send(std::move(piece));
          break;
        }
        case SpoolReader::Progress::wait:
          return;
        case SpoolReader::Progress::end:
          transport_->send(ByteChain(tools_.pool, std::string_view("\0\0\0\0", 4)));
          whole_sent_ = true;
          return;
        case SpoolReader::Progress::failed:
          return spool_failed(*reader_->failure());
      }
    }
  }

  void spool_failed(const Error& error) {
    Reply reply{std::unexpected(error)};
    reply.spool_failed = true;
    end_with(std::move(reply));
  }

  void receive() {
    ByteChain& in = transport_->received();
    while (!reply_ && !in.empty()) {
      const std::string_view piece = in.front();
      const std::size_t end = piece.find('\0');
      text_ += piece.substr(0, end);
      in.consume(end == std::string_view::npos ? piece.size() : end + 1);
      if (text_.size() > kMaxClamdReply) {
        return end_with(Reply(fail(ErrorCode::limit, "reply too long")));
      }
      if (end == std::string_view::npos) continue;
      if (!in.empty()) {
        return end_with(Reply(fail(ErrorCode::protocol, "more than one reply")));
      }
      // Sent is what the system has taken: what waits here it cannot have looked at.
      const bool whole = whole_sent_ && transport_->unsent() == 0;
      return end_with(Reply(std::move(text_), whole));
    }
    if (!reply_ && transport_->end()) end_with(Reply(std::unexpected(*transport_->end())));
  }

  void end_with(Reply reply) {
    if (reply_) return;
    reply_ = std::move(reply);
    if (transport_) transport_->close(net::CloseMode::abort);
    teller_->start(Duration(0));
  }
  /// Whoever hears of it may destroy this.
  void tell() {
    Done done = std::move(done_);
    Reply reply = std::move(*reply_);
    done(std::move(reply));
  }

  const ScannerTools& tools_;
  Done done_;
  std::unique_ptr<Timer> teller_;
  std::unique_ptr<SpoolReader> reader_;
  std::unique_ptr<net::Transport> transport_;
  Ticket connecting_;
  bool whole_sent_ = false;
  bool pumping_ = false;
  std::string text_;
  std::optional<Reply> reply_;
};

class Clamd final : public Scanner {
 public:
  Clamd(config::Scanner config, const ScannerTools& tools)
      : config_(std::move(config)), tools_(tools) {}

  [[nodiscard]] Ticket scan(ScanJob job, Done done) override {
    return converse(std::move(job.message),
                    [done = std::move(done)](const Conversation::Reply& reply) mutable {
                      done(verdict(reply));
                    });
  }
  [[nodiscard]] Ticket ask_version(VersionDone done) override {
    return converse(nullptr, [done = std::move(done)](Conversation::Reply reply) mutable {
      done(std::move(reply.text));
    });
  }

 private:
  static Verdict verdict(const Conversation::Reply& reply) {
    if (reply.text) return verdict_of(*reply.text, reply.whole_sent);
    const Error& error = reply.text.error();
    if (reply.spool_failed) return Verdict::of(Cause::spool_full, error.detail);
    const bool nonsense = error.code == ErrorCode::limit || error.code == ErrorCode::protocol;
    return Verdict::of(nonsense ? Cause::not_understood : Cause::unreachable, error.detail);
  }
  [[nodiscard]] Ticket converse(std::shared_ptr<const Spool> message, Conversation::Done done) {
    auto conversation = std::make_unique<Conversation>(tools_, config_.address, config_.timeout,
                                                       std::move(message), std::move(done));
    return Ticket([held = std::move(conversation)]() mutable { held.reset(); });
  }

  const config::Scanner config_;
  const ScannerTools tools_;
};

}  // namespace

std::unique_ptr<Scanner> make_clamd(const config::Scanner& config, const ScannerTools& tools) {
  return std::make_unique<Clamd>(config, tools);
}

}  // namespace gatepost::filters
