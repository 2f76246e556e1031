#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "filters/message/content_coding.h"
#include "filters/message/mime_scanner.h"
#include "tests/bench/micro/texts.h"

namespace gatepost::bench {
namespace {

using filters::MimeScanner;

constexpr std::size_t kBody = 4 * 1024 * 1024;

std::string message(std::string_view encoding, const std::string& body) {
  return "Subject: x\r\nContent-Type: multipart/mixed; boundary=\"----=_Part_1\"\r\n\r\n"
         "------=_Part_1\r\nContent-Type: text/html\r\n\r\n<p>see attachment\r\n"
         "------=_Part_1\r\nContent-Type: application/pdf; name=a.pdf\r\n"
         "Content-Transfer-Encoding: " +
         std::string(encoding) + "\r\n\r\n" + body + "\r\n------=_Part_1--\r\n";
}

std::string repeated(std::string_view line) {
  std::string out;
  while (out.size() < kBody) out += line;
  return out;
}

/// In pieces as they come from the spool.
void scan(benchmark::State& state, const std::string& text) {
  constexpr std::size_t kPiece = 64 * 1024;
  for (auto _ : state) {
    MimeScanner scanner;
    for (std::size_t at = 0; at < text.size(); at += kPiece) {
      scanner.feed(std::string_view(text).substr(at, kPiece));
    }
    scanner.end();
    if (scanner.structure().parts.size() != 3) state.SkipWithError("not the parts expected");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}

void mime_base64(benchmark::State& state) {
  scan(state, message("base64", filters::encode_base64_lines(repeated("some content of a file"))));
}
void mime_text(benchmark::State& state) { scan(state, message("8bit", mail_text(kBody))); }
void mime_dashes(benchmark::State& state) {
  scan(state, message("8bit", repeated("-a-b-- - -- -c--d- well-known---\r\n")));
}
void mime_lines_of_dashes(benchmark::State& state) {
  scan(state, message("8bit", repeated("--\r\n--- x\r\n")));
}
BENCHMARK(mime_base64);
BENCHMARK(mime_text);
BENCHMARK(mime_dashes);
BENCHMARK(mime_lines_of_dashes);

void decode_base64(benchmark::State& state) {
  const std::string raw = filters::encode_base64_lines(repeated("some content of a file"));
  std::string out;
  for (auto _ : state) {
    filters::ContentDecoder decoder(filters::TransferEncoding::base64);
    out.clear();
    decoder.feed(raw, out);
    decoder.end(out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * raw.size()));
}
BENCHMARK(decode_base64);

}  // namespace
}  // namespace gatepost::bench
