#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatepost::testing {

/// One mailbox on a POP3 server without flaws but those that a test asks for. Sessions of it may be
/// open side by side.
class ModelServer {
 public:
  struct Message {
    std::string uidl;
    std::string text;  ///< with CRLF, no line begins with a dot
  };
  using Held = std::shared_ptr<const Message>;

  std::vector<Held> messages;
  /// Hears of every message that leaves.
  std::function<void(const Message&)> on_removed = [](const Message&) {};

  /// What one connection sees: the messages that there were when it was made.
  class Connection {
   public:
    explicit Connection(ModelServer& server) : server_(server) {}

    /// Answers to whole lines; an incomplete one is kept. Null: the server hangs up.
    [[nodiscard]] std::optional<std::string> receive(std::string_view text) {
      begun_ += text;
      std::string replies;
      while (const auto line = take_line()) {
        const auto reply = answer(*line);
        if (!reply) return std::nullopt;
        replies += *reply;
      }
      return replies;
    }
    [[nodiscard]] const std::vector<Held>& messages() const { return seen_; }
    /// Asked before each command; true: the server hangs up.
    std::function<bool(std::string_view command)> fails = [](std::string_view) { return false; };
    /// Asked before each DELE; true: -ERR.
    std::function<bool()> refuses_dele = [] { return false; };

   private:
    std::optional<std::string> take_line() {
      const auto end = begun_.find("\r\n");
      if (end == std::string::npos) return std::nullopt;
      std::string line = begun_.substr(0, end);
      begun_.erase(0, end + 2);
      return line;
    }

    std::optional<std::string> answer(const std::string& line) {
      if (fails(line)) return std::nullopt;
      const std::string verb = line.substr(0, line.find(' '));
      if (verb == "CAPA") return "+OK\r\nUSER\r\nTOP\r\nUIDL\r\nPIPELINING\r\n.\r\n";
      if (verb == "PASS") {
        seen_ = server_.messages;
        deleted_.assign(seen_.size(), false);
      }
      if (verb == "LIST" || verb == "UIDL") return list(verb == "UIDL");
      if (verb == "QUIT") return quit();
      if (verb == "RETR" || verb == "TOP" || verb == "DELE") {
        const std::size_t number = std::stoul(line.substr(line.find(' ') + 1));
        if (number == 0 || number > seen_.size() || deleted_[number - 1]) return "-ERR\r\n";
        if (verb != "DELE") return "+OK\r\n" + seen_[number - 1]->text + ".\r\n";
        if (refuses_dele()) return "-ERR locked\r\n";
        deleted_[number - 1] = true;
      }
      return "+OK\r\n";
    }

    std::string list(bool uidls) const {
      std::string reply = "+OK\r\n";
      for (std::size_t i = 0; i < seen_.size(); ++i) {
        reply += std::to_string(i + 1) + ' ' +
                 (uidls ? seen_[i]->uidl : std::to_string(seen_[i]->text.size())) + "\r\n";
      }
      return reply + ".\r\n";
    }

    std::string quit() {
      for (std::size_t i = 0; i < seen_.size(); ++i) {
        if (deleted_[i] && std::erase(server_.messages, seen_[i]) > 0) {
          server_.on_removed(*seen_[i]);
        }
      }
      return "+OK bye\r\n";
    }

    ModelServer& server_;
    std::vector<Held> seen_;
    std::vector<bool> deleted_;
    std::string begun_;
  };
};

}  // namespace gatepost::testing
