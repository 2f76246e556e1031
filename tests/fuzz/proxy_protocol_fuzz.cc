// A PROXY header gives the same facts however it is chopped; what follows it stays; and what was
// read can be written and read again. The first two octets choose the chopping.

#include "proxy/net/proxy_protocol.h"

#include <algorithm>

#include "tests/fuzz/fuzz.h"
#include "tests/unit/pop3/chop.h"

using gatepost::ByteChain;
using gatepost::fuzz::require;
using namespace gatepost::net;
using gatepost::pop3::test::Pieces;
using Outcome = ProxyHeaderReader::Outcome;

namespace {

struct Read {
  Outcome outcome = Outcome::need_data;
  std::size_t left = 0;  // octets that follow the header
  ClientFacts facts;
  std::string error;
};

Read read(const Pieces& pieces) {
  static gatepost::pop3::test::Source source;
  ProxyHeaderReader reader;
  Read result;
  ByteChain in;
  for (const std::string_view piece : pieces) {
    in.append(source.chain(piece));
    result.outcome = reader.next(in);
    require(result.outcome != Outcome::need_data || in.empty());
  }
  require((result.outcome == Outcome::error) != reader.error().empty());
  reader.apply(result.facts);
  result.left = in.size();
  result.error = reader.error();
  return result;
}

bool same(const ClientFacts& a, const ClientFacts& b) {
  return a.address.to_string() == b.address.to_string() &&
         a.local.to_string() == b.local.to_string() && a.secure == b.secure &&
         a.tls_version == b.tls_version && a.tls_cipher == b.tls_cipher &&
         a.server_name == b.server_name && a.certificate == b.certificate &&
         a.session_id == b.session_id;
}

bool is_zero(const gatepost::IpAddress& ip) {
  return std::ranges::all_of(ip.bytes(), [](auto octet) { return octet == 0; });
}

void check_facts(const ClientFacts& facts) {
  const auto printable = [](char c) { return c >= ' ' && c < 0x7f; };
  for (const std::string& text : {facts.tls_version, facts.tls_cipher, facts.server_name,
                                  facts.certificate, facts.session_id}) {
    require(text.size() < 1024 && std::ranges::all_of(text, printable));
  }
  // 0 means unknown to the writer; of mapped and other IPv6 zeros it cannot say which it was.
  if (is_zero(facts.address.ip) || is_zero(facts.local.ip)) return;
  require(same(read({proxy_header_v2(facts)}).facts, facts));
  const ClientFacts v1 = read({proxy_header_v1(facts)}).facts;
  require(v1.address.to_string() == facts.address.to_string() &&
          v1.local.to_string() == facts.local.to_string());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gatepost::fuzz::Input input(data, size);
  const unsigned high = input.octet();
  std::minstd_rand random(high * 256U + input.octet());
  const Read whole = read({input.rest()});
  const Read cut = read(gatepost::pop3::test::random_pieces(random, input.rest()));
  require(cut.outcome == whole.outcome && cut.error == whole.error);
  require(whole.outcome != Outcome::header || cut.left == whole.left);
  require(same(cut.facts, whole.facts));
  if (whole.outcome == Outcome::header) check_facts(whole.facts);
  return 0;
}
