#include "filters/attachments/archive_pass.h"

#include <algorithm>
#include <utility>

#include "filters/attachments/octets.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

/// Files that tell macros in a newer document: VBA, Excel 4, and Basic of OpenDocument.
bool tells_macros(std::string_view name) {
  const std::string upper = pop3::to_upper(name);
  return upper.ends_with("VBAPROJECT.BIN") || upper.find("XL/MACROSHEETS/") != std::string::npos ||
         (upper.starts_with("BASIC/") && upper.ends_with("SCRIPT-LB.XML"));
}

/// The name that stands in the header of a gzip file (RFC 1952 section 2.3); "" if there is none.
std::string gzip_name(std::string_view header) {
  constexpr unsigned kExtra = 4;
  constexpr unsigned kName = 8;
  const unsigned flags = little_octet(header, 3);
  if (!header.starts_with("\x1f\x8b") || (flags & kName) == 0) return {};
  const std::size_t begin = 10 + ((flags & kExtra) != 0 ? 2U + little16(header, 10) : 0U);
  if (begin >= header.size()) return {};
  header.remove_prefix(begin);
  return std::string(header.substr(0, header.find('\0')));
}

}  // namespace

/// An entry as it is unpacked: what is held of it, then the rest.
class ArchivePass::EntrySource final : public ArchiveSource {
 public:
  EntrySource(ArchivePass& outer, ArchivePass& inner, ArchiveReader& reader, std::string_view held)
      : outer_(outer), inner_(inner), reader_(reader), held_(held) {}

  [[nodiscard]] Result<std::string_view> next() override {
    std::string_view piece = std::exchange(held_, {});
    while (piece.empty() && last_ == ArchiveReader::Data::piece) {
      last_ = reader_.data(piece);
      if (last_ == ArchiveReader::Data::piece && !outer_.count(piece.size())) {
        last_ = ArchiveReader::Data::end;
        return std::string_view();
      }
    }
    offset_ += piece.size();
    inner_.feed(piece);
    return piece;
  }
  [[nodiscard]] std::uint64_t offset() const override { return offset_; }
  /// Takes what the reader of the archive within left.
  [[nodiscard]] ArchiveReader::Data drain() {
    while (true) {
      const auto piece = next();
      if (!piece || piece->empty()) return last_;
    }
  }

 private:
  ArchivePass& outer_;
  ArchivePass& inner_;
  ArchiveReader& reader_;
  std::string_view held_;
  ArchiveReader::Data last_ = ArchiveReader::Data::piece;
  std::uint64_t offset_ = 0;
};

void ArchivePass::unreadable(Unreadable why) {
  if (report_.unreadable == Unreadable::no) report_.unreadable = why;
}

void ArchivePass::tell(const ArchiveEntry& entry) {
  if (!report_.enough && !shared_.sink(entry)) report_.enough = true;
}

void ArchivePass::note_name(std::string_view name) {
  report_.macros = report_.macros || tells_macros(name);
}

void ArchivePass::on_header(const ZipHeaders::Header& header) {
  // Two headers for each entry, and those of archives within that are not compressed.
  constexpr std::size_t kFor = 4;
  if (++shared_.look.headers_ > kFor * shared_.look.limits_.entries) {
    return unreadable(Unreadable::too_many);
  }
  if (header.folder || done()) return;
  note_name(header.name);
  report_.encrypted = report_.encrypted || header.encrypted;
  tell({.names = {std::string(header.name)}, .beginning = {}});
}

void ArchivePass::end() {
  headers_.end([this](const ZipHeaders::Header& header) { on_header(header); });
}

void ArchivePass::feed(std::string_view octets) {
  beginning_ += octets.substr(0, kMaxHeader - std::min(beginning_.size(), kMaxHeader));
  marks_.feed(octets);
  headers_.feed(octets, [this](const ZipHeaders::Header& header) { on_header(header); });
  report_.encrypted = report_.encrypted || marks_.encrypted();
  report_.macros = report_.macros || marks_.macros();
}

bool ArchivePass::count(std::size_t octets) {
  const ArchiveLimits& limits = shared_.look.limits_;
  shared_.look.unpacked_ += octets;
  shared_.unpacked += octets;
  if (shared_.look.unpacked_ > limits.unpacked) {
    shared_.over_limit = true;
    unreadable(Unreadable::too_large);
  }
  if (shared_.unpacked > limits.ratio_from && shared_.unpacked / limits.ratio > shared_.size) {
    shared_.over_limit = true;
    unreadable(Unreadable::bomb);
  }
  return !shared_.over_limit;
}

void ArchivePass::of(Content& content) {
  auto streamed = content.stream([&](std::string_view piece) {
    feed(piece);
    return !done();
  });
  if (!streamed) shared_.error = streamed.error();
  end();
  std::size_t entries = 0;
  std::size_t others = 0;
  ContentSource source(content);
  if (done()) return;
  const bool zip = read(source, ArchiveKind::zip_by_directory, entries);
  // Whoever unpacks by the headers may see something else.
  if (!done() && headers_.local() > 0 &&
      (!zip || !headers_.agree() || entries != headers_.local())) {
    (void)source.seek(0);
    (void)read(source, ArchiveKind::zip_by_headers, others);
  }
  if (done()) return;
  (void)source.seek(0);
  (void)read(source, ArchiveKind::others, others);
  if (done() || compression_of(beginning_) == 0) return;
  (void)source.seek(0);
  (void)read(source, ArchiveKind::compressed, others, compression_of(beginning_));
}

void ArchivePass::of(ArchiveSource& source, std::string_view beginning) {
  std::size_t entries = 0;
  const std::size_t compression = compression_of(beginning);
  (void)read(source, compression == 0 ? ArchiveKind::streamed : ArchiveKind::compressed, entries,
             compression);
}

bool ArchivePass::read(ArchiveSource& source, ArchiveKind kind, std::size_t& entries,
                       std::size_t compression) {
  using Step = ArchiveReader::Step;
  ArchiveReader reader(source, kind, compression);
  bool found = false;
  while (!done()) {
    const Step step = reader.next();
    if (reader.error()) shared_.error = reader.error();
    if (step == Step::not_one) return found;
    found = true;
    report_.archive = true;
    report_.encrypted = report_.encrypted || step == Step::encrypted || reader.has_encrypted();
    if (step == Step::broken) unreadable(Unreadable::broken);
    if (step != Step::entry) break;
    if (depth_ > shared_.look.limits_.depth) {
      unreadable(Unreadable::too_deep);
      break;
    }
    if (++shared_.look.entries_ > shared_.look.limits_.entries) {
      unreadable(Unreadable::too_many);
      break;
    }
    ++entries;
    if (!reader.is_folder()) entry(reader);
  }
  return found;
}

std::vector<std::string> ArchivePass::names_of(const ArchiveReader& reader) const {
  std::vector<std::string> names;
  if (std::string name = reader.name(); !name.empty()) names.push_back(std::move(name));
  if (!reader.is_only_compressed()) return names;
  if (std::string name = gzip_name(beginning_); !name.empty()) names.push_back(std::move(name));
  // "invoice.exe.gz" becomes "invoice.exe".
  for (const std::string& name : names_) names.push_back(name.substr(0, name.rfind('.')));
  return names;
}

void ArchivePass::on_data_end(ArchiveReader::Data data) {
  if (data == ArchiveReader::Data::encrypted) report_.encrypted = true;
  if (data == ArchiveReader::Data::broken) unreadable(Unreadable::broken);
}

void ArchivePass::entry(ArchiveReader& reader) {
  ArchiveEntry entry{.names = names_of(reader), .beginning = {}};
  for (const std::string& name : entry.names) note_name(name);
  if (reader.is_encrypted()) {
    report_.encrypted = true;
    return tell(entry);
  }
  std::string held;
  ArchiveReader::Data data = ArchiveReader::Data::piece;
  while (held.size() <= shared_.look.limits_.held) {
    std::string_view piece;
    data = reader.data(piece);
    if (data != ArchiveReader::Data::piece || !count(piece.size())) break;
    held += piece;
  }
  entry.beginning = std::string_view(held).substr(0, ArchiveEntry::kMaxShown);
  tell(entry);
  if (done()) return;
  ArchivePass pass(shared_, depth_ + 1, entry.names);
  if (data == ArchiveReader::Data::piece) {
    EntrySource rest(*this, pass, reader, held);
    pass.of(rest, entry.beginning);
    data = pass.done() ? ArchiveReader::Data::end : rest.drain();
    pass.end();
  } else {
    ContentInMemory content(held);
    pass.of(content);
  }
  on_data_end(data);
  inner(pass, entry.names);
}

/// What was found in an entry.
void ArchivePass::inner(ArchivePass& pass, const std::vector<std::string>& names) {
  const ArchiveLook::Report& found = pass.report_;
  report_.enough = report_.enough || found.enough;
  report_.encrypted = report_.encrypted || found.encrypted;
  unreadable(found.unreadable);
  if (found.macros) tell({.names = names, .beginning = {}, .macros = true});
}

}  // namespace gatepost::filters
