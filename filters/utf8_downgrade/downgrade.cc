#include "filters/utf8_downgrade/downgrade.h"

#include <algorithm>
#include <array>
#include <utility>

#include "filters/message/header_scanner.h"
#include "filters/utf8_downgrade/field.h"
#include "filters/utf8_downgrade/parameters.h"
#include "filters/utf8_downgrade/tokens.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

using downgrade::downgrade_field;
using downgrade::downgrade_text;
using downgrade::has_8bit;

/// A line that may be a boundary: "--", the boundary, "--", some blanks and its end.
constexpr std::size_t kMaxBoundaryLine = Utf8Downgrade::kMaxBoundary + 128;

/// Types whose parts hold what is not ASCII, and what they are without it (RFC 6532 section 3.7,
/// RFC 6533 section 4).
struct Global {
  std::string_view type;
  std::string_view becomes;
};
constexpr std::array kGlobal = {
    Global{"message/global", "message/rfc822"},
    Global{"message/global-headers", "text/rfc822-headers"},
    Global{"message/global-delivery-status", "message/delivery-status"},
    Global{"message/global-disposition-notification", "message/disposition-notification"},
};

const Global* global_type(std::string_view type) {
  const auto* const found = std::ranges::find(kGlobal, type, &Global::type);
  return found == kGlobal.end() ? nullptr : found;
}

/// The same field with another type; its name and parameters stay.
std::string renamed(std::string field, const Global& global) {
  const std::string small = pop3::to_lower(field);
  const std::size_t at = small.find(global.type, small.find(':'));
  if (at != std::string::npos) field.replace(at, global.type.size(), global.becomes);
  return field;
}

bool is_identity(std::string_view encoding) {
  const std::string word = pop3::to_lower(downgrade::unfolded(encoding));
  const std::string_view name = downgrade::trimmed(word);
  return name != "base64" && name != "quoted-printable" && !name.contains("uu");
}

bool is_line_end(std::string_view line) { return line == "\r\n" || line == "\n"; }

}  // namespace

Result<FilterStatus> Utf8Downgrade::step(Input in, Output out) {
  std::size_t room = out.room;
  while (true) {
    const std::size_t size = std::min(room, ready_.size());
    if (size > 0) out.bytes.append(ready_.take(size));
    room -= size;
    if (!ready_.empty()) return FilterStatus::need_room;
    if (!in.bytes.empty()) {
      if (room == 0) return FilterStatus::need_room;
      advance(in.bytes, room, out.pool);
      continue;
    }
    if (!in.end) return FilterStatus::need_input;
    end(out.pool);
    if (ready_.empty()) return FilterStatus::finished;
  }
}

std::size_t Utf8Downgrade::held() const {
  std::size_t octets = line_.size() + field_.size() + ready_.size();
  if (waiting_) octets += waiting_->renamed.size() + waiting_->behind.size();
  return octets;
}

/// Takes some of `in`, at least one octet.
void Utf8Downgrade::advance(ByteChain& in, std::size_t room, BlockPool& pool) {
  if (state_ == State::rest) return ready_.append(in.take(std::min(room, in.size())));
  if (state_ == State::body) {
    const bool candidate = line_start_ && (!line_.empty() || in.front().front() == '-');
    if (!candidate) return pass_lines(in);
  }
  if (collect_line(in)) on_line(pool, false);
}

/// A line of a body that is no boundary, and all lines behind it that cannot be one.
void Utf8Downgrade::pass_lines(ByteChain& in) {
  const std::string_view piece = in.front();
  std::size_t end = piece.find('\n');
  while (end != std::string_view::npos && end + 1 < piece.size() && piece[end + 1] != '-') {
    end = piece.find('\n', end + 1);
  }
  line_start_ = end != std::string_view::npos;
  ready_.append(in.take(line_start_ ? end + 1 : piece.size()));
}

/// Goes on with line_; true when it is complete, or as long as it may be.
bool Utf8Downgrade::collect_line(ByteChain& in) {
  const std::size_t limit = state_ == State::body ? kMaxBoundaryLine : kMaxField;
  const std::string_view piece = in.front().substr(0, limit - line_.size());
  const std::size_t end = piece.find('\n');
  line_.append(in.take(end == std::string_view::npos ? piece.size() : end + 1));
  return end != std::string_view::npos || line_.size() == limit;
}

/// line_ is a line, or as much of one as is looked at. `last`: nothing follows.
void Utf8Downgrade::on_line(BlockPool& pool, bool last) {
  const std::string line = line_.to_string();
  const bool whole = line.ends_with('\n');
  const bool begins = std::exchange(line_start_, whole);
  if (const auto match = begins && (whole || last) ? match_boundary(line) : std::nullopt) {
    // A part without an empty line ends here, too.
    end_field(pool);
    end_waiting(pool);
    emit(std::exchange(line_, ByteChain()), pool);
    multiparts_.resize(match->index + (match->closes ? 0 : 1));
    return match->closes ? begin_body() : begin_header(multiparts_.back().digest);
  }
  if (state_ == State::body) return emit(std::exchange(line_, ByteChain()), pool);
  if (begins && is_line_end(line)) {
    end_field(pool);
    emit(std::exchange(line_, ByteChain()), pool);
    if (state_ == State::header) end_header(pool);
    return;
  }
  const bool folded = line.front() == ' ' || line.front() == '\t';
  if (begins && !folded) end_field(pool);
  field_.append(std::exchange(line_, ByteChain()));
  while (field_.size() >= kMaxField) cut_field(pool);
}

std::optional<Utf8Downgrade::Match> Utf8Downgrade::match_boundary(std::string_view line) const {
  if (!line.starts_with("--")) return std::nullopt;
  line = line.substr(2, line.find_last_not_of(" \t\r\n") - 1);
  for (std::size_t i = multiparts_.size(); i-- > 0;) {
    const std::string& boundary = multiparts_[i].boundary;
    if (!line.starts_with(boundary)) continue;
    const std::string_view behind = line.substr(boundary.size());
    if (behind.empty() || behind == "--") return Match{.index = i, .closes = !behind.empty()};
  }
  return std::nullopt;
}

/// field_ is complete.
void Utf8Downgrade::end_field(BlockPool& pool) {
  ByteChain field = std::exchange(field_, ByteChain());
  const bool rest = std::exchange(cut_, false);
  if (field.empty()) return;
  std::string text = field.to_string();
  const auto [name, body] = rest ? FieldView{} : parse_field(text);
  const bool is_type = same_name(name, "Content-Type") && entity_.type.empty();
  if (is_type) {
    downgrade::TypeFacts facts = downgrade::read_type(body);
    entity_.type = std::move(facts.type);
    entity_.boundary = std::move(facts.boundary);
  }
  if (same_name(name, "Content-Transfer-Encoding")) entity_.encoded = !is_identity(body);
  const Global* const global = is_type ? global_type(entity_.type) : nullptr;
  if (has_8bit(text)) {
    text = rest ? downgrade_text(text) : downgrade_field(text);
    field = ByteChain(pool, text);
  }
  if (global == nullptr || waiting_) return emit(std::move(field), pool);
  waiting_ = std::make_unique<Waiting>();
  waiting_->renamed = renamed(text, *global);
  waiting_->as_it_was = std::move(text);
}

/// field_ is too long to be held; what is emitted ends before a blank, if there is one.
void Utf8Downgrade::cut_field(BlockPool& pool) {
  const std::string text = field_.to_string().substr(0, kMaxField);
  const std::size_t blank = text.find_last_of(" \t");
  const std::size_t size = blank == std::string::npos || blank == 0 ? text.size() : blank;
  ByteChain piece = field_.take(size);
  cut_ = true;
  if (has_8bit(text)) piece = ByteChain(pool, downgrade_text(text.substr(0, size)));
  emit(std::move(piece), pool);
}

void Utf8Downgrade::end_header(BlockPool& pool) {
  end_waiting(pool);
  const Entity entity = std::exchange(entity_, Entity());
  const std::string& type = entity.type.empty() ? default_type_ : entity.type;
  if (type.starts_with("multipart/")) {
    const std::size_t size = entity.boundary.find_last_not_of(' ') + 1;
    if (size > 0 && size <= kMaxBoundary && multiparts_.size() < kMaxBoundaries) {
      multiparts_.push_back({entity.boundary.substr(0, size), type == "multipart/digest"});
    }
    return begin_body();
  }
  if (entity.encoded) return begin_body();
  if (type == "message/rfc822" || type == "message/global" || type == "message/global-headers") {
    return begin_header(false);
  }
  if (global_type(type) == nullptr) return begin_body();
  begin_header(false);
  state_ = State::fields;
}

/// The Content-Type that waited goes; by now it is known whether what follows is encoded.
void Utf8Downgrade::end_waiting(BlockPool& pool) {
  if (!waiting_) return;
  const auto waiting = std::exchange(waiting_, nullptr);
  ready_.append(pool, entity_.encoded ? waiting->as_it_was : waiting->renamed);
  ready_.append(std::move(waiting->behind));
}

void Utf8Downgrade::begin_header(bool in_digest) {
  state_ = State::header;
  default_type_ = in_digest ? "message/rfc822" : "text/plain";
  entity_ = Entity();
}

void Utf8Downgrade::begin_body() { state_ = multiparts_.empty() ? State::rest : State::body; }

void Utf8Downgrade::emit(ByteChain text, BlockPool& pool) {
  if (!waiting_) return ready_.append(std::move(text));
  waiting_->behind.append(std::move(text));
  if (waiting_->behind.size() > kMaxWaiting) end_waiting(pool);
}

/// Nothing follows.
void Utf8Downgrade::end(BlockPool& pool) {
  if (!line_.empty()) on_line(pool, true);
  end_field(pool);
  end_waiting(pool);
}

namespace {

class Utf8DowngradeKind final : public FilterKind {
 public:
  [[nodiscard]] std::unique_ptr<MessageFilter> make() const override {
    return std::make_unique<Utf8Downgrade>();
  }
};

}  // namespace

std::shared_ptr<const FilterKind> utf8_downgrade() {
  static const auto kind = std::make_shared<const Utf8DowngradeKind>();
  return kind;
}

}  // namespace gatepost::filters
