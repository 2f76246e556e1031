#include "filters/attachments/tnef.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "filters/attachments/octets.h"
#include "proxy/base/utf8.h"

namespace gatepost::filters {

namespace {

constexpr std::uint32_t kSignature = 0x223e9f78;
// [MS-OXTNEF] 2.1.3.2: the type of the data is in the upper half.
constexpr std::uint32_t kAttachTitle = 0x00018010;
constexpr std::uint32_t kAttachTransportFilename = 0x00069001;
constexpr std::uint32_t kAttachData = 0x0006800f;
constexpr std::uint32_t kAttachment = 0x00069005;  // properties
// [MS-OXPROPS]
constexpr unsigned kDisplayName = 0x3001;
constexpr unsigned kAttachObject = 0x3701;
constexpr unsigned kAttachFilename = 0x3704;
constexpr unsigned kAttachLongFilename = 0x3707;

std::string from_utf16(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    char32_t c = little16(text, i);
    const char32_t low = little16(text, i + 2);
    if (c >= 0xd800 && c < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
      c = 0x10000 + ((c - 0xd800) << 10U) + (low - 0xdc00);
      i += 2;
    } else if (c >= 0xd800 && c < 0xe000) {
      c = 0xfffd;
    }
    utf8::append(out, c);
  }
  return out;
}

/// Octets of a property of fixed length; 0: it has its length with it.
std::size_t fixed_size(unsigned type) {
  switch (type) {
    case 0x02:  // PtypInteger16, padded
    case 0x03:  // PtypInteger32
    case 0x04:  // PtypFloating32
    case 0x0a:  // PtypErrorCode
    case 0x0b:  // PtypBoolean, padded
      return 4;
    case 0x05:  // PtypFloating64
    case 0x06:  // PtypCurrency
    case 0x07:  // PtypFloatingTime
    case 0x14:  // PtypInteger64
    case 0x40:  // PtypTime
      return 8;
    case 0x48:  // PtypGuid
      return 16;
    default:
      return 0;
  }
}

class Walk {
 public:
  Walk(Content& content, TnefContents& found) : content_(content), found_(found) {}

  [[nodiscard]] Result<void> stream(std::uint64_t begin, std::uint64_t end, unsigned depth) {
    at_ = begin;
    end_ = end;
    if (number(4) != kSignature) return broken();
    skip(2);
    while (ok() && at_ < end_) {
      skip(1);  // of the message or of an attachment
      const std::uint32_t id = number(4);
      const std::uint64_t size = number(4);
      if (!count() || size > end_ - at_) return broken();
      const std::uint64_t behind = at_ + size;
      if (id == kAttachTitle || id == kAttachTransportFilename) name(size, false);
      if (id == kAttachData) found_.files.push_back({at_, size});
      if (id == kAttachment) {
        if (auto walked = properties(behind, depth); !walked) return walked;
      }
      at_ = behind;
      // The last checksum is missing in some.
      skip(std::min<std::uint64_t>(2, end_ - at_));
    }
    return finish();
  }

 private:
  [[nodiscard]] bool ok() const { return !error_ && !found_.broken; }
  [[nodiscard]] Result<void> finish() const {
    if (error_) return std::unexpected(*error_);
    return {};
  }
  [[nodiscard]] Result<void> broken() {
    found_.broken = true;
    return finish();
  }
  [[nodiscard]] bool count() { return ok() && ++attributes_ <= TnefContents::kMaxAttributes; }

  std::string octets(std::uint64_t size) {
    if (!ok() || size > end_ - at_) {
      found_.broken = true;
      return {};
    }
    auto text = content_.text(at_, static_cast<std::size_t>(size));
    at_ += size;
    if (text) return *std::move(text);
    error_ = text.error();
    return {};
  }
  std::uint32_t number(std::size_t size) {
    const std::string text = octets(size);
    return size == 2 ? little16(text, 0) : little32(text, 0);
  }
  void skip(std::uint64_t size) {
    if (size > end_ - at_) found_.broken = true;
    at_ += std::min(size, end_ - at_);
  }
  /// With NULs at its end.
  void name(std::uint64_t size, bool utf16) {
    std::string text = octets(std::min<std::uint64_t>(size, TnefContents::kMaxName));
    if (utf16) text = from_utf16(text);
    while (text.ends_with('\0')) text.pop_back();
    if (!text.empty()) found_.names.push_back(std::move(text));
  }

  /// Properties up to `end` ([MS-OXTNEF] 2.1.3.4).
  [[nodiscard]] Result<void> properties(std::uint64_t end, unsigned depth) {
    const std::uint64_t outer = end_;
    end_ = end;
    for (std::uint32_t left = number(4); left > 0 && ok(); --left) {
      if (!count()) return broken();
      const std::uint32_t type = number(2);
      const std::uint32_t id = number(2);
      if (id >= 0x8000) named();
      if (auto walked = values(type, id, depth); !walked) return walked;
    }
    end_ = outer;
    return finish();
  }
  void named() {
    skip(16);  // GUID
    if (number(4) == 0) return skip(4);
    skip(padded(number(4)));
  }
  [[nodiscard]] Result<void> values(std::uint32_t type, std::uint32_t id, unsigned depth) {
    constexpr unsigned kMany = 0x1000;
    const std::size_t fixed = fixed_size(type & ~kMany);
    const bool counted = fixed == 0 || (type & kMany) != 0;
    std::uint64_t left = counted ? number(4) : 1;
    if (fixed != 0) {
      skip(left * fixed);
      return finish();
    }
    for (; left > 0 && ok(); --left) {
      if (!count()) return broken();
      const std::uint64_t size = number(4);
      if (size > end_ - at_) return broken();
      const std::uint64_t behind = at_ + std::min(padded(size), end_ - at_);
      if (id == kDisplayName || id == kAttachFilename || id == kAttachLongFilename) {
        name(size, (type & ~kMany) == 0x1f);
      } else if (id == kAttachObject) {
        if (auto walked = object(size, depth); !walked) return walked;
      }
      at_ = behind;
    }
    return finish();
  }
  /// A message within: the identifier of its interface, then the same again.
  [[nodiscard]] Result<void> object(std::uint64_t size, unsigned depth) {
    constexpr std::uint64_t kInterface = 16;
    const std::uint64_t begin = at_ + kInterface;
    if (size < kInterface + 4) return {};
    const auto signature = content_.text(begin, 4);
    if (!signature) return std::unexpected(signature.error());
    if (little32(*signature, 0) != kSignature) {
      found_.files.push_back({begin, size - kInterface});
      return {};
    }
    if (depth == TnefContents::kMaxDepth) return broken();
    const std::uint64_t outer = end_;
    auto walked = stream(begin, at_ + size, depth + 1);
    end_ = outer;
    return walked;
  }
  static std::uint64_t padded(std::uint64_t size) { return (size + 3) & ~std::uint64_t{3}; }

  Content& content_;
  TnefContents& found_;
  std::uint64_t at_ = 0;
  std::uint64_t end_ = 0;
  std::size_t attributes_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Result<TnefContents> read_tnef(Content& content) {
  TnefContents found;
  Walk walk(content, found);
  if (auto walked = walk.stream(0, content.size(), 1); !walked) {
    return std::unexpected(walked.error());
  }
  return found;
}

}  // namespace gatepost::filters
