#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <utility>

#include "proxy/base/bytes.h"
#include "tests/bench/micro/texts.h"

namespace gatepost::bench {
namespace {

/// What a read and its relay do to the bytes: commit a slice, splice it on, consume it.
void chain_relay(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  BlockPool pool;
  for (auto _ : state) {
    ByteChain received;
    benchmark::DoNotOptimize(pool.writable().data());
    received.append(pool.commit(size));
    ByteChain sent;
    sent.append(std::move(received));
    while (!sent.empty()) sent.consume(sent.front().size());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(chain_relay)->Arg(40)->Arg(16 * 1024);

void chain_take(benchmark::State& state) {
  BlockPool pool;
  const ByteChain whole = arrived(pool, std::string(1 << 20, 'x'));
  for (auto _ : state) {
    ByteChain rest = whole;
    while (!rest.empty())
      benchmark::DoNotOptimize(rest.take(std::min<std::size_t>(rest.size(), 1000)));
  }
  state.SetItemsProcessed(
      static_cast<std::int64_t>(state.iterations() * (whole.size() / 1000 + 1)));
}
BENCHMARK(chain_take);

void chain_append_text(benchmark::State& state) {
  BlockPool pool;
  for (auto _ : state) {
    ByteChain chain(pool, "+OK 2 messages (320 octets)\r\n");
    benchmark::DoNotOptimize(chain);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(chain_append_text);

}  // namespace
}  // namespace gatepost::bench
