#include "filters/scan/icap_codec.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "filters/scan/mail_origin.h"
#include "proxy/pop3/sasl.h"

namespace gatepost::filters {

namespace {

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(at);
    parts.push_back(trim(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// The path of a made-up URL: all but letters and digits encoded, not long.
std::string url_word(std::string_view text) {
  constexpr std::size_t kMost = 200;
  std::string out;
  for (const char c : text.substr(0, kMost)) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out.empty() ? "message" : out;
}

std::string start_of(const char* method, const IcapRequest& request) {
  std::string_view service = request.service;
  while (service.starts_with('/')) service.remove_prefix(1);
  return fmt::format("{0} icap://{1}/{2} ICAP/1.0\r\nHost: {1}\r\nUser-Agent: Gatepost\r\n", method,
                     request.host, service);
}

}  // namespace

IcapReader::Event IcapReader::next(ByteChain& in) {
  switch (state_) {
    case State::head:
      switch (reader_.next(in)) {
        case http::HeadReader::Event::need_data:
          return Event::need_data;
        case http::HeadReader::Event::refused:
          return refuse("malformed or too large a header");
        case http::HeadReader::Event::head:
          break;
      }
      if (const Event event = on_head(); event != Event::need_data) return event;
      return on_http_head(in);
    case State::http_head:
      return on_http_head(in);
    case State::told_head:
      state_ = has_body_ ? State::body : State::whole;
      return next(in);
    case State::body:
      switch (chunks_.next(in, body_)) {
        case http::ChunkDecoder::Event::need_data:
          return Event::need_data;
        case http::ChunkDecoder::Event::data:
          return Event::body;
        case http::ChunkDecoder::Event::refused:
          return refuse("malformed chunks");
        case http::ChunkDecoder::Event::end:
          state_ = State::whole;
          return Event::end;
      }
      std::unreachable();
    case State::whole:
      return Event::end;
    case State::refused:
      return Event::refused;
  }
  std::unreachable();
}

/// `need_data`: an encapsulated head follows.
IcapReader::Event IcapReader::on_head() {
  head_ = std::move(reader_.head());
  reader_ = http::HeadReader('\n');
  const auto line = http::StatusLine::parse(head_.first_line, "ICAP");
  if (!line || line->minor != 0) return refuse("not a status line of ICAP/1.0");
  line_ = *line;
  if (!read_encapsulated()) return refuse("malformed Encapsulated");
  if (line_.status < 200) {
    if (line_.status != 100 || http_size_ > 0 || has_body_) return refuse("odd interim response");
    return Event::interim;
  }
  if (http_size_ > 0) {
    state_ = State::http_head;
    return Event::need_data;
  }
  state_ = State::told_head;
  return Event::head;
}

/// RFC 3507 section 4.4.1: "res-hdr=0, res-body=213". A response to RESPMOD has nothing else.
bool IcapReader::read_encapsulated() {
  http_size_ = 0;
  has_body_ = false;
  if (head_.count("Encapsulated") == 0) return true;
  const auto field = head_.only("Encapsulated");
  if (!field) return false;
  std::vector<std::pair<std::string_view, std::uint64_t>> parts;
  for (const std::string_view part : split(*field, ',')) {
    const auto equals = part.find('=');
    if (equals == std::string_view::npos) return false;
    const auto offset = http::parse_number(part.substr(equals + 1));
    if (!offset || *offset > http::HeadReader::kMaxHeader) return false;
    parts.emplace_back(part.substr(0, equals), *offset);
  }
  const auto& [body, offset] = parts.back();
  if (body == "res-body" || body == "opt-body") {
    has_body_ = true;
  } else if (body != "null-body") {
    return false;
  }
  if (parts.size() == 1) return offset == 0;
  http_size_ = offset;
  return parts.size() == 2 && parts.front() == std::pair(std::string_view("res-hdr"), 0UL) &&
         offset > 0;
}

IcapReader::Event IcapReader::on_http_head(ByteChain& in) {
  // Not an octet more than was announced: what follows is the body's.
  const auto room =
      static_cast<std::size_t>(std::min<std::uint64_t>(in.size(), http_size_ - http_read_));
  ByteChain part = in.take(room);
  http_read_ += room;
  switch (http_reader_.next(part)) {
    case http::HeadReader::Event::need_data:
      return http_read_ < http_size_ ? Event::need_data
                                     : refuse("the encapsulated head is no head");
    case http::HeadReader::Event::refused:
      return refuse("malformed encapsulated head");
    case http::HeadReader::Event::head:
      break;
  }
  if (!part.empty() || http_read_ != http_size_) return refuse("Encapsulated tells a wrong place");
  const auto line = http::StatusLine::parse(http_reader_.head().first_line, "HTTP");
  if (!line) return refuse("the encapsulated head is no response");
  http_line_ = *line;
  http_head_ = std::move(http_reader_.head());
  state_ = State::told_head;
  return Event::head;
}

IcapReader::Event IcapReader::refuse(std::string_view why) {
  state_ = State::refused;
  problem_ = why;
  return Event::refused;
}

Result<IcapOptions> IcapOptions::of(int status, const http::Head& head) {
  if (status != 200) return fail(ErrorCode::protocol, "OPTIONS: " + head.first_line);
  if (!head.lists("Methods", "RESPMOD")) {
    return fail(ErrorCode::protocol, "OPTIONS: the service does not do RESPMOD");
  }
  IcapOptions options;
  const auto tag = head.only("ISTag");
  if (!tag || tag->empty() || tag->size() > kMaxTag) {
    return fail(ErrorCode::protocol, "OPTIONS: no ISTag");
  }
  options.tag = *tag;
  const auto number = [&head](std::string_view name) {
    const auto text = head.only(name);
    return text ? http::parse_number(*text) : std::nullopt;
  };
  // Messages are "eml" to it. "Ignore" is not for us: a message that nobody has seen is not clean.
  const bool whole = head.lists("Transfer-Complete", "eml") || head.lists("Transfer-Ignore", "eml");
  const bool previewed = head.lists("Transfer-Preview", "eml");
  const bool others_whole =
      head.lists("Transfer-Complete", "*") || head.lists("Transfer-Ignore", "*");
  if (const auto preview = number("Preview"); preview && !whole && (previewed || !others_whole)) {
    options.preview = static_cast<std::size_t>(std::min<std::uint64_t>(*preview, kMaxPreview));
  }
  options.max_connections = static_cast<std::size_t>(number("Max-Connections").value_or(0));
  if (const auto seconds = number("Options-TTL")) {
    const auto most = static_cast<std::uint64_t>(kMaxAge.count() / 1000);
    options.good_for = Duration(std::min(*seconds, most) * 1000);
  }
  return options;
}

std::optional<Verdict> icap_threat(const http::Head& head) {
  constexpr std::string_view kNameless = "a threat without a name";
  const auto named = [&](Cause cause, std::string_view name) {
    return Verdict::of(cause, name.empty() ? kNameless : name);
  };
  // "Type=0; Resolution=2; Threat=NAME;". Type 2: it could not be looked into.
  if (const auto found = head.first("X-Infection-Found")) {
    std::string_view name;
    Cause cause = Cause::infected;
    for (const std::string_view part : split(*found, ';')) {
      if (part.starts_with("Threat=")) name = part.substr(7);
      if (part == "Type=2") cause = Cause::unscannable;
    }
    return named(cause, name);
  }
  if (const auto name = head.first("X-Virus-ID")) return named(Cause::infected, *name);
  // In lines: how many; then of each the file, the threat, a number, what was done.
  if (const auto found = head.first("X-Violations-Found"); found && *found != "0") {
    const auto lines = split(*found, '\n');
    return named(Cause::infected, lines.size() > 2 ? lines[2] : std::string_view());
  }
  for (const char* const field : {"X-Blocked-Reason", "X-Block-Reason"}) {
    if (const auto reason = head.first(field)) return named(Cause::infected, *reason);
  }
  return std::nullopt;
}

std::string icap_options_request(const IcapRequest& request) {
  return start_of("OPTIONS", request) + "Encapsulated: null-body=0\r\n\r\n";
}

std::string icap_respmod_head(const IcapRequest& request) {
  const std::string get = fmt::format(
      "GET http://pop3.invalid/{}/{}.eml HTTP/1.1\r\n"
      "Host: pop3.invalid\r\n\r\n",
      url_word(request.user), url_word(request.number));
  const std::string answer = fmt::format(
      "HTTP/1.1 200 OK\r\nContent-Type: message/rfc822\r\n"
      "Content-Length: {}\r\n\r\n",
      request.size);
  std::string head = start_of("RESPMOD", request) + "Allow: 204\r\n";
  if (request.preview) head += fmt::format("Preview: {}\r\n", *request.preview);
  if (is_header_word(request.client)) head += fmt::format("X-Client-IP: {}\r\n", request.client);
  if (is_header_word(request.user)) {
    head +=
        fmt::format("X-Authenticated-User: {}\r\n", pop3::base64_encode("Local://" + request.user));
  }
  head += fmt::format("Encapsulated: req-hdr=0, res-hdr={}, res-body={}\r\n\r\n", get.size(),
                      get.size() + answer.size());
  return head + get + answer;
}

}  // namespace gatepost::filters
