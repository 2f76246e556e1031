// Any octets as a file name, as text with files in it, as a winmail.dat, and as an archive that is
// looked into with tiny limits. Nothing breaks, nothing grows, and what is found does not depend on
// where the stream was cut. Two octets of the input choose the limits.

#include "filters/attachments/archive.h"

#include "filters/attachments/document_marks.h"
#include "filters/attachments/embedded_names.h"
#include "filters/attachments/file_name.h"
#include "filters/attachments/tnef.h"
#include "filters/attachments/zip_headers.h"
#include "tests/fuzz/fuzz.h"

using namespace gatepost;
using namespace gatepost::filters;
using fuzz::require;

namespace {

void names(std::string_view text) {
  constexpr std::size_t kName = 1024;  // MimePart::kMaxName
  const auto readings = name_readings(text.substr(0, kName));
  require(!readings.empty() && readings.size() <= kMaxNameReadings);
  // What was read once says nothing new.
  for (const std::string& reading : readings) require(reading.size() <= 4 * kName);
  static const NamePatterns patterns({"*.exe", "*a*b*?", "*"});
  require(patterns.match(text.substr(0, kName), NamePatterns()) != nullptr);
}

/// What the readers of streams find, in pieces of `step` octets.
std::string streams(std::string_view text, std::size_t step) {
  std::string found;
  ZipHeaders headers;
  DocumentMarks marks;
  EmbeddedNames embedded;
  const auto on_header = [&found](const ZipHeaders::Header& header) {
    found += header.name;
    found += header.encrypted ? '!' : ' ';
  };
  for (std::size_t at = 0; at < text.size(); at += step) {
    const std::string_view piece = text.substr(at, step);
    headers.feed(piece, on_header);
    marks.feed(piece);
    embedded.feed(piece);
  }
  headers.end(on_header);
  embedded.end();
  for (const std::string& name : embedded.names()) found += name + "\n";
  found += marks.encrypted() ? "e" : "";
  found += marks.macros() ? "m" : "";
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  ArchiveLimits limits;
  limits.depth = 1U + input.octet() % 4U;
  limits.entries = 20;
  limits.unpacked = 200'000;
  limits.ratio_from = 50'000;
  limits.held = input.octet() * 16U;
  const std::string_view text = input.rest();

  names(text);
  require(streams(text, 1) == streams(text, text.size() + 1));

  ContentInMemory content(text);
  const auto tnef = read_tnef(content);
  require(tnef.has_value());
  for (const TnefContents::File& file : tnef->files) {
    require(file.offset <= text.size() && file.size <= text.size() - file.offset);
  }

  ArchiveLook look(limits);
  std::size_t told = 0;
  const auto report = look.look(content, {"a.gz"}, [&](const ArchiveEntry& entry) {
    require(entry.beginning.size() <= ArchiveEntry::kMaxShown);
    return ++told < 1000;
  });
  require(report.has_value());
  return 0;
}
