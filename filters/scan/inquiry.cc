#include "filters/scan/inquiry.h"

#include <array>
#include <utility>

namespace gatepost::filters {

namespace {

std::array<char, 4> length(std::size_t n) {
  return {static_cast<char>(n >> 24 & 0xff), static_cast<char>(n >> 16 & 0xff),
          static_cast<char>(n >> 8 & 0xff), static_cast<char>(n & 0xff)};
}

/// What comes of it is told by a timer: its transport must not go in its own callback.
class Inquiry final : net::TransportObserver {
 public:
  using Done = std::move_only_function<void(Answer)>;

  Inquiry(const ScannerTools& tools, const Endpoint& address, Duration limit, Question question,
          Done done)
      : tools_(tools),
        question_(std::move(question)),
        done_(std::move(done)),
        teller_(tools.timers.make_timer([this] { tell(); })) {
    if (question_.message) {
      reader_ = std::make_unique<SpoolReader>(std::move(question_.message), [this] { pump(); });
    }
    connecting_ = tools.connector.connect(address, limit, [this](auto made) {
      if (!made) return fail_with(std::move(made.error()));
      begin(std::move(*made));
    });
  }
  Inquiry(const Inquiry&) = delete;
  Inquiry& operator=(const Inquiry&) = delete;

 private:
  /// Octets on their way to the scanner that it has not taken.
  static constexpr std::size_t kMaxUnsent = 128 * 1024;

  void on_activity() override { pump(); }

  void begin(std::unique_ptr<net::Transport> transport) {
    transport_ = std::move(transport);
    transport_->set_observer(this);
    if (question_.descriptor.get() >= 0 &&
        !transport_->send_descriptor(std::move(question_.descriptor))) {
      return fail_with({ErrorCode::config, "only a Unix socket takes descriptors"});
    }
    transport_->send(ByteChain(tools_.pool, question_.head));
    all_queued_ = !reader_;
    pump();
  }

  void pump() {
    if (!transport_ || answer_ || pumping_) return;
    pumping_ = true;
    bool again = true;
    while (again) {
      send();
      receive();
      if (answer_) break;
      const bool full = transport_->unsent() >= kMaxUnsent;
      again = transport_->settle();
      // What was full may have room now, and nobody would tell us again.
      again = again || (full && transport_->unsent() < kMaxUnsent);
    }
    pumping_ = false;
  }

  void send() {
    while (!all_queued_ && !answer_ && transport_->unsent() < kMaxUnsent) {
      ByteChain piece;
      switch (reader_->next(piece)) {
        case SpoolReader::Progress::data:
          if (question_.framing == Question::Framing::chunks) send_length(piece.size());
          transport_->send(std::move(piece));
          break;
        case SpoolReader::Progress::wait:
          return;
        case SpoolReader::Progress::end:
          if (question_.framing == Question::Framing::chunks) send_length(0);
          all_queued_ = true;
          return;
        case SpoolReader::Progress::failed:
          return fail_with(*reader_->failure(), true);
      }
    }
  }

  void send_length(std::size_t n) {
    const auto octets = length(n);
    transport_->send(ByteChain(tools_.pool, {octets.data(), octets.size()}));
  }

  void receive() {
    ByteChain& in = transport_->received();
    while (!answer_ && !in.empty()) {
      const std::string_view piece = in.front();
      const std::size_t room = question_.max_reply - text_.size();
      if (piece.size() > room) return fail_with({ErrorCode::limit, "reply too long"});
      text_ += piece;
      in.consume(piece.size());
      const auto size = question_.reply_size(text_);
      if (!size || text_.size() < *size) continue;
      if (text_.size() > *size || !in.empty()) {
        return fail_with({ErrorCode::protocol, "more than one reply"});
      }
      // Sent is what the system has taken: what waits here it cannot have looked at.
      Answer answer;
      answer.all_sent = all_queued_ && transport_->unsent() == 0;
      return end_with(std::move(answer));
    }
    if (!answer_ && transport_->end()) fail_with(*transport_->end());
  }

  void fail_with(Error error, bool ours = false) {
    Answer answer;
    answer.failure = std::move(error);
    answer.ours = ours;
    end_with(std::move(answer));
  }
  void end_with(Answer answer) {
    if (answer_) return;
    answer_ = std::move(answer);
    answer_->reply = std::move(text_);
    if (transport_) transport_->close(net::CloseMode::abort);
    teller_->start(Duration(0));
  }
  /// Whoever hears of it may destroy this.
  void tell() {
    Done done = std::move(done_);
    Answer answer = std::move(*answer_);
    done(std::move(answer));
  }

  const ScannerTools& tools_;
  Question question_;
  Done done_;
  std::unique_ptr<Timer> teller_;
  std::unique_ptr<SpoolReader> reader_;
  std::unique_ptr<net::Transport> transport_;
  Ticket connecting_;
  bool all_queued_ = false;
  bool pumping_ = false;
  std::string text_;
  std::optional<Answer> answer_;
};

}  // namespace

Verdict Answer::trouble() const {
  if (ours) return Verdict::of(Cause::spool_full, failure->detail);
  const bool nonsense = failure->code == ErrorCode::limit || failure->code == ErrorCode::protocol;
  return Verdict::of(nonsense ? Cause::not_understood : Cause::unreachable, failure->detail);
}

Ticket inquire(const ScannerTools& tools, const Endpoint& address, Duration limit,
               Question question, std::move_only_function<void(Answer)> done) {
  auto inquiry =
      std::make_unique<Inquiry>(tools, address, limit, std::move(question), std::move(done));
  return Ticket([held = std::move(inquiry)]() mutable { held.reset(); });
}

}  // namespace gatepost::filters
