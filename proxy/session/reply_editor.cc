#include "proxy/session/reply_editor.h"

#include <limits>
#include <utility>

#include <fmt/format.h>

#include "proxy/mailbox/listing.h"

namespace gatepost::session {

using mailbox::ExtraMessages;
using mailbox::ListingLine;
using mailbox::ListingReader;

void ReplyEditor::body(ByteChain&& piece, ByteChain& /*out*/) {
  static_cast<void>(ByteChain(std::move(piece)));
}

void ReplyEditor::end(ByteChain& /*out*/) {}

namespace {

/// The status as a line without CRLF.
std::string line_of(const pop3::Status& status) {
  std::string line = status.wire();
  line.resize(line.size() - 2);
  return line;
}

/// As far as it goes: what upstream says may be anything.
std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  return a > kMost - b ? kMost : a + b;
}

class StatEditor final : public ReplyEditor {
 public:
  StatEditor(BlockPool& pool, ExtraMessages::Totals more) : pool_(pool), more_(more) {}

  void status(const pop3::Status& status, ByteChain& out) override {
    out.append(pool_, ExtraMessages::add_to_stat(line_of(status), more_) + "\r\n");
  }

 private:
  BlockPool& pool_;
  const ExtraMessages::Totals more_;
};

class StatFromList final : public ReplyEditor {
 public:
  StatFromList(BlockPool& pool, SizeOf size_of, ExtraMessages::Totals more)
      : pool_(pool),
        size_of_(std::move(size_of)),
        total_(more),
        reader_([this](std::string_view line, bool whole) { add(line, whole); }) {}

  void status(const pop3::Status& status, ByteChain& out) override {
    if (!status.ok) out.append(pool_, status.wire());
  }
  void body(ByteChain&& piece, ByteChain& /*out*/) override { reader_.feed(std::move(piece)); }
  void end(ByteChain& out) override {
    out.append(pool_, pop3::ok(fmt::format("{} {}", total_.count, total_.octets)));
  }

 private:
  void add(std::string_view line, bool whole) {
    const auto parsed = whole ? ListingLine::parse(line) : std::nullopt;
    const auto octets = parsed ? parsed->octets() : std::nullopt;
    if (!octets) return;
    total_.count = sum(total_.count, 1);
    total_.octets = sum(total_.octets, size_of_(parsed->number).value_or(*octets));
  }

  BlockPool& pool_;
  const SizeOf size_of_;
  ExtraMessages::Totals total_;
  ListingReader reader_;
};

class ListingEditor final : public ReplyEditor {
 public:
  ListingEditor(BlockPool& pool, SizeOf size_of, std::string tail)
      : pool_(pool),
        size_of_(std::move(size_of)),
        tail_(std::move(tail)),
        reader_([this](std::string_view line, bool whole) { add(line, whole); }) {}

  void status(const pop3::Status& status, ByteChain& out) override {
    out.append(pool_, ExtraMessages::without_counts(line_of(status)) + "\r\n");
  }
  void body(ByteChain&& piece, ByteChain& out) override {
    reader_.feed(std::move(piece));
    out.append(pool_, text_);
    text_.clear();
  }
  void end(ByteChain& out) override { out.append(pool_, tail_ + ".\r\n"); }

 private:
  void add(std::string_view line, bool whole) {
    const auto parsed = whole && size_of_ ? ListingLine::parse(line) : std::nullopt;
    const auto octets = parsed && parsed->octets() ? size_of_(parsed->number) : std::nullopt;
    if (octets) {
      text_ += parsed->with(line, *octets);
    } else {
      text_ += line;
    }
  }

  BlockPool& pool_;
  const SizeOf size_of_;
  const std::string tail_;
  std::string text_;  // of the piece under way
  ListingReader reader_;
};

class ListLineEditor final : public ReplyEditor {
 public:
  ListLineEditor(BlockPool& pool, std::uint64_t octets) : pool_(pool), octets_(octets) {}

  void status(const pop3::Status& status, ByteChain& out) override {
    const auto parsed = status.ok ? ListingLine::parse(status.text) : std::nullopt;
    if (!parsed || !parsed->octets()) return out.append(pool_, status.wire());
    out.append(pool_, "+OK " + parsed->with(status.text, octets_) + "\r\n");
  }

 private:
  BlockPool& pool_;
  const std::uint64_t octets_;
};

class StatReader final : public ReplyEditor {
 public:
  explicit StatReader(std::move_only_function<void(std::optional<std::uint64_t>)> done)
      : done_(std::move(done)) {}

  void status(const pop3::Status& status, ByteChain& /*out*/) override {
    std::string_view text = status.text;
    while (text.starts_with(' ')) text.remove_prefix(1);
    // "3 1200" looks like a line of LIST.
    const auto parsed = status.ok ? ListingLine::parse(text) : std::nullopt;
    done_(parsed && parsed->octets() ? std::optional(parsed->number) : std::nullopt);
  }

 private:
  std::move_only_function<void(std::optional<std::uint64_t>)> done_;
};

class UidlReader final : public ReplyEditor {
 public:
  UidlReader(std::move_only_function<void(std::uint64_t, std::string_view)> each,
             std::move_only_function<void(bool)> done)
      : done_(std::move(done)),
        reader_([each = std::move(each)](std::string_view line, bool whole) mutable {
          if (!whole) return;
          if (const auto parsed = ListingLine::parse(line)) each(parsed->number, parsed->value);
        }) {}

  void status(const pop3::Status& status, ByteChain& /*out*/) override {
    if (!status.ok) done_(false);
  }
  void body(ByteChain&& piece, ByteChain& /*out*/) override { reader_.feed(std::move(piece)); }
  void end(ByteChain& /*out*/) override { done_(true); }

 private:
  std::move_only_function<void(bool)> done_;
  ListingReader reader_;
};

}  // namespace

std::unique_ptr<ReplyEditor> edit_stat(BlockPool& pool, ExtraMessages::Totals more) {
  return std::make_unique<StatEditor>(pool, more);
}

std::unique_ptr<ReplyEditor> stat_from_list(BlockPool& pool, SizeOf size_of,
                                            ExtraMessages::Totals more) {
  return std::make_unique<StatFromList>(pool, std::move(size_of), more);
}

std::unique_ptr<ReplyEditor> edit_listing(BlockPool& pool, SizeOf size_of, std::string tail) {
  return std::make_unique<ListingEditor>(pool, std::move(size_of), std::move(tail));
}

std::unique_ptr<ReplyEditor> edit_list_line(BlockPool& pool, std::uint64_t octets) {
  return std::make_unique<ListLineEditor>(pool, octets);
}

std::unique_ptr<ReplyEditor> read_stat(
    std::move_only_function<void(std::optional<std::uint64_t>)> done) {
  return std::make_unique<StatReader>(std::move(done));
}

std::unique_ptr<ReplyEditor> read_uidl(
    std::move_only_function<void(std::uint64_t number, std::string_view uidl)> each,
    std::move_only_function<void(bool)> done) {
  return std::make_unique<UidlReader>(std::move(each), std::move(done));
}

}  // namespace gatepost::session
