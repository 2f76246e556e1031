#include <benchmark/benchmark.h>

#include <string>

#include "proxy/pop3/client_codec.h"
#include "proxy/pop3/server_codec.h"
#include "tests/bench/micro/texts.h"

namespace gatepost::bench {
namespace {

using pop3::ClientCodec;
using pop3::ServerCodec;

/// Sixteen pipelined commands of a client.
void server_codec(benchmark::State& state) {
  BlockPool pool;
  std::string text;
  for (int i = 1; i <= 16; i++) text += "RETR " + std::to_string(i) + "\r\n";
  const ByteChain whole = arrived(pool, text);
  ServerCodec codec;
  codec.set_mode(ServerCodec::Mode::transaction);
  for (auto _ : state) {
    ByteChain in = whole;
    int commands = 0;
    while (codec.next(in) == ServerCodec::Event::command) commands++;
    if (commands != 16) state.SkipWithError("commands were lost");
  }
  state.SetItemsProcessed(state.iterations() * 16);
}
BENCHMARK(server_codec);

/// The reply to RETR.
void client_codec_retr(benchmark::State& state) {
  BlockPool pool;
  const ByteChain whole = arrived(
      pool, "+OK octets\r\n" + mail_text(static_cast<std::size_t>(state.range(0))) + ".\r\n");
  ClientCodec codec;
  for (auto _ : state) {
    ByteChain in = whole;
    codec.expect({.shape = pop3::ReplyShape::multi});
    ClientCodec::Event event = codec.next(in);
    while (event != ClientCodec::Event::body_end && event != ClientCodec::Event::protocol_error) {
      if (event == ClientCodec::Event::body_data) benchmark::DoNotOptimize(codec.take_body());
      event = codec.next(in);
    }
    if (event != ClientCodec::Event::body_end) state.SkipWithError("not the reply expected");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * whole.size()));
}
BENCHMARK(client_codec_retr)->Arg(4096)->Arg(102400);

}  // namespace
}  // namespace gatepost::bench
