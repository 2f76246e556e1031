#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/message/header_scanner.h"
#include "proxy/base/bytes.h"

namespace gatepost::filters {

/// A change of a message's header, wished by a scanner (rspamd), by a filter, or made by a tag.
struct HeaderEdit {
  enum class What : std::uint8_t {
    add,      ///< one more field, at `place`
    remove,   ///< the fields of that name, see `which`; of "X-Name-*" all that begin so
    replace,  ///< all fields of that name go, one is added at `place`
    rename,   ///< all fields of that name get the name `value`
    prefix,   ///< `value` goes before the text of all fields of that name, unless they begin with
              ///< it already, perhaps behind "Re:" and the like; none: it is added
  } what = What::add;
  enum class Place : std::uint8_t { top, end };
  std::string name;
  std::string value;  ///< unfolded, printable; what else is in it is made inert when it is written
  int which = 0;      ///< remove: 0 all of that name, n the n-th, -n the n-th from the end
  Place place = Place::top;
};

/// Whether it can be the name of a field: printable ASCII without a colon (RFC 5322 section 2.2),
/// at most 76 of it.
[[nodiscard]] bool is_field_name(std::string_view name);

/// A field as it is written into a message: the value inert, encoded (RFC 2047) where it is not
/// ASCII, folded, no line over 998 octets, with its CRLF. `name` is one.
[[nodiscard]] std::string write_field(std::string_view name, std::string_view value);

/// Edits the header of a message that streams through; all that no edit names stays octet for
/// octet. The text is canonical. An edit whose name cannot be one does nothing.
///
/// The top is before the first line that is neither folded nor the "From " of an mbox, so that
/// nothing in the message continues a field that was added; the end is before the empty line. Edits
/// count the fields of the original: what one adds no other removes.
class HeaderEditor {
 public:
  /// Octets of header up to which an edit "from the end" (`which` below 0) is looked for, all of
  /// them held; in a longer header it removes all fields of that name.
  static constexpr std::size_t kMaxHeader = 1024 * 1024;
  /// Characters of a value; longer ones are cut.
  static constexpr std::size_t kMaxValue = 8 * 1024;

  HeaderEditor(std::vector<HeaderEdit> edits, BlockPool& pool);

  enum class Progress : std::uint8_t { need_input, need_room, finished };
  /// Moves from `in` to `out` until `in` is used up, or `room` octets were added; a field is added
  /// whole. `last`: nothing follows `in`; then it finishes.
  [[nodiscard]] Progress step(ByteChain& in, bool last, ByteChain& out, std::size_t room);
  [[nodiscard]] std::size_t held() const;

 private:
  struct Field {
    std::string name;  // empty: not a field
    int count = 0;     // which of that name it is, from 1; 0: no edit has its name
    ByteChain text;
  };
  enum class State : std::uint8_t { before_top, header, body };

  void on_event(HeaderScanner::Event event);
  void begin_field(ByteChain text);
  void more_of_field(ByteChain text);
  [[nodiscard]] bool removed(const Field& field);
  void prefix(const HeaderEdit& edit, Field& field);
  void rename(const std::string& name, Field& field);
  void add(HeaderEdit::Place place);
  void release_waiting();
  [[nodiscard]] int* count_of(std::string_view name);

  std::vector<HeaderEdit> edits_;
  BlockPool& pool_;
  HeaderScanner scanner_;
  State state_ = State::before_top;
  std::vector<std::pair<std::string, int>> counts_;  // fields so far, of the names in edits_
  std::vector<Field> waiting_;  // until the end of the header, where an edit counts from there
  std::size_t waiting_size_ = 0;
  bool hold_ = false;      // fields go to waiting_
  bool gave_up_ = false;   // holding them
  bool dropping_ = false;  // what follows of a field that was cut
  ByteChain ready_;        // for `out`
};

}  // namespace gatepost::filters
