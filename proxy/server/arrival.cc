#include "proxy/server/arrival.h"

#include <utility>

namespace gatepost::server {

net::ClientFacts facts_of(const net::Transport& client) {
  net::ClientFacts facts;
  facts.address = client.peer();
  facts.local = client.local();
  return facts;
}

std::string_view to_string(Arrival::Outcome outcome) {
  switch (outcome) {
    case Arrival::Outcome::arrived:
      return "arrived";
    case Arrival::Outcome::untrusted:
      return "untrusted";
    case Arrival::Outcome::malformed:
      return "malformed";
    case Arrival::Outcome::timeout:
      return "timeout";
    case Arrival::Outcome::closed:
      return "closed";
    case Arrival::Outcome::count_:
      break;
  }
  return "";
}

Arrival::Arrival(TimerService& timers, std::unique_ptr<net::Transport> client,
                 const std::vector<IpNetwork>& trusted, Duration limit, Owner& owner)
    : owner_(owner),
      client_(std::move(client)),
      peer_(client_->peer()),
      facts_(facts_of(*client_)),
      timer_(timers.make_timer([this] { timer_expired(); })) {
  if (!peer_.unix_socket && !any_contains(trusted, peer_.ip)) {
    decide(Outcome::untrusted, "the peer is not in trusted_networks");
    return;
  }
  client_->set_observer(this);
  timer_->start(limit);
  read();
}

void Arrival::read() {
  bool more = true;
  while (more) {
    switch (reader_.next(client_->received())) {
      case net::ProxyHeaderReader::Outcome::header:
        reader_.apply(facts_);
        return decide(Outcome::arrived, "");
      case net::ProxyHeaderReader::Outcome::error:
        return decide(Outcome::malformed, reader_.error());
      case net::ProxyHeaderReader::Outcome::need_data:
        break;
    }
    if (client_->end()) return decide(Outcome::closed, client_->end()->detail);
    more = client_->settle();
  }
}

void Arrival::decide(Outcome outcome, std::string problem) {
  outcome_ = outcome;
  problem_ = std::move(problem);
  client_->set_observer(nullptr);
  if (outcome != Outcome::arrived) client_->close(net::CloseMode::abort);
  // Not from here: we may be inside the transport, which the owner is to take or to destroy.
  timer_->start(Duration(0));
}

void Arrival::timer_expired() {
  if (!outcome_) decide(Outcome::timeout, "no PROXY header in time");
  timer_->stop();
  owner_.on_arrival_finished(*this);  // destroys this, if it likes
}

}  // namespace gatepost::server
