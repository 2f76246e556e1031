#include "proxy/http/message.h"

#include <fmt/format.h>

#include <iterator>

namespace gatepost::http {

std::string_view reason_phrase(std::uint16_t status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
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
  auto to = std::back_inserter(out);
  fmt::format_to(to, "HTTP/1.1 {} {}\r\n", response.status, reason_phrase(response.status));
  fmt::format_to(to, "Content-Type: {}\r\nContent-Length: {}\r\n", response.content_type,
                 response.body.size());
  for (const auto& [name, value] : response.headers) {
    fmt::format_to(to, "{}: {}\r\n", name, value);
  }
  fmt::format_to(to, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
  fmt::format_to(to, "Connection: {}\r\n\r\n", keep_alive ? "keep-alive" : "close");
  if (!head_only) out += response.body;
  return out;
}

}  // namespace gatepost::http
