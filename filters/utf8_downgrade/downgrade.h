#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/message_filter.h"

namespace gatepost::filters {

/// Makes an internationalized message (RFC 6532) fit for a client that knows ASCII headers alone,
/// after RFC 6857: the fields of the message, of its parts, and of messages attached to it. Bodies
/// pass as they are; so does every field that is ASCII. What was declared as message/global becomes
/// message/rfc822, unless it is encoded: nobody looks into that.
///
/// Parts are found while the message passes, by the boundaries that its header announced. What lies
/// beyond a limit passes as if it were a body.
class Utf8Downgrade final : public MessageFilter {
 public:
  /// Octets held of one field. In a longer one, whatever its name, all that is not ASCII becomes
  /// encoded words.
  static constexpr std::size_t kMaxField = 256 * 1024;
  /// Octets of a boundary; a longer one is not looked for.
  static constexpr std::size_t kMaxBoundary = 256;
  /// Boundaries that are looked for at a time, which is how deep multiparts may be nested.
  static constexpr std::size_t kMaxBoundaries = 64;
  /// Octets held behind a Content-Type of message/global until its encoding is known; then it is
  /// taken for one that is not encoded.
  static constexpr std::size_t kMaxWaiting = 64 * 1024;

  [[nodiscard]] Result<FilterStatus> step(Input in, Output out) override;
  [[nodiscard]] std::size_t held() const override;

 private:
  enum class State : std::uint8_t {
    header,  // of the message, a part, or an attached message
    fields,  // groups of fields with empty lines between them: message/global-delivery-status
    body,    // up to a boundary
    rest,    // no boundary is looked for any more
  };
  struct Multipart {
    std::string boundary;
    bool digest = false;  // its parts are messages, unless they say something else
  };
  struct Match {
    std::size_t index;  // in multiparts_
    bool closes;
  };
  /// What the header so far says of what follows it.
  struct Entity {
    std::string type;  // "" so far
    std::string boundary;
    bool encoded = false;
  };
  /// A Content-Type that waits for the header's end.
  struct Waiting {
    std::string as_it_was, renamed;
    ByteChain behind;
  };

  void advance(ByteChain& in, std::size_t room, BlockPool& pool);
  void pass_lines(ByteChain& in);
  [[nodiscard]] bool collect_line(ByteChain& in);
  void on_line(BlockPool& pool, bool last);
  [[nodiscard]] std::optional<Match> match_boundary(std::string_view line) const;
  void end_field(BlockPool& pool);
  void cut_field(BlockPool& pool);
  void end_header(BlockPool& pool);
  void end_waiting(BlockPool& pool);
  void begin_header(bool in_digest);
  void begin_body();
  void emit(ByteChain text, BlockPool& pool);
  void end(BlockPool& pool);

  State state_ = State::header;
  std::vector<Multipart> multiparts_;
  Entity entity_;
  std::string default_type_ = "text/plain";
  ByteChain line_;          // the line under way, as far as it has to be looked at
  bool line_start_ = true;  // what comes next, line_ first, begins a line
  ByteChain field_;         // what there is of a field
  bool cut_ = false;        // its front has gone already
  std::unique_ptr<Waiting> waiting_;
  ByteChain ready_;  // for the output
};

/// For sessions whose client did not ask for UTF8 where Gatepost did.
[[nodiscard]] std::shared_ptr<const FilterKind> utf8_downgrade();

}  // namespace gatepost::filters
