#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "filters/message/mime_scanner.h"
#include "proxy/base/error.h"

namespace gatepost::filters {

/// A complete message, canonical, to be read anywhere, again and again. Blocks, in any thread.
class MessageText {
 public:
  virtual ~MessageText() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  /// Gives the octets from `begin` to `end` in pieces; the sink says false when it has enough.
  [[nodiscard]] virtual Result<void> read(
      std::uint64_t begin, std::uint64_t end,
      const std::function<bool(std::string_view)>& sink) const = 0;

  /// Those octets, all of them. Only for ranges of bounded size.
  [[nodiscard]] Result<std::string> text(std::uint64_t begin, std::uint64_t end) const;
  /// The content of a part, decoded, cut after `most` octets. `encoding` is one of its readings.
  [[nodiscard]] Result<std::string> content(const MimePart& part, TransferEncoding encoding,
                                            std::size_t most) const;
};

/// One in memory, which must outlive it.
class TextInMemory final : public MessageText {
 public:
  explicit TextInMemory(std::string_view text) : text_(text) {}
  [[nodiscard]] std::uint64_t size() const override { return text_.size(); }
  [[nodiscard]] Result<void> read(std::uint64_t begin, std::uint64_t end,
                                  const std::function<bool(std::string_view)>& sink) const override;

 private:
  std::string_view text_;
};

}  // namespace gatepost::filters
