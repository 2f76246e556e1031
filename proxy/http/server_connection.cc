#include "proxy/http/server_connection.h"

#include <utility>

namespace gatepost::http {

ServerConnection::ServerConnection(std::unique_ptr<net::Transport> transport, BlockPool& pool,
                                   Handler handler)
    : transport_(std::move(transport)), pool_(pool), handler_(std::move(handler)) {
  transport_->set_observer(this);
  pump();
}

ServerConnection::~ServerConnection() { transport_->set_observer(nullptr); }

bool ServerConnection::finished() const {
  const auto& end = transport_->end();
  if (!closing_ || !end) return false;
  return transport_->unsent() == 0 || end->code != ErrorCode::closed;
}

void ServerConnection::shut_down() {
  close(net::CloseMode::flush);
  transport_->settle();
}

void ServerConnection::on_activity() { pump(); }

void ServerConnection::pump() {
  for (;;) {
    const Progress progress = serve();
    const bool news = transport_->settle();
    if (closing_) return;
    // What was full may have room after settle(), and nobody would tell us again.
    const bool room = progress == Progress::full && transport_->unsent() < kMaxUnsent;
    if (!news && !room) return;
  }
}

ServerConnection::Progress ServerConnection::serve() {
  while (!closing_) {
    if (transport_->unsent() >= kMaxUnsent) return Progress::full;
    switch (reader_.next(transport_->received())) {
      case RequestReader::Event::need_data:
        // A client may end its direction and still read our answers.
        if (const auto& end = transport_->end()) {
          close(end->code == ErrorCode::closed ? net::CloseMode::flush : net::CloseMode::abort);
        }
        return Progress::idle;
      case RequestReader::Event::request:
        answer(reader_.request());
        break;
      case RequestReader::Event::refused:
        refuse(reader_.status());
        break;
    }
  }
  return Progress::idle;
}

void ServerConnection::answer(const Request& request) {
  ++requests_;
  const bool keep_alive = request.keep_alive && requests_ < kMaxRequests;
  const Response response = handler_(request);
  transport_->send(ByteChain(pool_, wire(response, request.method == "HEAD", keep_alive)));
  if (!keep_alive) close(net::CloseMode::flush);
}

void ServerConnection::refuse(std::uint16_t status) {
  transport_->send(ByteChain(pool_, wire(plain_status(status), false, false)));
  close(net::CloseMode::flush);
}

void ServerConnection::close(net::CloseMode mode) {
  if (closing_) return;
  closing_ = true;
  transport_->close(mode);
}

}  // namespace gatepost::http
