#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "filters/message/content_coding.h"
#include "filters/rewrite/message_text.h"
#include "proxy/base/error.h"

namespace gatepost::filters {

/// A file, to be read anywhere, again and again. For one thread.
class Content {
 public:
  virtual ~Content() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  /// Octets at `offset`, at least one unless that is the end, as many as there are at hand. They
  /// last until the next call.
  [[nodiscard]] virtual Result<std::string_view> at(std::uint64_t offset) = 0;

  /// `size` octets at `offset`, fewer only at the end.
  [[nodiscard]] Result<std::string> text(std::uint64_t offset, std::size_t size);
  /// All of it, in pieces; the sink says false when it has enough.
  [[nodiscard]] Result<void> stream(const std::function<bool(std::string_view)>& sink);
};

class ContentInMemory final : public Content {
 public:
  explicit ContentInMemory(std::string_view text) : text_(text) {}  ///< which outlives it
  [[nodiscard]] std::uint64_t size() const override { return text_.size(); }
  [[nodiscard]] Result<std::string_view> at(std::uint64_t offset) override {
    return text_.substr(std::min<std::uint64_t>(offset, text_.size()));
  }

 private:
  std::string_view text_;
};

/// The content of a part of a message, decoded when it is read: what is held is one piece of it,
/// and for every kStep octets of the message what the decoder knew there.
class PartContent final : public Content {
 public:
  /// Octets of the message that are decoded at a time.
  static constexpr std::uint64_t kStep = 64 * 1024;

  /// Of the octets from `begin` to `end` of `text`, which outlives it. Reads them all once.
  [[nodiscard]] static Result<PartContent> open(const MessageText& text, std::uint64_t begin,
                                                std::uint64_t end, TransferEncoding encoding);
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] Result<std::string_view> at(std::uint64_t offset) override;

 private:
  /// Where decoding can begin.
  struct Mark {
    std::uint64_t raw;      // offset in the message
    std::uint64_t decoded;  // and here
    ContentDecoder decoder;
  };
  PartContent(const MessageText& text, std::uint64_t end) : text_(&text), end_(end) {}
  /// Decodes from `mark` on, one step, into piece_; the decoder is then where the next one begins.
  [[nodiscard]] Result<void> decode(Mark& mark);

  const MessageText* text_;
  std::uint64_t end_;
  std::uint64_t size_ = 0;
  std::vector<Mark> marks_;
  std::string piece_;
  std::uint64_t piece_begin_ = 0;
};

/// A file that is a message: what the readers of messages want.
class ContentAsText final : public MessageText {
 public:
  explicit ContentAsText(Content& content) : content_(content) {}
  [[nodiscard]] std::uint64_t size() const override { return content_.size(); }
  [[nodiscard]] Result<void> read(std::uint64_t begin, std::uint64_t end,
                                  const std::function<bool(std::string_view)>& sink) const override;

 private:
  Content& content_;
};

}  // namespace gatepost::filters
