#include "proxy/command/scan_worker.h"

#include <sys/prctl.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace gatepost::command {

namespace {

constexpr std::chrono::seconds kKeepNames{30};

/// After the time that a scanner itself has for one sample; there are two.
constexpr Duration kGrace{1'000};

Duration time_for_tests(const filters::ScanDesk::Kinds& kinds) {
  Duration longest{0};
  for (const auto& kind : kinds) longest = std::max(longest, kind->config.timeout);
  return 2 * longest + kGrace;
}

}  // namespace

void ScanWorker::Passing::add(const ByteChain& text, bool keep) {
  octets += text.size();
  for (const Slice& slice : text.slices()) {
    digest.update(slice.view());
    if (keep) beginning += slice.view().substr(0, kMaxCompared - beginning.size());
  }
}

ScanWorker::ScanWorker(unsigned index, const ScanTask& task, process::Launcher* launcher)
    : task_(task),
      resolver_(loop_, kKeepNames),
      connector_(loop_, pool_, resolver_),
      background_(loop_),
      launcher_(launcher != nullptr ? launcher->connect(loop_, index) : nullptr),
      desk_({loop_, connector_, pool_, background_, launcher_.get()}, *this),
      host_{.timers = loop_,
            .pool = pool_,
            .background = background_,
            .counters = counters_,
            .desk = desk_,
            .room = task.room,
            .dry = true},
      next_(loop_.make_timer([this] { next(); })),
      patience_(loop_.make_timer([this] {
        task_.output.complain("not every scanner was tested in time");
        began_ = true;
        next();
      })) {}

ScanWorker::~ScanWorker() { join(); }

void ScanWorker::start() {
  thread_ = std::thread([this] {
    prctl(PR_SET_NAME, "scan");
    prepare();
    loop_.run();
    current_.reset();
    desk_.apply({});
  });
}

void ScanWorker::join() {
  if (thread_.joinable()) thread_.join();
}

void ScanWorker::prepare() {
  untested_ = task_.chain->scanners.size();
  if (untested_ == 0) {
    began_ = true;
    return next_->start(Duration(0));
  }
  patience_->start(time_for_tests(task_.chain->scanners));
  desk_.apply(task_.chain->scanners);
}

/// What the desk says of a scanner.
void ScanWorker::write(LogLevel level, std::string_view /*event*/,
                       std::initializer_list<LogField> fields) {
  std::string scanner;
  std::string problem;
  for (const LogField& field : fields) {
    const auto* text = std::get_if<std::string_view>(&field.value);
    if (text == nullptr) continue;
    if (field.key == "scanner") scanner = *text;
    if (field.key == "problem") problem = *text;
  }
  if (level == LogLevel::error) {
    task_.output.complain(fmt::format("scanner {} is not effective: {}", scanner, problem));
  }
  if (began_ || --untested_ > 0) return;
  began_ = true;
  patience_->stop();
  next_->start(Duration(0));
}

void ScanWorker::next() {
  current_.reset();
  auto mail = task_.source.next();
  if (!mail || !task_.output.may_begin(mail->index)) return loop_.stop();
  current_.emplace(*std::move(mail), pool_);
  Current& now = *current_;
  now.since = loop_.now();
  if (!now.mail.text) {
    now.error = now.mail.text.error().detail;
    return finish();
  }
  now.inspection = filters::make_inspection(host_, task_.chain, task_.facts,
                                            task_.chain->config.waiting.deadline, *this);
  pump();
}

/// Feeds and takes as long as something moves.
void ScanWorker::pump() {
  if (!current_ || !current_->inspection || current_->told) return;
  const Current& now = *current_;
  for (;;) {
    const bool fed = feed();
    const bool took = take();
    if (!now.error.empty() || (now.read && now.taken)) return finish();
    if (!fed && !took) return;  // there will be news
  }
}

bool ScanWorker::feed() {
  Current& now = *current_;
  if (now.read || now.inspection->congested() || !now.error.empty()) return false;
  std::string piece;
  if (auto read = now.mail.text->next(piece); !read) {
    now.error = read.error().detail;
    return true;
  }
  ByteChain canonical;
  if (piece.empty()) {
    now.canonicalizer.end(canonical);
    now.read = true;
  } else {
    ByteChain raw(pool_, piece);
    now.canonicalizer.feed(raw, canonical);
  }
  now.before.add(canonical, task_.diff);
  now.inspection->feed(std::move(canonical));
  if (now.read) now.inspection->end();
  return true;
}

bool ScanWorker::take() {
  Current& now = *current_;
  if (now.taken) return false;
  const auto outcome = now.inspection->outcome();
  if (outcome == filters::Inspection::Outcome::undecided) return false;
  if (outcome == filters::Inspection::Outcome::refused) {
    now.taken = true;
    return true;
  }
  ByteChain out;
  const auto progress = now.inspection->take(out);
  now.after.add(out, task_.diff);
  if (auto kept = keep(out); !kept) now.error = kept.error().detail;
  if (progress == filters::Inspection::Progress::broken) now.error = now.inspection->problem();
  if (progress == filters::Inspection::Progress::end) now.taken = true;
  return progress != filters::Inspection::Progress::wait;
}

Result<void> ScanWorker::keep(const ByteChain& text) {
  Current& now = *current_;
  if (!task_.results) return {};
  if (!now.file) {
    auto file = task_.results->begin(now.mail.file, now.mail.number);
    if (!file) return std::unexpected(file.error());
    now.file = *std::move(file);
  }
  for (const Slice& slice : text.slices()) {
    if (auto written = now.file->write(slice.view()); !written) return written;
  }
  return {};
}

/// Tells what became of it. Its inspection, which may be calling us, goes later.
void ScanWorker::finish() {
  Current& now = *current_;
  now.told = true;
  ScanReport report;
  report.name = now.mail.name;
  report.took = loop_.now() - now.since;
  if (now.error.empty() && now.file) {
    auto written = now.file->finish();
    if (written) {
      report.written = *std::move(written);
    } else {
      now.error = written.error().detail;
    }
  }
  report.error = now.error;
  if (now.error.empty()) {
    const filters::Inspection& inspection = *now.inspection;
    report.action = inspection.action();
    report.cause = inspection.cause();
    report.judgement = inspection.judgement();
    report.rules = inspection.notes();
    report.refusal = inspection.refusal();
    report.octets = now.before.octets;
    report.octets_out = now.after.octets;
    report.changed = now.before.digest.finish() != now.after.digest.finish();
    const bool same_message =
        report.action == filters::Action::deliver || report.action == filters::Action::tag;
    if (task_.diff && report.changed && same_message) {
      report.diff = line_diff(now.before.compared(), now.after.compared());
    }
  }
  task_.output.add(now.mail.index, report);
  next_->start(Duration(0));
}

}  // namespace gatepost::command
