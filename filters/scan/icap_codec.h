#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "filters/verdict.h"
#include "proxy/base/bytes.h"
#include "proxy/base/error.h"
#include "proxy/http/chunk_decoder.h"
#include "proxy/http/head_reader.h"

namespace gatepost::filters {

/// Bytes in, one response of an ICAP server out (RFC 3507 section 4), as far as RESPMOD and OPTIONS
/// need it: no I/O, no clock. What is ambiguous is refused.
class IcapReader {
 public:
  enum class Event : std::uint8_t {
    need_data,
    interim,  ///< 100 Continue; a further response follows
    head,     ///< status(), head() and, if there is one, http_head() are known
    body,     ///< take_body() is more of the body
    end,      ///< the response is whole; nothing behind it was taken
    refused,  ///< see problem(); interpret nothing more
  };

  [[nodiscard]] Event next(ByteChain& in);

  [[nodiscard]] int status() const { return line_.status; }
  /// Folded values are in lines.
  [[nodiscard]] const http::Head& head() const { return head_; }
  /// The head of the response that is encapsulated, with its status.
  [[nodiscard]] const std::optional<http::Head>& http_head() const { return http_head_; }
  [[nodiscard]] int http_status() const { return http_line_.status; }
  [[nodiscard]] bool has_body() const { return has_body_; }
  [[nodiscard]] ByteChain take_body() { return std::exchange(body_, {}); }
  [[nodiscard]] bool keep_alive() const { return !head_.lists("Connection", "close"); }
  /// Why it was refused; static.
  [[nodiscard]] std::string_view problem() const { return problem_; }

 private:
  enum class State : std::uint8_t { head, http_head, told_head, body, whole, refused };
  [[nodiscard]] Event on_head();
  [[nodiscard]] bool read_encapsulated();
  [[nodiscard]] Event on_http_head(ByteChain& in);
  [[nodiscard]] Event refuse(std::string_view why);

  State state_ = State::head;
  http::HeadReader reader_{'\n'};
  http::Head head_;
  http::StatusLine line_;
  std::uint64_t http_size_ = 0;  // octets of the encapsulated head
  std::uint64_t http_read_ = 0;
  http::HeadReader http_reader_;
  std::optional<http::Head> http_head_;
  http::StatusLine http_line_;
  bool has_body_ = false;
  http::ChunkDecoder chunks_;
  ByteChain body_;
  std::string_view problem_;
};

/// Octets of a body in the answer to OPTIONS, which nobody reads.
inline constexpr std::size_t kMaxOptions = 64 * 1024;

/// What a service says of itself in its answer to OPTIONS (RFC 3507 section 4.10.2).
struct IcapOptions {
  static constexpr std::size_t kMaxPreview = 64 * 1024;  ///< a larger one is cut to this
  static constexpr Duration kMaxAge{3'600'000};   ///< it is asked again after this at the latest
  static constexpr Duration kDefaultAge{60'000};  ///< where it does not say
  static constexpr std::size_t kMaxTag = 128;     ///< octets of ISTag

  std::string tag;                     ///< ISTag: what its verdicts depend on
  std::optional<std::size_t> preview;  ///< octets to show it first; nothing: the whole message
  std::size_t max_connections = 0;     ///< 0: it does not say
  Duration good_for = kDefaultAge;

  /// Fails with `protocol` if it cannot be asked RESPMOD, or has no tag.
  [[nodiscard]] static Result<IcapOptions> of(int status, const http::Head& head);
};

/// The threat that a response names, as a verdict: X-Infection-Found, X-Virus-ID,
/// X-Violations-Found, X-Blocked-Reason. Nothing if it names none.
[[nodiscard]] std::optional<Verdict> icap_threat(const http::Head& head);

/// Of a request; every text is checked or encoded here.
struct IcapRequest {
  std::string host;     ///< with port
  std::string service;  ///< path, perhaps with a query
  std::string client;   ///< address, "" if it is not known
  std::string user;
  std::string number;  ///< of the message
  std::uint64_t size = 0;
  std::optional<std::size_t> preview;
};
[[nodiscard]] std::string icap_options_request(const IcapRequest& request);
/// Up to where the body begins, which goes in chunks.
[[nodiscard]] std::string icap_respmod_head(const IcapRequest& request);

}  // namespace gatepost::filters
