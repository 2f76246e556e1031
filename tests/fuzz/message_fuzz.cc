// Any octets, made canonical, go through a line of filters and through header edits: what comes out
// is canonical again, the same however the stream is chopped and however little room there is, and
// what no edit names is untouched. Four octets of the input choose the chopping and the edits.

#include <algorithm>
#include <random>

#include "filters/filter_line.h"
#include "filters/message/canonical.h"
#include "filters/message/header_edit.h"
#include "filters/message/header_reader.h"
#include "tests/fuzz/filter_run.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/filters/message/naive_message.h"
#include "tests/unit/pop3/chop.h"

using namespace gatepost;
using namespace gatepost::filters;
using fuzz::require;
using pop3::test::Pieces;

namespace {

BlockPool& pool() {
  static BlockPool pool;
  return pool;
}

std::string canonical(const Pieces& pieces) {
  Canonicalizer canonicalizer(pool());
  ByteChain out;
  for (const std::string_view piece : pieces) {
    ByteChain in(pool(), piece);
    canonicalizer.feed(in, out);
    require(in.empty());
  }
  canonicalizer.end(out);
  return out.to_string();
}

std::vector<std::shared_ptr<const FilterKind>> filters() {
  using Texts = std::vector<std::string>;
  return {*make_filter({"remove_header", {{"names", Texts{"Received", "Subject"}}}}),
          *make_filter({"add_header", {{"lines", Texts{"X-A: 1"}}, {"at", std::string("end")}}}),
          *make_filter({"add_header", {{"lines", Texts{"X-B: \xc3\xa4"}}}})};
}

std::string filtered(const Pieces& pieces, std::size_t room) {
  static const auto kinds = filters();
  return fuzz::filtered(kinds, pool(), pieces, room);
}

std::string edited(std::string_view text, std::string_view value, std::size_t room) {
  HeaderEditor editor({{HeaderEdit::What::prefix, "Subject", std::string(value)},
                       {HeaderEdit::What::replace, "X-Verdict", std::string(value)},
                       {HeaderEdit::What::remove, "Received", "", -1}},
                      pool());
  ByteChain in(pool(), text);
  ByteChain out;
  while (editor.step(in, true, out, room) == HeaderEditor::Progress::need_room) continue;
  return out.to_string();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  std::minstd_rand random(input.octet() * 256U + input.octet());
  const std::size_t room = 1U + input.octet();
  const std::size_t cut = input.octet();
  const std::string_view text = input.rest();

  const std::string plain = test::naive_canonical(text);
  require(canonical(pop3::test::random_pieces(random, text)) == plain);
  require(canonical({text}) == plain);
  require(canonical({plain}) == plain);

  const std::string once = filtered({plain}, 1U << 20U);
  require(filtered(pop3::test::random_pieces(random, plain), room) == once);
  require(test::naive_canonical(once) == once);

  const std::string marked = edited(plain, text.substr(0, cut), room);
  require(test::naive_canonical(marked) == marked);
  const test::NaiveMessage before = test::naive_split(plain);
  const test::NaiveMessage after = test::naive_split(marked);
  require(after.rest == before.rest);
  require(after.fields.size() <= before.fields.size() + 2);
  for (const std::string& field : before.fields) {
    const std::string_view name = parse_field(field).name;
    const bool touched =
        same_name(name, "Subject") || same_name(name, "X-Verdict") || same_name(name, "Received");
    require(touched || std::ranges::find(after.fields, field) != after.fields.end());
  }

  HeaderReader whole;
  HeaderReader chopped;
  whole.feed(ByteChain(pool(), plain));
  for (const std::string_view piece : pop3::test::random_pieces(random, plain)) {
    chopped.feed(ByteChain(pool(), piece));
  }
  whole.end();
  chopped.end();
  require(whole.facts().subject == chopped.facts().subject);
  require(whole.facts().partial == chopped.facts().partial);
  require(whole.facts().too_large == chopped.facts().too_large);
  return 0;
}
