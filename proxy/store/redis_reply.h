#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/error.h"

namespace gatepost::store {

/// What a server of the Redis protocol (RESP2) says.
struct RedisReply {
  enum class Kind : std::uint8_t { nothing, status, error, number, text, list };

  Kind kind = Kind::nothing;
  std::int64_t number = 0;
  std::string text;  ///< of a status, an error or a text
  std::vector<RedisReply> items;

  [[nodiscard]] bool is_error() const { return kind == Kind::error; }
  /// The first word of an error, "READONLY", "ERR"; "" otherwise.
  [[nodiscard]] std::string_view error_word() const;
};

/// Turns octets into replies, with hiredis.
class RedisReader {
 public:
  /// Octets of a reply; with more it fails with `limit`.
  static constexpr std::size_t kMaxReply = std::size_t{256} * 1024 * 1024;
  /// Parts of a reply, at all depths: all records of an account, and a few.
  static constexpr std::size_t kMaxItems = 1'001'000;

  explicit RedisReader(std::size_t max_reply = kMaxReply, std::size_t max_items = kMaxItems);
  ~RedisReader();
  RedisReader(RedisReader&&) noexcept;
  RedisReader& operator=(RedisReader&&) noexcept;

  void feed(std::string_view octets);
  /// The next reply; nothing: it has not come whole. After an error nothing more is understood.
  [[nodiscard]] Result<std::optional<RedisReply>> next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A command with its arguments, as it goes over the wire.
[[nodiscard]] std::string redis_command(const std::vector<std::string_view>& words);

/// What an error means for those who use the store. Servers repeat in some errors what they were
/// sent: that is left out.
[[nodiscard]] Error error_of(const RedisReply& reply);
/// The reply is none that the question can have.
[[nodiscard]] std::unexpected<Error> not_an_answer(std::string_view question);

/// The server cannot serve as it is: another one may by now, or it may after a new connection.
[[nodiscard]] bool means_another_server(const RedisReply& reply);

}  // namespace gatepost::store
