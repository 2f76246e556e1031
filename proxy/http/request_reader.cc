#include "proxy/http/request_reader.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

namespace gatepost::http {
namespace {

namespace beast = boost::beast::http;

std::string to_std(boost::beast::string_view text) { return {text.data(), text.size()}; }

std::uint16_t status_of(const boost::beast::error_code& error) {
  if (error == beast::error::header_limit) return 431;
  if (error == beast::error::body_limit) return 413;
  if (error == beast::error::bad_version) return 505;
  return 400;
}

/// Splits an origin-form or absolute-form target (RFC 9112 section 3.2); others stay whole.
void split_target(Request& request) {
  std::string_view rest = request.target;
  if (!rest.starts_with('/')) {
    const auto authority = rest.find("://");
    if (authority != std::string_view::npos) {
      const auto path = rest.find_first_of("/?", authority + 3);
      rest = path == std::string_view::npos ? std::string_view("/") : rest.substr(path);
    }
  }
  const auto mark = rest.find('?');
  request.path = rest.substr(0, mark);
  if (request.path.empty()) request.path = "/";
  request.query = mark == std::string_view::npos ? std::string_view() : rest.substr(mark + 1);
}

}  // namespace

class RequestReader::Impl {
 public:
  Event next(ByteChain& in);

  Request request;
  std::uint16_t status = 0;

 private:
  using Parser = beast::request_parser<beast::string_body>;

  void fill(ByteChain& in);
  void skip_empty_lines();
  void start_request();
  Event refuse(std::uint16_t why) {
    status = why;
    return Event::refused;
  }
  /// 0, or why the header is refused although it is well formed.
  [[nodiscard]] std::uint16_t check_header() const;
  void take_request();
  [[nodiscard]] bool waits_for_last_chunk() const;

  // Unparsed bytes, flat: the parser wants a header in one piece. At most kMaxHeader.
  std::string pending_;
  std::size_t parsed_ = 0;  // octets of the present request that the parser has taken
  std::optional<Parser> parser_;
};

RequestReader::Event RequestReader::Impl::next(ByteChain& in) {
  if (status != 0) return Event::refused;
  for (;;) {
    fill(in);
    if (!parser_) {
      skip_empty_lines();
      if ((pending_.empty() || pending_ == "\r") && !in.empty()) continue;
      if (pending_.empty() || pending_ == "\r") return Event::need_data;
      start_request();
    }
    if (pending_.empty() || waits_for_last_chunk()) return Event::need_data;
    boost::beast::error_code error;
    const std::size_t n = parser_->put(boost::asio::buffer(pending_), error);
    pending_.erase(0, n);
    parsed_ += n;
    const bool stuck = error == beast::error::need_more;
    if (error && !stuck) return refuse(status_of(error));
    if (parser_->is_header_done()) {
      if (const auto why = check_header(); why != 0) return refuse(why);
    } else if (parsed_ + pending_.size() >= kMaxHeader) {
      return refuse(431);
    }
    if (parser_->is_done()) {
      take_request();
      return Event::request;
    }
    if (parsed_ > kMaxRequest) return refuse(413);
    if (stuck && pending_.size() >= kMaxHeader) return refuse(431);
    if (in.empty() && stuck) return Event::need_data;
  }
}

void RequestReader::Impl::fill(ByteChain& in) {
  // A copy: headers are parsed flat, and bodies here are small.
  const bool in_body = parser_ && parser_->is_header_done();
  const std::size_t most = in_body ? kMaxHeader : kMaxHeader - parsed_;
  while (!in.empty() && pending_.size() < most) {
    const std::string_view piece = in.front().substr(0, most - pending_.size());
    pending_.append(piece);
    in.consume(piece.size());
  }
}

void RequestReader::Impl::skip_empty_lines() {
  // RFC 9112 section 2.2: old clients send a stray line end behind a body.
  std::size_t n = 0;
  while (std::string_view(pending_).substr(n).starts_with("\r\n")) n += 2;
  pending_.erase(0, n);
}

void RequestReader::Impl::start_request() {
  parser_.emplace();
  parser_->eager(true);
  parser_->header_limit(kMaxHeader);
  parser_->body_limit(kMaxBody);
}

std::uint16_t RequestReader::Impl::check_header() const {
  const auto& message = parser_->get();
  const auto codings = message.count(beast::field::transfer_encoding);
  if (codings > 0) {
    // Only "chunked" alone tells where the body ends without a doubt (RFC 9112 section 6.3).
    const auto coding = message[beast::field::transfer_encoding];
    if (message.version() < 11) return 400;
    if (codings > 1 || !boost::beast::iequals(coding, "chunked")) return 501;
  }
  const auto hosts = message.count(beast::field::host);
  if (hosts > 1 || (hosts == 0 && message.version() >= 11)) return 400;
  return 0;
}

/// The parser asserts that a last chunk which it saw the beginning of has all of "0 CRLF CRLF" when
/// it looks again. No body of chunks is complete without these octets, so waiting for them loses
/// nothing.
bool RequestReader::Impl::waits_for_last_chunk() const {
  constexpr std::size_t kLastChunk = 5;
  return parser_->is_header_done() && parser_->chunked() && pending_.size() < kLastChunk;
}

void RequestReader::Impl::take_request() {
  const auto& message = parser_->get();
  request = Request{};
  request.method = to_std(message.method_string());
  request.target = to_std(message.target());
  request.keep_alive = parser_->keep_alive();
  request.chunks = message.version() >= 11;
  for (const auto& field : message) {
    request.headers.emplace_back(to_std(field.name_string()), to_std(field.value()));
  }
  request.body = std::move(parser_->get().body());
  split_target(request);
  parser_.reset();
  parsed_ = 0;
  if (pending_.empty()) pending_ = std::string();  // an idle connection holds no memory
}

RequestReader::RequestReader() : impl_(std::make_unique<Impl>()) {}
RequestReader::~RequestReader() = default;
RequestReader::RequestReader(RequestReader&&) noexcept = default;
RequestReader& RequestReader::operator=(RequestReader&&) noexcept = default;

RequestReader::Event RequestReader::next(ByteChain& in) { return impl_->next(in); }
const Request& RequestReader::request() const { return impl_->request; }
std::uint16_t RequestReader::status() const { return impl_->status; }

}  // namespace gatepost::http
