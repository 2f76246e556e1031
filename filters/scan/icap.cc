#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "filters/scan/conversation.h"
#include "filters/scan/icap_codec.h"
#include "proxy/base/digest.h"

namespace gatepost::filters {

namespace {

IcapRequest request_to(const config::Scanner& config) {
  IcapRequest request;
  request.host = config.address.is_unix() ? "localhost" : config.address.to_string();
  request.service = config.service;
  return request;
}

Cause cause_of(ErrorCode code) {
  return code == ErrorCode::protocol ? Cause::not_understood : Cause::unreachable;
}

class AskOptions final : public Conversation {
 public:
  using Done = std::move_only_function<void(Result<IcapOptions>)>;

  AskOptions(ScannerLines& lines, Done done) : Conversation(lines), done_(std::move(done)) {}

 private:
  void begin() override {
    reader_ = IcapReader();
    send(icap_options_request(request_to(lines().config())));
  }
  Progress speak() override { return Progress::wait; }
  Progress listen(ByteChain& in) override {
    for (;;) {
      switch (reader_.next(in)) {
        case IcapReader::Event::need_data:
          return Progress::wait;
        case IcapReader::Event::head:
          break;
        case IcapReader::Event::body:
          octets_ += reader_.take_body().size();
          if (octets_ > kMaxOptions)
            return give_up(ErrorCode::protocol, "OPTIONS: too long an answer");
          break;
        case IcapReader::Event::end:
          if (!in.empty()) return give_up(ErrorCode::protocol, "more than one response");
          options_ = IcapOptions::of(reader_.status(), reader_.head());
          finish(options_ && reader_.keep_alive());
          return Progress::wait;
        case IcapReader::Event::interim:
          return give_up(ErrorCode::protocol, "OPTIONS: 100 Continue");
        case IcapReader::Event::refused:
          return give_up(ErrorCode::protocol, std::string(reader_.problem()));
      }
    }
  }
  void broken(const Error& error) override { static_cast<void>(give_up(error.code, error.detail)); }
  void tell() override {
    Done done = std::move(done_);
    auto options = std::move(options_);
    done(std::move(options));
  }
  Progress give_up(ErrorCode code, std::string detail) {
    options_ = fail(code, std::move(detail));
    finish(false);
    return Progress::wait;
  }

  Done done_;
  IcapReader reader_;
  std::size_t octets_ = 0;
  Result<IcapOptions> options_ = fail(ErrorCode::protocol, "not asked");
};

/// One message.
class Respmod final : public Conversation {
 public:
  struct Said {
    Verdict verdict;
    std::string tag;  // "" if the response had none
  };
  using Done = std::move_only_function<void(Said)>;

  Respmod(ScannerLines& lines, std::optional<std::size_t> preview, ScanJob job, Done done)
      : Conversation(lines), preview_(preview), job_(std::move(job)), done_(std::move(done)) {}

 private:
  enum class Phase : std::uint8_t {
    preview,    // is being said
    previewed,  // was said: it decides whether it wants the rest
    rest,       // or all, is being said
    all,        // was said
  };

  void begin() override {
    reader_ = IcapReader();
    spool_ = std::make_unique<SpoolReader>(job_.message, [this] { pump(); });
    pending_.clear();
    returned_ = Sha256();
    const std::uint64_t size = job_.message->size();
    IcapRequest request = request_to(lines().config());
    request.client = job_.facts.client;
    request.user = job_.facts.user;
    request.number = job_.facts.number;
    request.size = size;
    request.preview = preview_;
    send(icap_respmod_head(request));
    preview_left_ = std::min<std::uint64_t>(preview_.value_or(0), size);
    preview_is_all_ = preview_left_ == size;
    phase_ = preview_ ? Phase::preview : Phase::rest;
  }

  Progress speak() override {
    if (phase_ == Phase::previewed || phase_ == Phase::all) return Progress::wait;
    if (phase_ == Phase::preview && preview_left_ == 0) {
      send(preview_is_all_ ? "0; ieof\r\n\r\n" : "0\r\n\r\n");
      phase_ = preview_is_all_ ? Phase::all : Phase::previewed;
      return Progress::more;
    }
    if (pending_.empty()) {
      switch (spool_->next(pending_)) {
        case SpoolReader::Progress::data:
          break;
        case SpoolReader::Progress::wait:
          return Progress::wait;
        case SpoolReader::Progress::failed:
          return give_up(Cause::spool_full, spool_->failure()->detail);
        case SpoolReader::Progress::end:
          send("0\r\n\r\n");
          phase_ = Phase::all;
          return Progress::more;
      }
    }
    if (phase_ == Phase::preview) {
      const auto n =
          static_cast<std::size_t>(std::min<std::uint64_t>(preview_left_, pending_.size()));
      preview_left_ -= n;
      send_chunk(pending_.take(n));
    } else {
      send_chunk(std::exchange(pending_, {}));
    }
    return Progress::more;
  }
  void send_chunk(ByteChain&& octets) {
    if (octets.empty()) return;
    send(fmt::format("{:x}\r\n", octets.size()));
    send(std::move(octets));
    send("\r\n");
  }

  Progress listen(ByteChain& in) override {
    while (!over()) {
      switch (reader_.next(in)) {
        case IcapReader::Event::need_data:
          return Progress::wait;
        case IcapReader::Event::interim:
          if (phase_ != Phase::previewed || !all_gone()) {
            return give_up(Cause::not_understood, "100 Continue out of turn");
          }
          phase_ = Phase::rest;
          // The verdict cannot be here yet.
          if (!in.empty()) return give_up(Cause::not_understood, "a verdict ahead of the message");
          return Progress::more;
        case IcapReader::Event::head:
          on_head();
          break;
        case IcapReader::Event::body: {
          const ByteChain octets = reader_.take_body();
          for (const Slice& slice : octets.slices()) returned_.update(slice.view());
          break;
        }
        case IcapReader::Event::end:
          on_end(in);
          break;
        case IcapReader::Event::refused:
          return give_up(Cause::not_understood, reader_.problem());
      }
    }
    return Progress::wait;
  }

  /// Whether it had all that it asked for: the whole message, or the preview.
  [[nodiscard]] bool had_all() const {
    return (phase_ == Phase::previewed || phase_ == Phase::all) && all_gone();
  }

  void on_head() {
    if (const auto tag = reader_.head().only("ISTag")) said_.tag = *tag;
    // What was found counts whatever else is said.
    if (auto threat = icap_threat(reader_.head())) return end_with(std::move(*threat), false);
    const int status = reader_.status();
    if (status == 204) {
      if (!had_all()) {
        end_with(Verdict::of(Cause::not_understood, "204 before it had the whole message"), false);
      }
    } else if (status == 200) {
      on_modified();
    } else {
      constexpr int kFirstServerError = 500;
      end_with(Verdict::of(status >= kFirstServerError ? Cause::unreachable : Cause::not_understood,
                           reader_.head().first_line),
               false);
    }
  }

  /// 200: it says what the client should get in place of the message.
  void on_modified() {
    if (!reader_.http_head()) {
      return end_with(Verdict::of(Cause::not_understood, "200 without an encapsulated response"),
                      false);
    }
    if (auto threat = icap_threat(*reader_.http_head())) {
      return end_with(std::move(*threat), false);
    }
    constexpr int kForbidden = 403;
    const int status = reader_.http_status();
    if (status == kForbidden || (status >= 300 && status < 400)) {
      return end_with(Verdict::of(Cause::infected, "blocked: " + reader_.http_head()->first_line),
                      false);
    }
    if (status != 200) {
      end_with(Verdict::of(Cause::not_understood, reader_.http_head()->first_line), false);
    }
  }

  void on_end(const ByteChain& in) {
    if (!in.empty()) {
      return end_with(Verdict::of(Cause::not_understood, "more than one response"), false);
    }
    const bool unchanged =
        reader_.status() == 204 ||
        (phase_ == Phase::all && all_gone() && returned_.finish() == job_.message->digest());
    end_with(unchanged ? Verdict::clean() : Verdict::of(Cause::infected, "changed by the scanner"),
             unchanged && reader_.keep_alive());
  }

  void broken(const Error& error) override {
    end_with(Verdict::of(cause_of(error.code), error.detail), false);
  }
  void tell() override {
    Done done = std::move(done_);
    Said said = std::move(said_);
    done(std::move(said));
  }
  Progress give_up(Cause cause, std::string_view detail) {
    end_with(Verdict::of(cause, detail), false);
    return Progress::wait;
  }
  void end_with(Verdict verdict, bool reusable) {
    said_.verdict = std::move(verdict);
    finish(reusable);
  }

  const std::optional<std::size_t> preview_;
  const ScanJob job_;
  Done done_;
  Phase phase_ = Phase::rest;
  std::uint64_t preview_left_ = 0;
  bool preview_is_all_ = false;
  std::unique_ptr<SpoolReader> spool_;
  ByteChain pending_;  // read, not said
  IcapReader reader_;
  Sha256 returned_;
  Said said_;
};

class Icap final : public Scanner {
 public:
  Icap(const config::Scanner& config, const ScannerTools& tools,
       std::shared_ptr<const net::TlsLayer> tls)
      : lines_(config, tools, std::move(tls)) {}

  [[nodiscard]] Ticket scan(ScanJob job, Done done) override {
    auto steps = std::make_shared<Steps>();
    steps->job = std::move(job);
    steps->done = std::move(done);
    if (known()) {
      ask(steps);
    } else {
      steps->step = ask_options([this, weak = std::weak_ptr(steps)](Result<std::string> tag) {
        const auto own = weak.lock();
        if (!own) return;
        if (tag) return ask(own);
        Done tell = std::move(own->done);
        tell(Verdict::of(cause_of(tag.error().code), tag.error().detail));
      });
    }
    return Ticket([steps] { steps->step.reset(); });
  }
  [[nodiscard]] Ticket ask_version(VersionDone done) override {
    return ask_options(std::move(done));
  }

 private:
  /// A scan: perhaps OPTIONS first, then RESPMOD.
  struct Steps {
    ScanJob job;
    Done done;
    Ticket step;
  };

  [[nodiscard]] bool known() const {
    return options_ && lines_.tools().timers.now() - asked_ < options_->good_for;
  }
  /// The ISTag, once the options are known.
  [[nodiscard]] Ticket ask_options(VersionDone done) {
    return begin(std::make_unique<AskOptions>(
        lines_, [this, done = std::move(done)](Result<IcapOptions> options) mutable {
          if (!options) return done(std::unexpected(options.error()));
          options_ = std::move(*options);
          asked_ = lines_.tools().timers.now();
          lines_.limit(options_->max_connections);
          done(options_->tag);
        }));
  }
  void ask(const std::shared_ptr<Steps>& steps) {
    steps->step = begin(
        std::make_unique<Respmod>(lines_, options_->preview, std::move(steps->job),
                                  [this, weak = std::weak_ptr(steps)](Respmod::Said said) {
                                    // Another tag: the service is not what it was (RFC 3507
                                    // section 4.7).
                                    if (options_ && !said.tag.empty() && said.tag != options_->tag)
                                      options_.reset();
                                    const auto own = weak.lock();
                                    if (!own) return;
                                    Done tell = std::move(own->done);
                                    tell(std::move(said.verdict));
                                  }));
  }
  static Ticket begin(std::unique_ptr<Conversation> conversation) {
    conversation->start();
    return Ticket([held = std::move(conversation)]() mutable { held.reset(); });
  }

  ScannerLines lines_;
  std::optional<IcapOptions> options_;
  Instant asked_;
};

}  // namespace

std::unique_ptr<Scanner> make_icap(const config::Scanner& config, const ScannerTools& tools,
                                   std::shared_ptr<const net::TlsLayer> tls) {
  return std::make_unique<Icap>(config, tools, std::move(tls));
}

}  // namespace gatepost::filters
