#include "config/names.h"

#include <algorithm>
#include <cstddef>

#include "config/findings.h"

namespace gatepost::config {

namespace {

// Not those of <cctype>: a locale has no say here.
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_label(std::string_view label) {
  constexpr std::size_t kMaxLabel = 63;
  return !label.empty() && label.size() <= kMaxLabel && label.front() != '-' &&
         label.back() != '-' &&
         std::ranges::all_of(label, [](char c) { return is_digit(c) || is_letter(c) || c == '-'; });
}

}  // namespace

bool is_dns_name(std::string_view text) {
  constexpr std::size_t kMaxName = 253;
  if (text.size() > kMaxName) return false;
  while (true) {
    const std::size_t dot = std::min(text.find('.'), text.size());
    const std::string_view label = text.substr(0, dot);
    if (!is_label(label)) return false;
    // Digits alone at the end are the last part of an IPv4 address.
    if (dot == text.size()) return !std::ranges::all_of(label, is_digit);
    text.remove_prefix(dot + 1);
  }
}

bool is_pin(std::string_view text) {
  // 42 characters hold 252 bits, the 43rd the last 4: its lower two bits are zero.
  constexpr std::string_view kLast = "AEIMQUYcgkosw048";
  return text.size() == 44 && text[43] == '=' && kLast.contains(text[42]) &&
         std::ranges::all_of(text.substr(0, 43), [](char c) {
           return is_digit(c) || is_letter(c) || c == '+' || c == '/';
         });
}

std::string fault_of_user_form(std::string_view form) {
  bool names_user = false;
  while (!form.empty()) {
    const char c = form.front();
    if (c == '{') {
      const std::string_view word = form.substr(0, std::min(form.find('}'), form.size() - 1) + 1);
      if (word != "{user}" && word != "{local}" && word != "{domain}") {
        return quote(word) + " is none of {user}, {local} and {domain}";
      }
      names_user = names_user || word != "{domain}";
      form.remove_prefix(word.size());
      continue;
    }
    if (c <= ' ' || c > '~' || c == '}') {
      return "holds a character that is not safe: beside the words in braces, only printable ASCII "
             "without blanks";
    }
    form.remove_prefix(1);
  }
  return names_user ? "" : "holds neither {user} nor {local}: everybody would be the same user";
}

}  // namespace gatepost::config
