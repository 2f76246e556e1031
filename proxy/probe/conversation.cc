#include "proxy/probe/conversation.h"

#include <algorithm>
#include <utility>

namespace gatepost::probe {

namespace {

constexpr Duration kKeepNames = std::chrono::hours{1};  // longer than any probe

std::vector<std::string> lines_of(std::string_view body) {
  std::vector<std::string> lines;
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('\n'), body.size());
    std::string_view line = body.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.emplace_back(line);
    body.remove_prefix(std::min(end + 1, body.size()));
  }
  return lines;
}

}  // namespace

Network::Network(Duration step, Duration whole)
    : resolver_(loop_, kKeepNames),
      connector_(loop_, pool_, resolver_),
      step_(step),
      end_(loop_.now() + whole) {}

Duration Network::time_left() const {
  return std::clamp(end_ - loop_.now(), Duration::zero(), step_);
}

bool Network::wait(const std::function<bool()>& ready, Duration limit) {
  bool expired = false;
  const auto timer = loop_.make_timer([this, &expired] {
    expired = true;
    loop_.stop();
  });
  timer->start(std::min(time_left(), limit));
  while (!ready()) {
    if (expired) return false;
    loop_.run();
  }
  return true;
}

Result<std::vector<IpAddress>> Network::resolve(const std::string& host) {
  if (auto known = resolver_.known(host)) return *std::move(known);
  std::optional<Result<std::vector<IpAddress>>> answer;
  auto lookup = resolver_.resolve(host, [this, &answer](auto found) {
    answer = std::move(found);
    loop_.stop();
  });
  if (!lookup) return std::unexpected(lookup.error());
  const bool in_time = wait([&answer] { return answer.has_value(); });
  if (!in_time) return fail(ErrorCode::timeout, host + ": the name was not found in time");
  return *std::move(answer);
}

Result<std::unique_ptr<net::Transport>> Network::connect(const Endpoint& target) {
  std::optional<Result<std::unique_ptr<net::Transport>>> answer;
  // The connector's own deadline comes first: its words are better.
  const Duration limit = time_left() - std::min(time_left(), Duration{50});
  const Ticket connecting =
      connector_.connect(target, std::max(limit, Duration{1}), [this, &answer](auto transport) {
        answer = std::move(transport);
        loop_.stop();
      });
  const bool in_time = wait([&answer] { return answer.has_value(); });
  if (!in_time) return fail(ErrorCode::timeout, target.to_string() + ": no answer");
  return *std::move(answer);
}

Result<std::unique_ptr<Conversation>> Conversation::open(Network& network, const Endpoint& target) {
  auto transport = network.connect(target);
  if (!transport) return std::unexpected(transport.error());
  return std::unique_ptr<Conversation>(new Conversation(network, std::move(*transport)));
}

Conversation::Conversation(Network& network, std::unique_ptr<net::Transport> transport)
    : network_(network) {
  adopt(std::move(transport));
}

Conversation::~Conversation() = default;

void Conversation::adopt(std::unique_ptr<net::Transport> transport) {
  transport_ = std::move(transport);
  transport_->set_observer(this);
}

Result<void> Conversation::start_tls(const net::TlsLayer& layer) {
  auto wrapped = layer.wrap(std::move(transport_), network_.pool());
  if (!wrapped) {
    transport_->set_observer(this);
    return std::unexpected(wrapped.error());
  }
  adopt(std::move(*wrapped));
  const bool in_time = network_.wait([this] {
    while (transport_->settle()) {
    }
    return transport_->established() || transport_->end().has_value();
  });
  if (transport_->established()) return {};
  if (!in_time) return fail(ErrorCode::timeout, "no answer to the TLS handshake");
  return std::unexpected(*transport_->end());
}

void Conversation::send(std::string_view text) {
  transport_->send(ByteChain(network_.pool(), text));
  while (transport_->settle()) {
  }
}

/// The reply that is complete now, or what makes it impossible.
std::optional<Result<Reply>> Conversation::read(Reply& reply, std::string& body) {
  using Event = pop3::ClientCodec::Event;
  while (true) {
    switch (codec_.next(transport_->received())) {
      case Event::need_data:
        return std::nullopt;
      case Event::status:
        reply.status = codec_.status();
        if (!codec_.mid_reply()) return std::move(reply);
        break;
      case Event::body_data:
        body += codec_.take_body().to_string();
        if (body.size() > kMaxBody) return fail(ErrorCode::limit, "the reply is too long");
        break;
      case Event::body_end:
        reply.lines = lines_of(body);
        return std::move(reply);
      case Event::continuation:
      case Event::protocol_error:
        return fail(ErrorCode::protocol, "this is not POP3: " + codec_.error());
    }
  }
}

Result<Reply> Conversation::reply(pop3::ReplyShape shape) {
  codec_.expect({.shape = shape, .form = pop3::DotDecoder::Form::unstuffed});
  Reply reply;
  std::string body;
  std::optional<Result<Reply>> outcome;
  const bool in_time = network_.wait([&] {
    do {
      outcome = read(reply, body);
    } while (!outcome && transport_->settle());
    return outcome.has_value() || transport_->end().has_value();
  });
  if (outcome) return *std::move(outcome);
  if (!in_time) return fail(ErrorCode::timeout, "no answer in time");
  return std::unexpected(*transport_->end());
}

Result<Reply> Conversation::ask(std::string_view command, pop3::ReplyShape shape) {
  send(std::string(command) + "\r\n");
  return reply(shape);
}

bool Conversation::says_more(Duration limit) {
  static_cast<void>(network_.wait(
      [this] {
        while (transport_->received().empty() && transport_->settle()) {
        }
        return !transport_->received().empty() || transport_->end().has_value();
      },
      limit));
  return !transport_->received().empty();
}

}  // namespace gatepost::probe
