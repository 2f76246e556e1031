#include "filters/rewrite/header_lookup.h"

#include <algorithm>

#include "filters/message/header_scanner.h"
#include "filters/message/header_text.h"
#include "filters/rewrite/part_fields.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

/// Without comments, and with nothing in quotes but "": names say nothing about who it is.
std::string bare(std::string_view field) {
  std::string out;
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < field.size(); ++i) {
    const char c = field[i];
    if (c == '\\' && (quoted || depth > 0)) {
      ++i;
    } else if (quoted) {
      quoted = c != '"';
    } else if (c == '(') {
      ++depth;
    } else if (c == ')' && depth > 0) {
      --depth;
    } else if (depth > 0) {
      continue;
    } else if (c == '"') {
      quoted = true;
    } else {
      out += c;
    }
  }
  return out;
}

/// Of one mailbox: `Name <a@b>`, `a@b`.
std::string domain_of(std::string_view mailbox) {
  const std::size_t open = mailbox.rfind('<');
  if (open != std::string_view::npos) {
    mailbox = mailbox.substr(open + 1);
    mailbox = mailbox.substr(0, mailbox.find('>'));
  }
  const std::size_t at = mailbox.rfind('@');
  if (at == std::string_view::npos) return {};
  std::string domain;
  for (const char c : mailbox.substr(at + 1)) {
    if (static_cast<unsigned char>(c) > ' ') domain += c;
  }
  while (domain.ends_with('.') || domain.ends_with(';')) domain.pop_back();
  return pop3::to_lower(domain);
}

}  // namespace

void for_each_field(std::string_view header, std::string_view name,
                    const std::function<void(std::string_view)>& found) {
  const PartHeader fields(header);
  for (const PartField& field : fields.fields()) {
    if (same_name(field.name, name)) found(parse_field(field.text).body);
  }
}

std::string_view first_field(std::string_view header, std::string_view name) {
  const PartHeader fields(header);
  for (const PartField& field : fields.fields()) {
    if (same_name(field.name, name)) return parse_field(field.text).body;
  }
  return {};
}

std::vector<std::string> sender_domains(std::string_view header) {
  std::vector<std::string> domains;
  for_each_field(header, "From", [&domains](std::string_view field) {
    const std::string text = bare(field.substr(0, kMaxFieldText));
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      const std::string_view mailbox = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (mailbox.find_first_not_of(" \t\r\n") == std::string_view::npos) continue;
      domains.push_back(domain_of(mailbox));
    }
  });
  return domains;
}

bool is_domain(std::string_view domain, std::string_view wanted) {
  if (!wanted.starts_with('.')) return same_name(domain, wanted);
  const std::string_view top = wanted.substr(1);
  if (domain.size() < top.size()) return false;
  const std::string_view end = domain.substr(domain.size() - top.size());
  return same_name(end, top) &&
         (end.size() == domain.size() || domain[domain.size() - top.size() - 1] == '.');
}

}  // namespace gatepost::filters
