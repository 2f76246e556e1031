#include "proxy/session/retrieval.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "filters/quarantine/released_message.h"
#include "proxy/pop3/reply.h"
#include "proxy/session/notes.h"

namespace gatepost::session {

using filters::Inspection;

namespace {

/// Without a count of octets: nobody knows it before the end.
constexpr std::string_view kOk = "Message follows";
constexpr std::string_view kLadderLine = "X-Gatepost-Status: being scanned\r\n";
/// The first line of an mbox is no field, and in the middle of a header it would be taken for the
/// end of it. So behind a ladder it becomes the value of one.
constexpr std::string_view kMbox = "From ";
constexpr std::string_view kMboxField = "X-Gatepost-Mbox: ";

Duration time_left(const Retrieval::Request& request, Instant now) {
  const Duration left = request.since + request.chain->config.waiting.deadline - now;
  return std::max(left, Duration(1));
}

}  // namespace

Retrieval::Retrieval(const Services& services, Request request, Owner& owner)
    : services_(services),
      request_(std::move(request)),
      owner_(owner),
      inspection_(make_inspection()),
      encoder_(services.pool),
      next_line_(request_.since + request_.chain->config.waiting.quiet) {
  if (request_.lines) cutter_.emplace(*request_.lines);
}

Retrieval::~Retrieval() = default;

std::unique_ptr<Inspection> Retrieval::make_inspection() {
  const Duration limit = time_left(request_, services_.timers.now());
  if (!request_.quarantine) {
    return services_.inspect(request_.chain, request_.facts, limit, *this);
  }
  return filters::make_released_message(services_.filters, request_.quarantine,
                                        request_.released.key, request_.released.size, limit,
                                        *this);
}

std::optional<std::uint64_t> Retrieval::usual_size() const {
  const bool usual = request_.verb == pop3::Verb::retr && !refused_ && ladder_lines_ == 0;
  return usual ? std::optional(octets_) : std::nullopt;
}

bool Retrieval::original() const {
  const auto& trail = inspection_->judgement().trail;
  const bool delivered = inspection_->action() == filters::Action::deliver ||
                         inspection_->action() == filters::Action::tag;
  const bool cut = cutter_ && cutter_->done();
  return delivered && !cut && inspection_->keeps_all() &&
         std::ranges::none_of(trail, [](const filters::Opinion& opinion) {
           return filters::no_verdict(opinion.verdict.cause);
         });
}

void Retrieval::end() {
  received_ = services_.timers.now();
  inspection_->end();
}

std::optional<Instant> Retrieval::noop_due() const {
  if (!received_) return std::nullopt;
  return *received_ + kAwake;
}

void Retrieval::noop_sent() { received_ = services_.timers.now(); }

bool Retrieval::undecided() const {
  return inspection_->outcome() == Inspection::Outcome::undecided;
}

std::optional<Instant> Retrieval::line_due() const {
  // Without scanners there is no verdict to wait for: upstream is what is slow.
  if (!undecided() || !request_.chain->waits()) return std::nullopt;
  return next_line_;
}

Retrieval::Progress Retrieval::give(ByteChain& out) {
  if (stage_ == Stage::answered) return answer_complete();
  switch (inspection_->outcome()) {
    case Inspection::Outcome::undecided:
      climb(out);
      return Progress::wait;
    case Inspection::Outcome::refused:
      note_verdict();
      return refuse(out, inspection_->refusal());
    case Inspection::Outcome::pass:
      note_verdict();
      return deliver(out);
  }
  return Progress::wait;
}

void Retrieval::note_verdict() {
  if (std::exchange(decided_, true)) return;
  verdict_at_ = services_.timers.now();
  if (request_.chain->waits()) {
    services_.filters.counters.verdict_time.observe(verdict_at_ - request_.since);
  }
}

/// The client's time-out begins anew with every line.
void Retrieval::climb(ByteChain& out) {
  const Instant now = services_.timers.now();
  if (!request_.chain->waits() || now < next_line_) return;
  if (stage_ == Stage::silent) {
    out.append(services_.pool, pop3::ok(kOk));
    stage_ = Stage::waiting;
    services_.filters.counters.ladder_started.add();
  }
  out.append(services_.pool, kLadderLine);
  ++ladder_lines_;
  services_.filters.counters.ladder_lines.add();
  next_line_ = now + request_.chain->config.waiting.interval;
}

Retrieval::Progress Retrieval::refuse(ByteChain& out, std::string_view text) {
  if (stage_ != Stage::silent) {
    // Whatever came now would be taken for the message. Who comes back is refused at once.
    if (inspection_->cause() == filters::Cause::timeout) inspection_->note_timeout_after_ok();
    problem_ = "refused after +OK";
    services_.filters.counters.broken_off.add();
    return Progress::broken;
  }
  out.append(services_.pool, pop3::err(pop3::ResponseCode::sys_temp, text));
  if (problem_.empty()) problem_ = inspection_->problem();
  refused_ = true;
  stage_ = Stage::answered;
  return answer_complete();
}

Retrieval::Progress Retrieval::answer_complete() {
  return received_ ? Progress::whole : Progress::wait;
}

Retrieval::Progress Retrieval::deliver(ByteChain& out) {
  ByteChain text;
  switch (inspection_->take(text)) {
    case Inspection::Progress::wait:
      return Progress::wait;
    case Inspection::Progress::data:
      begin_delivery(text, out);
      encode(std::move(text), out);
      break;
    case Inspection::Progress::end:
      begin_delivery(text, out);
      encode(std::exchange(first_line_, ByteChain()), out);
      encoder_.end(out);
      stage_ = Stage::answered;
      return answer_complete();
    case Inspection::Progress::broken:
      problem_ = inspection_->problem();
      if (stage_ == Stage::silent) return refuse(out, "Message could not be read, try again later");
      services_.filters.counters.broken_off.add();
      return Progress::broken;
  }
  if (!cutter_ || !cutter_->done() || !received_) return Progress::more;
  encoder_.end(out);
  stage_ = Stage::answered;
  return answer_complete();
}

/// What stands before the text that was delivered first; keeps `text` while it is too short to know
/// what has to.
void Retrieval::begin_delivery(ByteChain& text, ByteChain& out) {
  if (stage_ == Stage::silent) out.append(services_.pool, pop3::ok(kOk));
  if (stage_ == Stage::waiting) {
    first_line_.append(std::exchange(text, ByteChain()));
    if (first_line_.size() < kMbox.size()) return;
    const ByteChain start = ByteChain(first_line_).take(kMbox.size());
    if (start.to_string() == kMbox) encode(ByteChain(services_.pool, kMboxField), out);
    text = std::exchange(first_line_, ByteChain());
  }
  stage_ = Stage::delivering;
}

void Retrieval::encode(ByteChain&& text, ByteChain& out) {
  octets_ += text.size();
  if (!cutter_) return encoder_.encode(std::move(text), out);
  ByteChain shown;
  cutter_->cut(std::move(text), shown);
  encoder_.encode(std::move(shown), out);
}

void Retrieval::close(std::string_view problem) {
  if (problem_.empty()) problem_ = problem;
  if (request_.verb == pop3::Verb::top && !request_.chain->waits()) return;  // nobody judged it
  note_decision();
  const std::string_view cause = decided_ ? filters::to_string(inspection_->cause()) : "none";
  const std::string_view action = decided_ ? filters::to_string(inspection_->action()) : "none";
  services_.log.info("message",
                     {{"id", request_.facts.session},
                      {"user", request_.facts.user},
                      {"route", request_.facts.route},
                      {"chain", request_.chain->config.name},
                      {"command", pop3::to_string(request_.verb)},
                      {"number", request_.facts.number},
                      {"cause", cause},
                      {"action", action},
                      {"trail", inspection_->judgement().to_string()},
                      {"remembered", inspection_->judgement().remembered},
                      {"octets", inspection_->octets()},
                      {"quarantine", inspection_->quarantine_number()},
                      {"ladder", ladder_lines_},
                      {"rules", fmt::format("{}", fmt::join(inspection_->notes(), "; "))},
                      {"problem", problem_},
                      {"duration_ms", (services_.timers.now() - request_.since).count()}});
}

/// For `gatepost explain`.
void Retrieval::note_decision() const {
  if (request_.page == nullptr) return;
  note_message(*request_.page, {.command = pop3::to_string(request_.verb),
                                .number = request_.number,
                                .chain = *request_.chain,
                                .inspection = decided_ ? inspection_.get() : nullptr,
                                .released = request_.quarantine != nullptr,
                                .ladder_lines = ladder_lines_,
                                .took = services_.timers.now() - request_.since,
                                .problem = problem_});
}

}  // namespace gatepost::session
