#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "proxy/http/chunk_decoder.h"
#include "proxy/http/head_reader.h"

namespace gatepost::http {

/// The client's side: bytes in, one response to a GET or POST out (RFC 9112). No I/O, no clock.
/// What is ambiguous is refused, not guessed.
class ResponseReader {
 public:
  /// Octets of a body, without chunk framing.
  static constexpr std::size_t kMaxBody = 1024 * 1024;
  /// Octets of chunk framing of one body.
  static constexpr std::size_t kMaxFraming = 1024 * 1024;
  /// Interim responses (100 Continue) before the response.
  static constexpr int kMaxInterim = 8;

  enum class Event : std::uint8_t {
    need_data,
    response,  ///< it is whole; nothing behind it was taken
    refused,   ///< see problem(); interpret nothing more
  };

  [[nodiscard]] Event next(ByteChain& in);
  /// The connection has ended in an orderly way and next() has taken everything: that ends a body
  /// that nothing else does; else it is refused as too short.
  [[nodiscard]] Event end();

  [[nodiscard]] int status() const { return line_.status; }
  [[nodiscard]] const Head& head() const { return head_; }
  [[nodiscard]] const std::string& body() const { return body_; }
  /// Whether another request may follow on the connection (RFC 9112 section 9.3).
  [[nodiscard]] bool keep_alive() const;
  /// Why it was refused; static.
  [[nodiscard]] std::string_view problem() const { return problem_; }
  /// Whether anything has arrived.
  [[nodiscard]] bool begun() const { return state_ != State::head || reader_.begun(); }

 private:
  enum class State : std::uint8_t { head, counted, chunked, until_end, whole, refused };
  void on_head();
  void choose_body();
  // False: nothing can be done with what there is.
  [[nodiscard]] bool take_counted(ByteChain& in);
  [[nodiscard]] bool take_chunked(ByteChain& in);
  [[nodiscard]] bool add(const ByteChain& octets);
  void refuse(std::string_view why);

  State state_ = State::head;
  HeadReader reader_;
  Head head_;
  StatusLine line_;
  int interim_ = 0;
  std::uint64_t left_ = 0;  // of a counted body
  ChunkDecoder chunks_;
  std::size_t framing_ = 0;
  std::string body_;  // a copy: answers are short, and parsed flat
  std::string_view problem_;
};

}  // namespace gatepost::http
