#include <benchmark/benchmark.h>

#include <string>

#include "proxy/pop3/line_reader.h"
#include "tests/bench/micro/texts.h"

namespace gatepost::bench {
namespace {

using pop3::LineReader;

/// Lines out of one long piece.
void line_reader(benchmark::State& state) {
  BlockPool pool;
  const ByteChain whole = arrived(pool, mail_text(16 * 1024));
  LineReader reader;
  std::size_t lines = 0;
  for (auto _ : state) {
    ByteChain in = whole;
    while (reader.next(in, 512) == LineReader::Outcome::line) lines++;
    benchmark::DoNotOptimize(reader.line());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * whole.size()));
  state.SetItemsProcessed(static_cast<std::int64_t>(lines));
}
BENCHMARK(line_reader);

/// A short line that arrives in two pieces.
void line_reader_split(benchmark::State& state) {
  BlockPool pool;
  const ByteChain head = arrived(pool, "RETR 1");
  const ByteChain tail = arrived(pool, "7\r\n");
  LineReader reader;
  for (auto _ : state) {
    ByteChain in = head;
    benchmark::DoNotOptimize(reader.next(in, 512));
    in = tail;
    benchmark::DoNotOptimize(reader.next(in, 512));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(line_reader_split);

}  // namespace
}  // namespace gatepost::bench
