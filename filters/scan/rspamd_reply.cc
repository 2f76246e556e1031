#include "filters/scan/rspamd_reply.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gatepost::filters {

namespace {

using nlohmann::json;

Verdict nonsense(std::string_view why) { return Verdict::of(Cause::not_understood, why); }

/// A document with the keys that count standing in it once, or nothing.
std::optional<json> parse(std::string_view text) {
  bool good = true;
  int actions = 0;
  int scores = 0;
  const auto look = [&](int depth, json::parse_event_t event, const json& parsed) {
    good = good && depth <= kMaxRspamdDepth;
    if (depth == 1 && event == json::parse_event_t::key) {
      actions += parsed == "action" ? 1 : 0;
      scores += parsed == "score" ? 1 : 0;
    }
    return good;
  };
  json document = json::parse(text, look, false);
  if (!good || document.is_discarded() || !document.is_object() || actions != 1 || scores != 1) {
    return std::nullopt;
  }
  return document;
}

std::optional<double> number(const json& object, const char* key) {
  const auto at = object.find(key);
  if (at == object.end() || !at->is_number()) return std::nullopt;
  const double value = at->get<double>();
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

std::string string_of(const json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

const json& part(const json& object, const char* key) {
  static const json nothing;
  const auto at = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && at != object.end() ? *at : nothing;
}

enum class Meaning : std::uint8_t { pass, mark, reject, unknown };

Meaning meaning(std::string_view action) {
  if (action == "no action" || action == "greylist" || action == "soft reject")
    return Meaning::pass;
  if (action == "add header" || action == "rewrite subject") return Meaning::mark;
  if (action == "reject" || action == "discard" || action == "quarantine") return Meaning::reject;
  return Meaning::unknown;
}

/// "GTUBE(15.00), MISSING_TO(2.00)", those that count most first.
std::string symbols_of(const json& symbols) {
  std::vector<std::pair<double, std::string>> found;
  if (symbols.is_object()) {
    for (const auto& [name, symbol] : symbols.items()) {
      const auto score = symbol.is_object() ? number(symbol, "score") : std::nullopt;
      if (score) found.emplace_back(*score, name);
    }
  }
  std::ranges::sort(found, [](const auto& one, const auto& other) {
    return std::pair(-one.first, std::string_view(one.second)) <
           std::pair(-other.first, std::string_view(other.second));
  });
  if (found.size() > kMaxRspamdSymbols) found.resize(kMaxRspamdSymbols);
  std::string text;
  for (const auto& [score, name] : found) {
    text += fmt::format("{}{}({:.2f})", text.empty() ? "" : ", ", name, score);
  }
  return text;
}

/// Edits within the bounds of a verdict.
class Edits {
 public:
  explicit Edits(Verdict& verdict) : verdict_(verdict) {}

  void add(HeaderEdit edit) {
    if (verdict_.edits.size() >= Verdict::kMaxEdits || !is_field_name(edit.name)) return;
    if (edit.value.size() > HeaderEditor::kMaxValue) edit.value.resize(HeaderEditor::kMaxValue);
    verdict_.edits.push_back(std::move(edit));
  }
  void set(std::string name, std::string value) {
    add({.what = HeaderEdit::What::replace, .name = std::move(name), .value = std::move(value)});
  }
  void remove(std::string name, int which = 0) {
    add({.what = HeaderEdit::What::remove, .name = std::move(name), .value = {}, .which = which});
  }

 private:
  Verdict& verdict_;
};

/// One value or several: "text", {"value": "text", "order": 1}, or a list of such.
void add_header(const std::string& name, const json& wish, Edits& edits) {
  if (wish.is_array()) {
    for (const json& one : wish) {
      if (!one.is_array()) add_header(name, one, edits);
    }
    return;
  }
  HeaderEdit edit{.name = name, .value = {}, .place = HeaderEdit::Place::end};
  if (wish.is_string()) {
    edit.value = wish.get<std::string>();
  } else if (wish.is_object() && part(wish, "value").is_string()) {
    edit.value = part(wish, "value").get<std::string>();
    if (number(wish, "order").value_or(-1) >= 0) edit.place = HeaderEdit::Place::top;
  } else {
    return;
  }
  edits.add(std::move(edit));
}

void remove_header(const std::string& name, const json& wish, Edits& edits) {
  constexpr double kMost = 1000;
  if (wish.is_array()) {
    for (const json& one : wish) {
      if (!one.is_array()) remove_header(name, one, edits);
    }
    return;
  }
  if (!wish.is_number()) return;
  const auto which = wish.get<double>();
  if (std::abs(which) <= kMost) edits.remove(name, static_cast<int>(which));
}

void milter_edits(const json& milter, Edits& edits) {
  const json& removed = part(milter, "remove_headers");
  if (removed.is_object()) {
    for (const auto& [name, wish] : removed.items()) remove_header(name, wish, edits);
  }
  const json& added = part(milter, "add_headers");
  if (added.is_object()) {
    for (const auto& [name, wish] : added.items()) add_header(name, wish, edits);
  }
}

}  // namespace

Verdict rspamd_verdict(std::string_view text) {
  const auto document = parse(text);
  if (!document) return nonsense("no JSON object with one action and one score");
  const auto score = number(*document, "score");
  if (!score) return nonsense("the score is not a number");
  const std::string action = string_of(*document, "action");
  const Meaning means = meaning(action);
  if (means == Meaning::unknown) return nonsense("unknown action: " + action);

  const auto required = number(*document, "required_score");
  const std::string points =
      required ? fmt::format("{:.2f}/{:.2f}", *score, *required) : fmt::format("{:.2f}", *score);
  Verdict verdict = Verdict::clean();
  const json& skipped = part(*document, "is_skipped");
  if (means != Meaning::pass) {
    verdict = Verdict::of(Cause::spam, action + " " + points);
  } else if (skipped.is_boolean() && skipped.get<bool>()) {
    verdict = Verdict::of(Cause::clean, "not looked at: the settings of rspamd say so");
  }
  verdict.score = score;
  Edits edits(verdict);
  edits.set(
      "X-Spam-Status",
      fmt::format("{}, score={:.2f}{} action={}", means == Meaning::pass ? "No" : "Yes", *score,
                  required ? fmt::format(" required={:.2f}", *required) : "", action));
  edits.set("X-Spam-Score", fmt::format("{:.2f}", *score));
  std::string symbols = symbols_of(part(*document, "symbols"));
  if (symbols.empty()) {
    edits.remove("X-Spam-Symbols");
  } else {
    edits.set("X-Spam-Symbols", std::move(symbols));
  }
  for (const char* const forged : {"X-Spam-Flag", "X-Spam-Level", "X-Spam-Action", "X-Spam"}) {
    edits.remove(forged);
  }
  const std::string subject = string_of(*document, "subject");
  if (action == "rewrite subject" && !subject.empty() && subject.size() <= kMaxRspamdSubject) {
    edits.set("Subject", subject);
  }
  milter_edits(part(*document, "milter"), edits);
  return verdict;
}

}  // namespace gatepost::filters
