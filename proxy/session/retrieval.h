#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "filters/inspection.h"
#include "filters/message/top_cutter.h"
#include "proxy/mailbox/mailbox_view.h"
#include "proxy/pop3/command.h"
#include "proxy/pop3/dot_codec.h"
#include "proxy/session/services.h"

namespace gatepost::session {

/// Leads the message that answers one RETR or TOP through a chain: upstream's text goes in, and out
/// comes what the client gets, from the status line to the final dot. While there is no verdict it
/// climbs the waiting ladder (config::Waiting): first silence, then +OK and a header line now and
/// then.
class Retrieval final : filters::Inspection::Owner {
 public:
  /// Upstream hears NOOP that often while it has nothing to do.
  static constexpr Duration kAwake{60'000};

  class Owner {
   public:
    /// Something is new: look at congested() and give(). From the loop, never from inside a call.
    /// The retrieval must not be destroyed during the call.
    virtual void on_retrieval_activity() = 0;

   protected:
    ~Owner() = default;
  };

  struct Request {
    std::shared_ptr<const filters::Chain> chain;
    filters::MessageFacts facts;
    pop3::Verb verb = pop3::Verb::retr;
    std::optional<std::uint32_t> lines;  ///< TOP: of the body
    /// Of the quarantine, in place of upstream's text; through a chain without scanners.
    std::shared_ptr<filters::Quarantine> quarantine{};
    mailbox::ExtraMessage released{};
    Instant since;                  ///< the client waits
    Journal::Page* page = nullptr;  ///< where its decisions are noted; null: nowhere
    std::uint32_t number = 0;       ///< of the message, as the client counts
  };

  /// Upstream said +OK. `services` and `owner` must outlive it.
  Retrieval(const Services& services, Request request, Owner& owner);
  ~Retrieval();
  Retrieval(const Retrieval&) = delete;
  Retrieval& operator=(const Retrieval&) = delete;

  // Upstream's side.
  /// The next piece of the message, without dot-stuffing. Always taken.
  void feed(ByteChain&& text) { inspection_->feed(std::move(text)); }
  /// Upstream's reply is complete.
  void end();
  /// Do not read upstream until on_retrieval_activity().
  [[nodiscard]] bool congested() const { return inspection_->congested(); }
  /// Whether end() was called.
  [[nodiscard]] bool received() const { return received_.has_value(); }
  /// When upstream has been idle for kAwake, since it has sent all of the message.
  [[nodiscard]] std::optional<Instant> noop_due() const;
  void noop_sent();

  // The client's side.
  /// It was fetched ahead: the client waits since now.
  void claimed(Instant now) { next_line_ = now + request_.chain->config.waiting.quiet; }
  enum class Progress : std::uint8_t {
    wait,    ///< until on_retrieval_activity() or line_due()
    more,    ///< something was added: call again
    whole,   ///< the client has its answer, upstream has sent all: it is done
    broken,  ///< the answer cannot be completed, problem(): only a broken connection says so
  };
  /// Adds to `out` what the client gets next, about 128 KiB at most.
  [[nodiscard]] Progress give(ByteChain& out);
  /// When give() has something new without any other event.
  [[nodiscard]] std::optional<Instant> line_due() const;

  /// Whether there is no verdict yet, and so nothing but silence or waiting.
  [[nodiscard]] bool undecided() const;
  /// Whether the client has part of an answer that is not complete.
  [[nodiscard]] bool mid_message() const {
    return stage_ == Stage::waiting || stage_ == Stage::delivering;
  }
  /// Whether the client has a complete answer, perhaps ahead of upstream.
  [[nodiscard]] bool answered() const { return stage_ == Stage::answered; }
  /// Whether that answer was -ERR.
  [[nodiscard]] bool refused() const { return refused_; }
  [[nodiscard]] std::string_view problem() const { return problem_; }
  /// answered(): octets that every RETR of this message gives, as long as nothing changes. Null for
  /// TOP, -ERR, and what the ladder has added to.
  [[nodiscard]] std::optional<std::uint64_t> usual_size() const;

  /// Answered without -ERR: whether the client has all of the original, and no scanner was without
  /// a verdict on it.
  [[nodiscard]] bool original() const;

  /// It is over: writes the log. `problem`: why it is, if not because it was done.
  void close(std::string_view problem);

 private:
  /// What the client has heard.
  enum class Stage : std::uint8_t {
    silent,      ///< nothing
    waiting,     ///< +OK and lines of the ladder
    delivering,  ///< +OK and a part of the message
    answered,    ///< all of it
  };
  void on_inspection_activity() override { owner_.on_retrieval_activity(); }
  void note_verdict();
  void note_decision() const;
  void climb(ByteChain& out);
  [[nodiscard]] Progress refuse(ByteChain& out, std::string_view text);
  [[nodiscard]] Progress deliver(ByteChain& out);
  void begin_delivery(ByteChain& text, ByteChain& out);
  void encode(ByteChain&& text, ByteChain& out);
  [[nodiscard]] std::unique_ptr<filters::Inspection> make_inspection();
  [[nodiscard]] Progress answer_complete();

  const Services& services_;
  const Request request_;
  Owner& owner_;
  const std::unique_ptr<filters::Inspection> inspection_;
  pop3::DotEncoder encoder_;
  std::optional<filters::TopCutter> cutter_;
  Stage stage_ = Stage::silent;
  Instant next_line_;                // of the ladder
  Instant verdict_at_;               // once decided
  std::optional<Instant> received_;  // upstream has been idle since then
  ByteChain first_line_;             // behind a ladder: as much of it as has to be looked at
  std::uint64_t ladder_lines_ = 0;
  std::uint64_t octets_ = 0;  // for the client
  bool refused_ = false;
  bool decided_ = false;
  std::string problem_;
};

}  // namespace gatepost::session
