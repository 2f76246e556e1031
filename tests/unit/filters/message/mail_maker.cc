#include "tests/unit/filters/message/mail_maker.h"

#include <algorithm>

#include "filters/message/content_coding.h"
#include "tests/unit/filters/message/naive_message.h"

namespace gatepost::filters::test {

namespace {

std::string uuencoded(std::string_view content) {
  const auto digit = [](unsigned value) {
    return value == 0 ? '`' : static_cast<char>(' ' + value);
  };
  std::string out = "begin 644 file.bin\r\n";
  while (!content.empty()) {
    const std::string_view line = content.substr(0, 45);
    content.remove_prefix(line.size());
    out += digit(static_cast<unsigned>(line.size()));
    for (std::size_t i = 0; i < line.size(); i += 3) {
      unsigned bits = 0;
      for (std::size_t k = 0; k < 3; ++k) {
        bits = (bits << 8U) | (i + k < line.size() ? static_cast<unsigned char>(line[i + k]) : 0U);
      }
      for (const unsigned shift : {18U, 12U, 6U, 0U}) out += digit((bits >> shift) & 63U);
    }
    out += "\r\n";
  }
  return out + "`\r\nend\r\n";
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t size = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.emplace_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return lines;
}

}  // namespace

std::string MailMaker::word() {
  std::string out;
  for (std::size_t i = 1 + below(8); i > 0; --i) out += static_cast<char>('a' + below(26));
  return out;
}

std::string MailMaker::text() {
  std::string out;
  for (std::size_t i = below(6); i > 0; --i) {
    static const std::string kLines[] = {
        "",      "-- ",   "--",       "-", "From me", ".", "Content-Type: x", "begin 644 a",
        "a=3Db", "--a--", " indented"};
    out += chance(30) ? one_of(kLines) : word() + " " + word() + " " + word();
    out += "\r\n";
  }
  return chance(30) ? out + word() : out;
}

std::string MailMaker::octets() {
  std::string out;
  for (std::size_t i = below(200); i > 0; --i) out += static_cast<char>(below(256));
  return out;
}

/// Some begin with others; all are different.
std::string MailMaker::boundary() {
  const std::string number = std::to_string(boundaries_++);
  switch (below(5)) {
    case 0:
      return "----=_Part_" + number;
    case 1:
      return "=-" + word() + number;
    case 2:
      return "b" + number;
    case 3:
      return "Apple Mail " + number + " x";
    default:
      return std::string(1 + below(60), '_') + number;
  }
}

std::string MailMaker::field(std::string_view name, std::string value,
                             const std::vector<std::string>& parameters) {
  static const std::string kGaps[] = {"; ", ";", ";\r\n\t", " ; ", ";\r\n  "};
  std::string out(name);
  if (chance(10)) std::ranges::transform(out, out.begin(), [](char c) { return std::toupper(c); });
  out += chance(5) ? ":" : ": ";
  if (chance(5)) value += " (of (a) kind)";
  if (chance(5)) value = "\r\n " + value;
  out += value;
  for (const std::string& parameter : parameters) out += one_of(kGaps) + parameter;
  return out + "\r\n";
}

std::vector<std::string> MailMaker::name_parameters(std::string_view parameter) {
  const std::string name(parameter);
  const std::string stem = word();
  switch (below(8)) {
    case 0:
      return {name + "=" + stem + ".exe"};
    case 1:
      return {name + "=\"" + stem + " " + word() + ".txt\""};
    case 2:
      return {name + "*=utf-8''" + stem + "%C3%A4.pdf"};
    case 3:
      return {name + "*0=\"" + stem + "\"", name + "*1=\"" + word() + ".zip\""};
    case 4:
      return {name + "*0*=iso-8859-1'en'" + stem + "%E4", name + "*1=" + word() + ".zip"};
    case 5:
      return {name + "=\"=?utf-8?Q?" + stem + "=C3=A4.exe?=\""};
    case 6:
      return {name + "=\"" + stem + "\\\"" + word() + ".js\""};
    default:
      return {name + "=\"" + stem + ";" + word() + "=.js\""};
  }
}

std::string MailMaker::leaf(std::string fields) {
  static const std::string kTypes[] = {"text/plain",
                                       "text/html",
                                       "TEXT/Plain",
                                       "image/png",
                                       "application/octet-stream",
                                       "application/pdf",
                                       "message/delivery-status",
                                       "application/x-y.z+json"};
  static const std::string kCharsets[] = {"charset=utf-8", "charset=\"ISO-8859-1\"",
                                          "CharSet=us-ascii"};
  std::vector<std::string> parameters;
  if (chance(40)) parameters.push_back(one_of(kCharsets));
  std::string disposition;
  if (chance(40)) {
    disposition = field("Content-Disposition", chance(70) ? "attachment" : "inline",
                        name_parameters("filename"));
  } else if (chance(30)) {
    parameters = name_parameters("name");
  }
  std::string type;
  // Without a type it would be a message in a digest.
  if (in_digest_ || chance(85) || !parameters.empty())
    type = field("Content-Type", one_of(kTypes), parameters);
  std::string encoding;
  std::string body;
  switch (below(5)) {
    case 0:
      encoding = field("Content-Transfer-Encoding", chance(50) ? "base64" : "BASE64", {});
      body = encode_base64_lines(octets());
      break;
    case 1:
      encoding = field("Content-Transfer-Encoding", "quoted-printable", {});
      body = encode_quoted_printable(text() + "\xc3\xa4");
      break;
    case 2:
      encoding = field("Content-Transfer-Encoding", "x-uuencode", {});
      body = uuencoded(octets());
      break;
    case 3:
      encoding = field("Content-Transfer-Encoding", chance(50) ? "7bit" : "8bit", {});
      [[fallthrough]];
    default:
      body = text();
  }
  std::vector<std::string> all = {fields, type, disposition, encoding};
  std::ranges::shuffle(all, random_);
  std::string out;
  for (const std::string& one : all) out += one;
  return out + "\r\n" + body;
}

std::string MailMaker::multipart(unsigned depth, std::string fields) {
  static const std::string kTypes[] = {"multipart/mixed",   "multipart/alternative",
                                       "Multipart/Related", "multipart/digest",
                                       "multipart/signed",  "multipart/report"};
  const std::string mark = boundary();
  const bool token = mark.find_first_of(" =") == std::string::npos && chance(50);
  std::vector<std::string> parameters = {token ? "boundary=" + mark : "boundary=\"" + mark + "\""};
  if (chance(30)) parameters.insert(parameters.begin(), "x=\"y; z\"");
  if (chance(20)) parameters.push_back("protocol=\"application/pgp-signature\"");
  const std::string& type = one_of(kTypes);
  std::string out = field("Content-Type", type, parameters) + fields + "\r\n";
  if (chance(20)) out += "This is a message in parts.\r\n";
  for (std::size_t i = 1 + below(3); i > 0; --i) {
    in_digest_ = type == "multipart/digest";
    out += "--" + mark + (chance(10) ? " \t\r\n" : "\r\n") + part(depth + 1) + "\r\n";
  }
  if (chance(5)) return out;
  out += "--" + mark + "--\r\n";
  return chance(20) ? out + "epilogue\r\n" : out;
}

std::string MailMaker::attached(unsigned depth, std::string fields) {
  in_digest_ = false;
  return field("Content-Type", "message/rfc822", {}) + fields + "\r\nSubject: " + word() + "\r\n" +
         part(depth + 1);
}

std::string MailMaker::part(unsigned depth) {
  const std::string fields = chance(30) ? "X-Other: " + word() + "\r\n" : "";
  const std::size_t kind = below(100);
  if (depth < 6 && kind < (depth == 0 ? 75 : 30)) return multipart(depth, fields);
  if (depth < 6 && kind < 40) return attached(depth, fields);
  return leaf(fields);
}

std::string MailMaker::message() {
  boundaries_ = 0;
  in_digest_ = false;
  return naive_canonical("From: <" + word() + "@example.org>\r\nSubject: " + word() +
                         "\r\nMIME-Version: 1.0\r\n" + part(0));
}

std::string MailMaker::broken(std::string message) {
  for (std::size_t i = 1 + below(3); i > 0; --i) {
    std::vector<std::string> lines = lines_of(message);
    const auto find = [&](auto wanted) {
      std::vector<std::size_t> found;
      for (std::size_t k = 0; k < lines.size(); ++k) {
        if (wanted(lines[k])) found.push_back(k);
      }
      return found.empty() ? below(lines.size()) : found[below(found.size())];
    };
    const auto boundary_line = [](const std::string& line) { return line.starts_with("--"); };
    const auto content_line = [](const std::string& line) { return line.starts_with("Content-"); };
    const auto empty_line = [](const std::string& line) { return line == "\r\n"; };
    const auto at = [&lines](std::size_t k) { return lines.begin() + static_cast<long>(k); };
    switch (below(12)) {
      case 0:  // no empty line
        lines.erase(at(find(empty_line)));
        break;
      case 1:  // cut
        lines.erase(at(below(lines.size())), lines.end());
        break;
      case 2:  // a field twice
        lines.insert(at(find(content_line)), lines[find(content_line)]);
        break;
      case 3:  // another boundary
        lines[find(boundary_line)] = lines[find(boundary_line)];
        break;
      case 4:
        lines[find(boundary_line)].insert(lines[find(boundary_line)].size() > 2 ? 2 : 0, "x");
        break;
      case 5: {  // text behind a boundary
        std::string& line = lines[find(boundary_line)];
        line.insert(line.size() - 2, "text");
        break;
      }
      case 6:
        lines.erase(at(find(content_line)));
        break;
      case 7:
        lines.insert(at(below(lines.size())), "\r\n");
        break;
      case 8:  // folded
        lines[find(content_line)].insert(0, " ");
        break;
      case 9:
        std::swap(lines[below(lines.size())], lines[below(lines.size())]);
        break;
      case 10: {  // an odd octet
        std::string& line = lines[find(content_line)];
        line.insert(below(line.size() - 1), 1, "\"();=\\\x01\xe4,"[below(9)]);
        break;
      }
      default:
        lines.erase(at(find(boundary_line)));
    }
    message.clear();
    for (const std::string& line : lines) message += line;
    if (message.empty()) break;
  }
  return naive_canonical(message);
}

}  // namespace gatepost::filters::test
