#include "proxy/http/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "proxy/pop3/ascii.h"

namespace gatepost::http {

namespace {

bool same_name(std::string_view one, std::string_view other) {
  return std::ranges::equal(one, other,
                            [](char a, char b) { return pop3::to_lower(a) == pop3::to_lower(b); });
}

void write_head(std::string& out, const Response& response) {
  auto to = std::back_inserter(out);
  fmt::format_to(to, "HTTP/1.1 {} {}\r\nContent-Type: {}\r\n", response.status,
                 reason_phrase(response.status), response.content_type);
  for (const auto& [name, value] : response.headers) {
    fmt::format_to(to, "{}: {}\r\n", name, value);
  }
  out += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
}

}  // namespace

std::string_view Request::header(std::string_view name) const {
  const auto named = [name](const auto& field) { return same_name(field.first, name); };
  const auto at = std::ranges::find_if(headers, named);
  if (at == headers.end() || std::any_of(at + 1, headers.end(), named)) return "";
  return at->second;
}

std::string_view reason_phrase(std::uint16_t status) {
  switch (status) {
    case 200:
      return "OK";
    case 303:
      return "See Other";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

Response plain_status(std::uint16_t status) {
  Response response;
  response.status = status;
  response.body = fmt::format("{} {}\n", status, reason_phrase(status));
  return response;
}

std::string wire(const Response& response, bool head_only, bool keep_alive) {
  std::string out;
  write_head(out, response);
  fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\nConnection: {}\r\n\r\n",
                 response.body.size(), keep_alive ? "keep-alive" : "close");
  if (!head_only) out += response.body;
  return out;
}

std::string stream_head(const Response& response, bool chunks) {
  std::string out;
  write_head(out, response);
  if (chunks) out += "Transfer-Encoding: chunked\r\n";
  out += "Connection: close\r\n\r\n";
  return out;
}

}  // namespace gatepost::http
