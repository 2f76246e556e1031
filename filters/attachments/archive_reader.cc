#include "filters/attachments/archive_reader.h"

#include <locale.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

using Enable = int (*)(archive*);
struct Compression {
  std::string_view signature;
  Enable enable;
  const char* name;
  /// A file of one octet, "X". All of these may be put behind each other, and are then one.
  std::string_view lead;
};
using namespace std::string_view_literals;
constexpr auto kCompressions = std::to_array<Compression>({
    {"\x1f\x8b"sv, archive_read_support_filter_gzip, "gzip",
     "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x8b\x00\x00\x4b\x36\xb2\xb7\x01\x00\x00\x00"sv},
    {"BZh"sv, archive_read_support_filter_bzip2, "bzip2",
     "\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\xef\x68\x06\xf4\x00\x00\x00\x02\x00\x00\x40\x20\x00\x21\x18\x46\x82\xee\x48\xa7\x0a\x12\x1d\xed\x00\xde\x80"sv},
    {"\xfd\x37zXZ"sv, archive_read_support_filter_xz, "xz",
     "\xfd\x37\x7a\x58\x5a\x00\x00\x00\xff\x12\xd9\x41\x02\x00\x21\x01\x16\x00\x00\x00\x74\x2f\xe5\xa3\x01\x00\x00\x58\x00\x00\x00\x00\x00\x01\x11\x01\xad\xa6\x58\x04\x06\x72\x9e\x7a\x01\x00\x00\x00\x00\x00\x59\x5a"sv},
    {"\x28\xb5\x2f\xfd"sv, archive_read_support_filter_zstd, "zstd",
     "\x28\xb5\x2f\xfd\x04\x58\x09\x00\x00\x58\xe5\x1a\xe3\x6e"sv},
    {"\x04\x22\x4d\x18"sv, archive_read_support_filter_lz4, "lz4",
     "\x04\x22\x4d\x18\x64\x40\xa7\x01\x00\x00\x80\x58\x00\x00\x00\x00\xd1\x5c\x4a\x16"sv},
});
constexpr auto kFormats = std::to_array<Enable>({
    archive_read_support_format_tar,
    archive_read_support_format_7zip,
    archive_read_support_format_rar,
    archive_read_support_format_rar5,
    archive_read_support_format_cab,
    archive_read_support_format_lha,
    archive_read_support_format_cpio,
    archive_read_support_format_iso9660,
    archive_read_support_format_ar,
});

locale_t utf8_locale() {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}

}  // namespace

std::string missing_decompressor() {
  const std::unique_ptr<archive, decltype(&archive_read_free)> reader(archive_read_new(),
                                                                      &archive_read_free);
  if (reader == nullptr) return "memory";
  if (utf8_locale() == nullptr) return "the locale C.UTF-8";
  for (const Compression& one : kCompressions) {
    // ARCHIVE_WARN: it was built without the library, and would start a program.
    if (one.enable(reader.get()) != ARCHIVE_OK) return one.name;
  }
  return {};
}

std::size_t compression_of(std::string_view beginning) {
  const auto found = std::ranges::find_if(
      kCompressions, [&](const Compression& one) { return beginning.starts_with(one.signature); });
  return found == kCompressions.end() ? 0
                                      : static_cast<std::size_t>(found - kCompressions.begin()) + 1;
}

Utf8Locale::Utf8Locale() {
  const locale_t locale = utf8_locale();
  if (locale != nullptr) before_ = uselocale(locale);
}
Utf8Locale::~Utf8Locale() {
  if (before_ != nullptr) uselocale(static_cast<locale_t>(before_));
}

Result<std::string_view> ContentSource::next() {
  auto piece = content_.at(offset_);
  if (piece) offset_ += piece->size();
  return piece;
}

bool ContentSource::seek(std::uint64_t offset) {
  offset_ = std::min(offset, content_.size());
  return true;
}

ArchiveReader::ArchiveReader(ArchiveSource& source, ArchiveKind kind, std::size_t compression)
    : source_(source),
      reader_(archive_read_new(), &archive_read_free),
      compressed_(kind == ArchiveKind::compressed),
      led_(compressed_) {
  if (reader_ != nullptr) enable(kind, compression);
}

void ArchiveReader::enable(ArchiveKind kind, std::size_t compression) {
  archive* const reader = reader_.get();
  if (kind == ArchiveKind::zip_by_directory) archive_read_support_format_zip_seekable(reader);
  if (kind == ArchiveKind::zip_by_headers || kind == ArchiveKind::streamed) {
    archive_read_support_format_zip_streamable(reader);
  }
  if (kind == ArchiveKind::others || kind == ArchiveKind::streamed) {
    for (const Enable format : kFormats) format(reader);
  }
  if (kind == ArchiveKind::compressed) {
    archive_read_support_format_raw(reader);
    kCompressions[compression - 1].enable(reader);
    lead_ = kCompressions[compression - 1].lead;
  }
  archive_read_set_callback_data(reader, this);
  archive_read_set_read_callback(reader, &ArchiveReader::on_read);
  const bool seekable = kind == ArchiveKind::zip_by_directory || kind == ArchiveKind::others;
  if (!seekable) return;
  archive_read_set_skip_callback(reader, &ArchiveReader::on_skip);
  archive_read_set_seek_callback(reader, &ArchiveReader::on_seek);
}

la_ssize_t ArchiveReader::on_read(archive* reader, void* self, const void** octets) {
  auto& me = *static_cast<ArchiveReader*>(self);
  if (!me.lead_.empty()) {
    const std::string_view lead = std::exchange(me.lead_, {});
    *octets = lead.data();
    return static_cast<la_ssize_t>(lead.size());
  }
  const auto piece = me.source_.next();
  if (!piece) {
    me.error_ = piece.error();
    archive_set_error(reader, EIO, "cannot be read");
    return ARCHIVE_FATAL;
  }
  *octets = piece->data();
  return static_cast<la_ssize_t>(piece->size());
}

la_int64_t ArchiveReader::on_skip(archive* /*reader*/, void* self, la_int64_t request) {
  auto& source = static_cast<ArchiveReader*>(self)->source_;
  const std::uint64_t before = source.offset();
  const std::uint64_t size = source.size().value_or(0);
  if (request <= 0 || before >= size) return 0;
  const std::uint64_t step = std::min(static_cast<std::uint64_t>(request), size - before);
  return source.seek(before + step) ? static_cast<la_int64_t>(step) : 0;
}

la_int64_t ArchiveReader::on_seek(archive* /*reader*/, void* self, la_int64_t offset, int whence) {
  auto& source = static_cast<ArchiveReader*>(self)->source_;
  const auto size = static_cast<la_int64_t>(source.size().value_or(0));
  la_int64_t base = 0;
  if (whence == SEEK_CUR) base = static_cast<la_int64_t>(source.offset());
  if (whence == SEEK_END) base = size;
  // Offsets come out of the archive: anything is possible.
  la_int64_t target = 0;
  if (__builtin_add_overflow(base, offset, &target) || target < 0 || target > size) {
    return ARCHIVE_FATAL;
  }
  return source.seek(static_cast<std::uint64_t>(target)) ? target : ARCHIVE_FATAL;
}

bool ArchiveReader::open() {
  return reader_ != nullptr && archive_read_open1(reader_.get()) == ARCHIVE_OK;
}

/// There is no code for it.
bool ArchiveReader::says_encrypted() const {
  const char* const text = archive_error_string(reader_.get());
  if (text == nullptr) return false;
  const std::string upper = pop3::to_upper(text);
  return std::ranges::any_of(
      std::array<std::string_view, 3>{"ENCRYPT", "PASSPHRASE", "CRYPTO"},
      [&](std::string_view word) { return upper.find(word) != std::string::npos; });
}

ArchiveReader::Step ArchiveReader::next() {
  if (!std::exchange(began_, true) && !open())
    return error_ || compressed_ ? Step::broken : Step::not_one;
  const bool first = std::exchange(first_, false);
  int status = archive_read_next_header(reader_.get(), &entry_);
  // Each retry takes something in.
  for (int i = 0; status == ARCHIVE_RETRY && i < 100; ++i) {
    status = archive_read_next_header(reader_.get(), &entry_);
  }
  if (status == ARCHIVE_OK || status == ARCHIVE_WARN) return Step::entry;
  const bool unknown = first && archive_format(reader_.get()) == 0;  // no reader bid for it
  if (status == ARCHIVE_EOF) return unknown ? Step::not_one : Step::end;
  if (says_encrypted() || has_encrypted()) return Step::encrypted;
  return unknown && !compressed_ && !error_ ? Step::not_one : Step::broken;
}

bool ArchiveReader::is_folder() const { return archive_entry_filetype(entry_) == AE_IFDIR; }
bool ArchiveReader::is_encrypted() const { return archive_entry_is_encrypted(entry_) > 0; }

std::string ArchiveReader::name() const {
  if (compressed_) return {};
  const char* name = archive_entry_pathname_utf8(entry_);
  if (name == nullptr) name = archive_entry_pathname(entry_);
  return name == nullptr ? std::string() : name;
}

bool ArchiveReader::has_encrypted() const {
  return archive_read_has_encrypted_entries(reader_.get()) > 0;
}

ArchiveReader::Data ArchiveReader::data(std::string_view& piece) {
  const void* octets = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  for (int i = 0; i < 100; ++i) {
    const int status = archive_read_data_block(reader_.get(), &octets, &size, &offset);
    piece = {static_cast<const char*>(octets), octets == nullptr ? 0 : size};
    if (status == ARCHIVE_OK) {
      if (!piece.empty() && std::exchange(led_, false)) piece.remove_prefix(1);
      return Data::piece;
    }
    if (status == ARCHIVE_EOF) return Data::end;
    if (status != ARCHIVE_RETRY) break;
  }
  piece = {};
  return says_encrypted() ? Data::encrypted : Data::broken;
}

}  // namespace gatepost::filters
