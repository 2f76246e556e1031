#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "filters/scan/conversation.h"
#include "filters/scan/mail_origin.h"
#include "filters/scan/rspamd_reply.h"
#include "proxy/http/response_reader.h"

namespace gatepost::filters {

namespace {

using http::ResponseReader;

/// A request of HTTP, and the response to it.
class HttpConversation : public Conversation {
 protected:
  using Conversation::Conversation;
  void begin() override {
    response_ = ResponseReader();
    failure_.reset();
  }
  Progress listen(ByteChain& in) override {
    switch (response_.next(in)) {
      case ResponseReader::Event::need_data:
        break;
      case ResponseReader::Event::refused:
        give_up(ErrorCode::protocol, std::string(response_.problem()));
        break;
      case ResponseReader::Event::response:
        if (in.empty()) {
          finish(said_all() && response_.keep_alive());
        } else {
          give_up(ErrorCode::protocol, "more than one response");
        }
        break;
    }
    return Progress::wait;
  }
  void broken(const Error& error) override {
    // The end may be that of the response.
    if (error.code == ErrorCode::closed && response_.begun() &&
        response_.end() == ResponseReader::Event::response) {
      return finish(false);
    }
    give_up(error.code, error.detail);
  }
  /// Whether the request has left as a whole.
  [[nodiscard]] virtual bool said_all() const = 0;

  void give_up(ErrorCode code, std::string detail) {
    failure_ = Error{code, std::move(detail)};
    finish(false);
  }
  [[nodiscard]] const ResponseReader& response() const { return response_; }
  /// Set: there is no response.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  /// "Host: name\r\n" and what else is the same in all requests.
  [[nodiscard]] std::string common_fields() const {
    const Endpoint& address = lines().config().address;
    return fmt::format("Host: {}\r\nUser-Agent: Gatepost\r\nConnection: keep-alive\r\n",
                       address.is_unix() ? "localhost" : address.to_string());
  }

 private:
  ResponseReader response_;
  std::optional<Error> failure_;
};

class Check final : public HttpConversation {
 public:
  Check(ScannerLines& lines, ScanJob job, Scanner::Done done)
      : HttpConversation(lines), job_(std::move(job)), done_(std::move(done)) {}

 private:
  void begin() override {
    HttpConversation::begin();
    all_said_ = false;
    head_said_ = false;
    reader_ = std::make_unique<SpoolReader>(job_.message, [this] { pump(); });
  }

  Progress speak() override {
    if (all_said_) return Progress::wait;
    ByteChain piece;
    switch (reader_->next(piece)) {
      case SpoolReader::Progress::wait:
        return Progress::wait;
      case SpoolReader::Progress::failed:
        spool_failed_ = true;
        give_up(ErrorCode::system, reader_->failure()->detail);
        return Progress::wait;
      case SpoolReader::Progress::end:
        all_said_ = true;
        break;
      case SpoolReader::Progress::data:
        break;
    }
    // What the header of the request says stands in the header of the message.
    if (!head_said_) send(request_head(piece));
    head_said_ = true;
    send(std::move(piece));
    return Progress::more;
  }

  [[nodiscard]] std::string request_head(const ByteChain& beginning) const {
    const MailOrigin origin = MailOrigin::of(beginning);
    std::string head = "POST /checkv2 HTTP/1.1\r\n" + common_fields();
    const auto add = [&head](std::string_view name, std::string_view value) {
      head += fmt::format("{}: {}\r\n", name, value);
    };
    if (origin.sender) add("From", origin.sender->empty() ? "<>" : *origin.sender);
    if (!origin.address.empty()) add("IP", origin.address);
    if (!origin.helo.empty()) add("Helo", origin.helo);
    // Not User: rspamd takes that for mail that a user of ours sends, and checks less.
    if (is_mail_address(job_.facts.user)) add("Rcpt", job_.facts.user);
    if (is_header_word(job_.facts.user)) add("Deliver-To", job_.facts.user);
    if (is_header_word(job_.facts.session)) add("Queue-Id", job_.facts.session);
    head += fmt::format("Content-Type: message/rfc822\r\nContent-Length: {}\r\n\r\n",
                        job_.message->size());
    return head;
  }

  [[nodiscard]] bool said_all() const override { return all_said_ && all_gone(); }

  Progress listen(ByteChain& in) override {
    whole_had_ = said_all();
    return HttpConversation::listen(in);
  }

  [[nodiscard]] Verdict verdict() const {
    if (failure()) {
      if (spool_failed_) return Verdict::of(Cause::spool_full, failure()->detail);
      const bool nonsense = failure()->code == ErrorCode::protocol;
      return Verdict::of(nonsense ? Cause::not_understood : Cause::unreachable, failure()->detail);
    }
    constexpr int kFirstServerError = 500;
    const int status = response().status();
    if (status != 200) {
      return Verdict::of(status >= kFirstServerError ? Cause::unreachable : Cause::not_understood,
                         fmt::format("HTTP status: {}", response().head().first_line));
    }
    Verdict said = rspamd_verdict(response().body());
    if (said.cause == Cause::clean && !whole_had_) {
      return Verdict::of(Cause::not_understood, "clean before it had the whole message");
    }
    return said;
  }
  void tell() override {
    Scanner::Done done = std::move(done_);
    done(verdict());
  }

  const ScanJob job_;
  Scanner::Done done_;
  std::unique_ptr<SpoolReader> reader_;
  bool head_said_ = false;
  bool all_said_ = false;
  bool whole_had_ = false;  // when the response came
  bool spool_failed_ = false;
};

/// Which rspamd it is. Its rules have no number that a worker would tell.
class Ping final : public HttpConversation {
 public:
  Ping(ScannerLines& lines, Scanner::VersionDone done)
      : HttpConversation(lines), done_(std::move(done)) {}

 private:
  void begin() override {
    HttpConversation::begin();
    send("GET /ping HTTP/1.1\r\n" + common_fields() + "\r\n");
  }
  Progress speak() override { return Progress::wait; }
  [[nodiscard]] bool said_all() const override { return true; }
  void tell() override {
    Scanner::VersionDone done = std::move(done_);
    if (failure()) return done(std::unexpected(*failure()));
    const auto server = response().head().only("Server");
    if (response().status() != 200 || !server) {
      return done(fail(ErrorCode::protocol, "no good answer to /ping"));
    }
    done(std::string(*server));
  }
  Scanner::VersionDone done_;
};

class Rspamd final : public Scanner {
 public:
  Rspamd(const config::Scanner& config, const ScannerTools& tools,
         std::shared_ptr<const net::TlsLayer> tls)
      : lines_(config, tools, std::move(tls)) {}

  [[nodiscard]] Ticket scan(ScanJob job, Done done) override {
    return begin(std::make_unique<Check>(lines_, std::move(job), std::move(done)));
  }
  [[nodiscard]] Ticket ask_version(VersionDone done) override {
    return begin(std::make_unique<Ping>(lines_, std::move(done)));
  }

 private:
  static Ticket begin(std::unique_ptr<Conversation> conversation) {
    conversation->start();
    return Ticket([held = std::move(conversation)]() mutable { held.reset(); });
  }
  ScannerLines lines_;
};

}  // namespace

std::unique_ptr<Scanner> make_rspamd(const config::Scanner& config, const ScannerTools& tools,
                                     std::shared_ptr<const net::TlsLayer> tls) {
  return std::make_unique<Rspamd>(config, tools, std::move(tls));
}

}  // namespace gatepost::filters
