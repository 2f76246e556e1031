// Whatever comes in: what comes out is harmless for a parser that shares no code with ours, to
// defang it again changes nothing, and so does to defang what was called harmless.

#include "filters/defang/html_defang.h"
#include "filters/defang/second_reader.h"
#include "filters/message/charset.h"
#include "tests/fuzz/fuzz.h"

using namespace gatepost::filters;
using gatepost::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gatepost::fuzz::Input input(data, size);
  const unsigned choice = input.octet();
  DefangOptions options;
  if ((choice & 1U) != 0) options.remote_images = DefangOptions::RemoteImages::keep;
  if ((choice & 2U) != 0) options.links = DefangOptions::Links::show;
  options.ascii = (choice & 4U) != 0;
  const std::string html = to_utf8(input.rest(), (choice & 8U) != 0 ? "shift_jis" : "utf-8");
  const Defanged once = defang_html(html, options);
  require(once.too_large == (once.html.size() > kMaxDefanged));
  if (once.too_large) return 0;
  require(reads_as_harmless(once.html));
  const Defanged twice = defang_html(once.html, options);
  require(twice.html == once.html);
  require(!twice.removed.any());
  require(once.removed.any() == !once.removed.text().empty());
  return 0;
}
