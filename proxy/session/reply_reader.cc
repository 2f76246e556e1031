#include "proxy/session/reply_reader.h"

#include <utility>

#include "proxy/mailbox/listing.h"

namespace gatepost::session {

using mailbox::ListingLine;
using mailbox::ListingReader;

void ReplyReader::body(ByteChain&& piece) { static_cast<void>(ByteChain(std::move(piece))); }

namespace {

class ListReader final : public ReplyReader {
 public:
  ListReader(std::move_only_function<Result<void>(std::uint64_t, std::string_view)> each,
             std::move_only_function<void(Result<void>, bool)> done)
      : each_(std::move(each)),
        done_(std::move(done)),
        reader_([this](auto line, bool whole) { add(line, whole); }) {}

  void status(const pop3::Status& status) override {
    if (!status.ok) done_(fail(ErrorCode::refused, "the mail server said -ERR"), false);
  }
  void body(ByteChain&& piece) override { reader_.feed(std::move(piece)); }
  void end() override { done_(std::move(read_), true); }

 private:
  void add(std::string_view line, bool whole) {
    if (!read_) return;
    const auto parsed = whole ? ListingLine::parse(line) : std::nullopt;
    read_ = parsed ? each_(parsed->number, parsed->value)
                   : fail(ErrorCode::protocol, "a line is no number and word");
  }

  std::move_only_function<Result<void>(std::uint64_t, std::string_view)> each_;
  std::move_only_function<void(Result<void>, bool)> done_;
  Result<void> read_;
  ListingReader reader_;
};

class StatusReader final : public ReplyReader {
 public:
  explicit StatusReader(std::move_only_function<void(bool)> done) : done_(std::move(done)) {}
  void status(const pop3::Status& status) override { done_(status.ok); }

 private:
  std::move_only_function<void(bool)> done_;
};

class HashReader final : public ReplyReader {
 public:
  explicit HashReader(std::move_only_function<void(std::optional<Digest>)> done)
      : done_(std::move(done)) {}
  void status(const pop3::Status& status) override {
    if (!status.ok) done_(std::nullopt);
  }
  void body(ByteChain&& piece) override {
    for (const Slice& slice : piece.slices()) hash_.update(slice.view());
  }
  void end() override { done_(hash_.finish()); }

 private:
  Sha256 hash_;
  std::move_only_function<void(std::optional<Digest>)> done_;
};

}  // namespace

std::unique_ptr<ReplyReader> read_listing(
    std::move_only_function<Result<void>(std::uint64_t number, std::string_view value)> each,
    std::move_only_function<void(Result<void> read, bool offered)> done) {
  return std::make_unique<ListReader>(std::move(each), std::move(done));
}

Result<void> add_size(mailbox::Inventory& inventory, std::uint64_t number, std::string_view value) {
  const auto octets = ListingLine{number, value}.octets();
  if (!octets) return fail(ErrorCode::protocol, "LIST has a size that is no number");
  return inventory.add_size(number, *octets);
}

std::unique_ptr<ReplyReader> read_status(std::move_only_function<void(bool)> done) {
  return std::make_unique<StatusReader>(std::move(done));
}

std::unique_ptr<ReplyReader> hash_reply(std::move_only_function<void(std::optional<Digest>)> done) {
  return std::make_unique<HashReader>(std::move(done));
}

}  // namespace gatepost::session
