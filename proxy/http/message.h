#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatepost::http {

/// One request, whole.
struct Request {
  std::string method;  ///< as sent: "GET"
  std::string target;  ///< as sent: "/metrics?x=1"
  std::string path;    ///< target's path, not percent-decoded: "/metrics"
  std::string query;   ///< what stands behind "?", without it
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  ///< as sent, in their order
  bool keep_alive = false;  ///< the client wants to send more (RFC 9112 section 9.3)
  bool chunks = false;      ///< the client takes a body in chunks: HTTP/1.1

  /// The value of a field that came exactly once, whatever the case of its name; otherwise "".
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// What goes back. Content-Length, Connection and protection against guessing the type are added
/// by the connection; a body for HEAD is left out there.
struct Response {
  std::uint16_t status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  /// Further header fields. Made by us: names and values are written as they are.
  std::vector<std::pair<std::string, std::string>> headers = {};
};

/// "Not Found" for 404; "" for a status that nobody here sends.
[[nodiscard]] std::string_view reason_phrase(std::uint16_t status);

/// A text response that says its own status: "404 Not Found\n".
[[nodiscard]] Response plain_status(std::uint16_t status);

/// The response as bytes (RFC 9112 section 4), without the body if `head_only`.
[[nodiscard]] std::string wire(const Response& response, bool head_only, bool keep_alive);

/// The head of a response whose body comes piece by piece: in chunks (RFC 9112 section 7.1), or up
/// to the end of the connection. Its own body is left out.
[[nodiscard]] std::string stream_head(const Response& response, bool chunks);

}  // namespace gatepost::http
