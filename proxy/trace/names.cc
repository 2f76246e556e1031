#include "proxy/trace/names.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "proxy/pop3/ascii.h"
#include "proxy/pop3/sasl.h"
#include "proxy/trace/event.h"

namespace gatepost::trace {

namespace {

constexpr unsigned char kNotAscii = 0x80;
constexpr unsigned char kLead = 0xC0;

unsigned char octet(char c) { return static_cast<unsigned char>(c); }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool in_word(char c) { return is_letter(c) || is_digit(c) || octet(c) >= kNotAscii; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = lower(c);
  return result;
}

/// Whether the octet is the last one of a character in UTF-8: only that may be another one.
bool ends_character(std::string_view word, std::size_t i) {
  const bool continues = octet(word[i]) >= kNotAscii && octet(word[i]) < kLead;
  const bool more =
      i + 1 < word.size() && octet(word[i + 1]) >= kNotAscii && octet(word[i + 1]) < kLead;
  return continues && !more;
}

/// Puts '*' over every place where `needle` stands in `text`; `words`: alone, not inside a word.
void cover(std::string& text, std::string_view haystack, std::string_view needle, bool words) {
  if (needle.empty()) return;
  for (std::size_t at = haystack.find(needle); at != std::string_view::npos;
       at = haystack.find(needle, at + 1)) {
    const std::size_t end = at + needle.size();
    const bool inside =
        (at > 0 && in_word(haystack[at - 1])) || (end < haystack.size() && in_word(haystack[end]));
    if (words && inside) continue;
    for (std::size_t i = at; i < end; ++i) text[i] = '*';
  }
}

}  // namespace

std::string make_key() {
  std::array<char, 32> octets{};
  if (::getrandom(octets.data(), octets.size(), 0) != static_cast<ssize_t>(octets.size())) {
    return {};  // cannot be: getrandom() gives up to 256 octets whole
  }
  return {octets.data(), octets.size()};
}

std::string Names::of(std::string_view name) const {
  std::string result(name);
  if (keep_) return result;
  for (std::size_t at = 0; at < name.size();) {
    if (!in_word(name[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < name.size() && in_word(name[end])) ++end;
    const std::string_view word = name.substr(at, end - at);
    const Digest digest = hash_.of(lower(word));
    for (std::size_t i = 0; i < word.size(); ++i) {
      // A long word takes its later letters from the same digest, turned.
      const unsigned lot =
          digest[i % digest.size()] + static_cast<unsigned>(i / digest.size()) * 7U;
      char& c = result[at + i];
      if (c >= 'a' && c <= 'z') {
        c = static_cast<char>('a' + lot % 26);
      } else if (c >= 'A' && c <= 'Z') {
        c = static_cast<char>('A' + lot % 26);
      } else if (is_digit(c)) {
        c = static_cast<char>('0' + lot % 10);
      } else if (ends_character(word, i)) {
        c = static_cast<char>(kNotAscii + lot % 64);
      }
    }
    at = end;
  }
  return result;
}

std::string Names::of_form(std::string_view form) const {
  std::string result;
  while (!form.empty()) {
    const std::size_t open = std::min(form.find('{'), form.size());
    result += of(form.substr(0, open));
    form.remove_prefix(open);
    const std::size_t close = std::min(form.find('}'), form.size());
    const std::size_t taken = std::min(close + 1, form.size());
    result += form.substr(0, taken);
    form.remove_prefix(taken);
  }
  return result;
}

void Confidences::remember(std::string_view secret) {
  if (secret.empty()) return;
  const auto same = [secret](const Secret& known) { return known.reveal() == secret; };
  if (std::ranges::any_of(secrets_, same)) return;
  if (secrets_.size() >= kMaxConfidences) {
    too_many_ = true;
    return;
  }
  secrets_.emplace_back(secret);
}

void Confidences::add_secret(std::string_view secret) {
  remember(secret);
  std::string encoded = pop3::base64_encode(secret);
  while (encoded.ends_with('=')) encoded.pop_back();
  remember(encoded);
  wipe(encoded);
}

void Confidences::add_name(std::string_view name) {
  constexpr std::size_t kShortest = 2;
  const std::string whole = lower(name);
  for (const std::string& part : {whole, whole.substr(0, whole.rfind('@'))}) {
    if (part.size() < kShortest || std::ranges::find(names_, part) != names_.end()) continue;
    if (names_.size() >= kMaxConfidences) {
      too_many_ = true;
      return;
    }
    names_.push_back(part);
  }
}

void Confidences::mask_status(std::string& text) const {
  if (too_many_) {
    std::ranges::replace_if(text, [](char c) { return !pop3::is_control(c) && c != ' '; }, '*');
    return;
  }
  std::string before = text;
  for (const Secret& secret : secrets_) cover(text, before, secret.reveal(), false);
  const std::string small = lower(before);
  for (const std::string& name : names_) cover(text, small, name, true);
  wipe(before);
}

void Confidences::mask_text(std::string& text) const {
  std::string before = text;
  for (const Secret& secret : secrets_) {
    if (secret.reveal().size() >= kMinSought) cover(text, before, secret.reveal(), false);
  }
  wipe(before);
}

}  // namespace gatepost::trace
