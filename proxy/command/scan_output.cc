#include "proxy/command/scan_output.h"

#include <chrono>
#include <cstdio>

#include <fmt/format.h>

#include "filters/message/header_text.h"

namespace gatepost::command {

namespace {

constexpr std::size_t kComplaint = 512;

/// The line of a terminal is empty after it.
constexpr const char* kClear = "\r\x1b[K";

}  // namespace

bool ScanOutput::may_begin(std::uint64_t index) {
  std::unique_lock lock(mutex_);
  moved_.wait(lock, [this, index] { return broken_ || index < next_ + kMaxAhead; });
  return !broken_;
}

void ScanOutput::add(std::uint64_t index, const ScanReport& report) {
  const bool failed = !report.error.empty();
  std::string text = options_.json ? scan_json(report) : failed ? "" : scan_text(report);
  const std::lock_guard lock(mutex_);
  tally_.add(report);
  if (failed) say(fmt::format("{}: {}", report.name, report.error));
  ready_.emplace(index, std::move(text));
  print_ready();
  show_progress();
}

void ScanOutput::print_ready() {
  if (!ready_.contains(next_)) return;
  clear_progress();
  while (!ready_.empty() && ready_.begin()->first == next_) {
    print(ready_.begin()->second);
    ready_.erase(ready_.begin());
    ++next_;
  }
  if (std::fflush(stdout) != 0) broken_ = true;
  moved_.notify_all();
}

void ScanOutput::print(const std::string& text) {
  if (broken_) return;
  broken_ = std::fwrite(text.data(), 1, text.size(), stdout) != text.size();
}

void ScanOutput::complain(const std::string& text) {
  const std::lock_guard lock(mutex_);
  complained_ = true;
  if (said_.insert(text).second) say(text);
}

void ScanOutput::say(const std::string& text) {
  clear_progress();
  const std::string line = "gatepost: " + filters::inert_text(text, kComplaint) + "\n";
  std::fputs(line.c_str(), stderr);
}

void ScanOutput::show_progress() {
  if (!options_.progress || tally_.messages() < 2) return;
  const Instant now = std::chrono::time_point_cast<Duration>(Instant::clock::now());
  if (now - shown_ < kShowEvery) return;
  shown_ = now;
  const std::string bar =
      "\r" + progress_bar(options_.octets_done(), options_.octets, tally_.messages());
  std::fputs(bar.c_str(), stderr);
  bar_ = true;
}

void ScanOutput::clear_progress() {
  if (!bar_) return;
  std::fputs(kClear, stderr);
  bar_ = false;
}

bool ScanOutput::finish(bool summary, Duration took) {
  const std::lock_guard lock(mutex_);
  clear_progress();
  if (broken_) say("standard output cannot be written to");
  if (summary) say(tally_.summary(took));
  return broken_ || complained_ || tally_.trouble();
}

}  // namespace gatepost::command
