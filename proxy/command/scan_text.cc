#include "proxy/command/scan_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "filters/message/header_text.h"

namespace gatepost::command {

namespace {

/// Characters of a name, a refusal, what a rule did.
constexpr std::size_t kWidth = 512;

std::string inert(std::string_view text) { return filters::inert_text(text, kWidth); }

std::vector<std::string> inert(const std::vector<std::string>& texts) {
  std::vector<std::string> all;
  all.reserve(texts.size());
  for (const std::string& text : texts) all.push_back(inert(text));
  return all;
}

/// "11 clean, 1 spam": those that there are.
template <typename Numbers, typename Names>
std::string counted(const Numbers& numbers, const Names& names) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] > 0) parts.push_back(fmt::format("{} {}", numbers[i], names[i]));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

bool ScanReport::trouble() const {
  return !error.empty() ||
         std::ranges::any_of(judgement.trail, [](const filters::Opinion& opinion) {
           return opinion.verdict.passing();
         });
}

std::string scan_text(const ScanReport& report) {
  if (!report.error.empty()) {
    return fmt::format("{}: error: {}\n", inert(report.name), inert(report.error));
  }
  std::string text = fmt::format(
      "{}: {} {}, {} -> {} octets, {} ms", inert(report.name), filters::to_string(report.action),
      filters::to_string(report.cause), report.octets, report.octets_out, report.took.count());
  const auto add = [&text](const char* name, const std::string& value) {
    if (!value.empty()) text += fmt::format("; {}{}", name, value);
  };
  add("", inert(report.judgement.to_string()));
  add("rules: ", fmt::format("{}", fmt::join(inert(report.rules), ", ")));
  add("-ERR ", inert(report.refusal));
  add("written to ", inert(report.written));
  text += '\n';
  std::string_view rest = report.diff;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size() - 1) + 1;
    text += "    ";
    text += rest.substr(0, end);
    rest.remove_prefix(end);
  }
  return text;
}

std::string scan_json(const ScanReport& report) {
  using Json = nlohmann::ordered_json;
  const bool seen = report.error.empty();
  Json trail = Json::array();
  for (const filters::Opinion& opinion : report.judgement.trail) {
    const auto& score = opinion.verdict.score;
    trail.push_back({{"scanner", opinion.scanner},
                     {"cause", filters::to_string(opinion.verdict.cause)},
                     {"detail", opinion.verdict.detail},
                     {"score", score ? Json(*score) : Json()},
                     {"milliseconds", opinion.took.count()}});
  }
  const Json object = {{"name", report.name},
                       {"octets", report.octets},
                       {"octets_out", report.octets_out},
                       {"action", seen ? filters::to_string(report.action) : "error"},
                       {"cause", seen ? filters::to_string(report.cause) : ""},
                       {"trail", std::move(trail)},
                       {"rules", inert(report.rules)},
                       {"milliseconds", report.took.count()},
                       {"changed", report.changed},
                       {"refusal", report.refusal},
                       {"written", report.written},
                       {"error", report.error}};
  // Nothing but ASCII: what is invisible or turns the writing direction is written as "\u202e".
  return object.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

void ScanTally::add(const ScanReport& report) {
  ++messages_;
  if (report.trouble()) ++trouble_;
  if (!report.error.empty()) {
    ++failed_;
    return;
  }
  if (report.changed) ++changed_;
  ++actions_[static_cast<std::size_t>(report.action)];
  ++causes_[static_cast<std::size_t>(report.cause)];
}

std::string ScanTally::summary(Duration took) const {
  const double seconds = static_cast<double>(std::max(took.count(), Duration::rep(1))) / 1000;
  std::string text =
      fmt::format("{} message{} in {:.1f} s ({:.0f}/s)", messages_, messages_ == 1 ? "" : "s",
                  seconds, static_cast<double>(messages_) / seconds);
  if (messages_ > failed_) {
    text += fmt::format(": {}; {}; {} changed", counted(actions_, config::kActionNames),
                        counted(causes_, config::kCauseNames), changed_);
  }
  if (failed_ > 0) text += fmt::format("; {} could not be looked at", failed_);
  if (trouble_ > failed_) text += fmt::format("; {} with scanners in trouble", trouble_ - failed_);
  return text;
}

std::string progress_bar(std::uint64_t done, std::uint64_t all, std::uint64_t messages) {
  constexpr std::size_t kBar = 40;
  const double share =
      all == 0 ? 0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(all));
  const auto filled = static_cast<std::size_t>(share * kBar);
  return fmt::format("[{}{}] {:3.0f} %  {} messages", std::string(filled, '='),
                     std::string(kBar - filled, ' '), share * 100, messages);
}

}  // namespace gatepost::command
