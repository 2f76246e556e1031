#include "tests/bench/micro/texts.h"

#include <cstdint>

namespace gatepost::bench {

std::string mail_text(std::size_t size) {
  std::string text;
  std::uint64_t state = 1;
  while (text.size() < size) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    if ((state >> 40) % 40 == 0) text += "..";
    text.append(20 + (state >> 33) % 57, static_cast<char>('a' + (state >> 50) % 26));
    text += "\r\n";
  }
  return text;
}

ByteChain arrived(BlockPool& pool, std::string_view text) { return ByteChain(pool, text); }

}  // namespace gatepost::bench
