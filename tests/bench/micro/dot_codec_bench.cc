#include <benchmark/benchmark.h>

#include <string>

#include "proxy/pop3/dot_codec.h"
#include "tests/bench/micro/texts.h"

namespace gatepost::bench {
namespace {

using pop3::DotDecoder;

void decode(benchmark::State& state, DotDecoder::Form form) {
  BlockPool pool;
  const ByteChain whole =
      arrived(pool, mail_text(static_cast<std::size_t>(state.range(0))) + ".\r\n");
  for (auto _ : state) {
    ByteChain in = whole;
    DotDecoder decoder(form);
    benchmark::DoNotOptimize(decoder.decode(in));
    if (!decoder.done()) state.SkipWithError("no end found");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * whole.size()));
}
void dot_relay(benchmark::State& state) { decode(state, DotDecoder::Form::as_sent); }
void dot_unstuff(benchmark::State& state) { decode(state, DotDecoder::Form::unstuffed); }
BENCHMARK(dot_relay)->Arg(4096)->Arg(102400)->Arg(1 << 20);
BENCHMARK(dot_unstuff)->Arg(4096)->Arg(102400)->Arg(1 << 20);

void dot_encode(benchmark::State& state) {
  const std::string text = mail_text(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(pop3::dot_encode(text));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK(dot_encode)->Arg(4096);

}  // namespace
}  // namespace gatepost::bench
