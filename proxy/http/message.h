#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatepost::http {

/// One request, whole. Header fields are not handed on: nothing here depends on them.
struct Request {
  std::string method;  ///< as sent: "GET"
  std::string target;  ///< as sent: "/metrics?x=1"
  std::string path;    ///< target's path, not percent-decoded: "/metrics"
  std::string query;   ///< what stands behind "?", without it
  std::string body;
  bool keep_alive = false;  ///< the client wants to send more (RFC 9112 section 9.3)
};

/// What goes back. Content-Length, Connection and protection against guessing the type are added
/// by the connection; a body for HEAD is left out there.
struct Response {
  std::uint16_t status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  /// Further header fields. Made by us: names and values are written as they are.
  std::vector<std::pair<std::string, std::string>> headers;
};

using Handler = std::move_only_function<Response(const Request&)>;

/// "Not Found" for 404; "" for a status that nobody here sends.
[[nodiscard]] std::string_view reason_phrase(std::uint16_t status);

/// A text response that says its own status: "404 Not Found\n".
[[nodiscard]] Response plain_status(std::uint16_t status);

/// The response as bytes (RFC 9112 section 4), without the body if `head_only`.
[[nodiscard]] std::string wire(const Response& response, bool head_only, bool keep_alive);

}  // namespace gatepost::http
