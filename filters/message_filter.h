#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "config/config.h"
#include "proxy/base/bytes.h"
#include "proxy/base/error.h"

namespace gatepost::filters {

enum class FilterStatus : std::uint8_t {
  need_input,  ///< the input is used up
  need_room,   ///< the output has no room left
  finished,    ///< the end of the input has come and all is in the output
};

/// Changes a message that streams through it: canonical text (CRLF, no dot-stuffing), header first.
/// Moves bytes from `in` to `out` by splicing slices, and holds back as little as it can.
/// FilterLine owns the bytes between the filters. No I/O, no clock.
class MessageFilter {
 public:
  struct Input {
    ByteChain& bytes;
    bool end;  ///< nothing follows `bytes`
  };
  struct Output {
    ByteChain& bytes;
    std::size_t room;  ///< octets that may be added; a filter that holds a line may add it whole
    BlockPool& pool;   ///< for text of its own
  };

  virtual ~MessageFilter() = default;
  /// Goes on as far as it can and says why it stopped. An error gives the message up: it is then
  /// `unscannable`.
  [[nodiscard]] virtual Result<FilterStatus> step(Input in, Output out) = 0;
  /// Octets that it holds back at the moment.
  [[nodiscard]] virtual std::size_t held() const = 0;
};

/// A configured filter: makes one MessageFilter for each message. Immutable, shared by all workers.
class FilterKind {
 public:
  virtual ~FilterKind() = default;
  [[nodiscard]] virtual std::unique_ptr<MessageFilter> make() const = 0;
};

/// By the name of its type (filters/registry.cc). The error says what is wrong with an option: its
/// detail begins with the option's JSON path below the filter, "/options/name: …".
[[nodiscard]] Result<std::shared_ptr<const FilterKind>> make_filter(const config::Filter& filter);
/// All names that make_filter() knows.
[[nodiscard]] std::vector<std::string> filter_types();

}  // namespace gatepost::filters
