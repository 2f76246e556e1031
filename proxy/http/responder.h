#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "proxy/http/message.h"

namespace gatepost::http {

class ServerConnection;  // NOLINT(cppcoreguidelines-virtual-class-destructor): it is final
struct StreamLink;

/// A response under way whose body comes piece by piece: events, a trace. Ends when it is
/// destroyed. May outlive the connection; nothing happens then.
class Stream {
 public:
  /// Octets that may wait for a client that does not read; a piece that would add to more is not
  /// taken.
  static constexpr std::size_t kMaxUnsent = 256 * 1024;

  Stream() = default;  ///< one that is over
  ~Stream();
  Stream(Stream&& other) noexcept;
  Stream& operator=(Stream&& other) noexcept;

  /// False if the client is gone, or does not keep up: then nothing of `piece` was sent.
  bool send(std::string_view piece);
  /// The client is still there.
  [[nodiscard]] bool open() const;
  /// Called at most once, when the client goes before the stream has ended; it may destroy the
  /// stream.
  void on_gone(std::move_only_function<void()> gone);

 private:
  friend class ServerConnection;
  explicit Stream(std::shared_ptr<StreamLink> link);
  std::shared_ptr<StreamLink> link_;
};

/// The answer to one request, owed by whoever has it: now or later, in the loop's thread. Without
/// an answer it becomes a 500. May outlive the connection; nothing happens then.
class Responder {
 public:
  ~Responder();
  Responder(Responder&& other) noexcept;
  Responder& operator=(Responder&& other) noexcept;

  /// Answers; once, and not with both.
  void answer(const Response& response);
  [[nodiscard]] Stream stream(const Response& head);
  /// The client has not gone.
  [[nodiscard]] bool open() const;

 private:
  friend class ServerConnection;
  explicit Responder(std::shared_ptr<StreamLink> link);
  std::shared_ptr<StreamLink> link_;
};

/// Called once for each request. Must not throw, and must not delete the connection.
using Handler = std::move_only_function<void(const Request&, Responder)>;

}  // namespace gatepost::http
