#include "proxy/http/server_connection.h"

#include <fmt/format.h>

#include <utility>

namespace gatepost::http {

/// The way from what answers to the connection, for as long as there is one.
struct StreamLink {
  ServerConnection* connection;  // null: it is gone, or all has been said
  std::move_only_function<void()> gone;
};

Stream::Stream(std::shared_ptr<StreamLink> link) : link_(std::move(link)) {}
Stream::Stream(Stream&& other) noexcept = default;
Stream& Stream::operator=(Stream&& other) noexcept {
  std::swap(link_, other.link_);
  return *this;
}
Stream::~Stream() {
  if (open()) link_->connection->end_stream();
}
bool Stream::open() const { return link_ && link_->connection != nullptr; }
bool Stream::send(std::string_view piece) { return open() && link_->connection->send_piece(piece); }
void Stream::on_gone(std::move_only_function<void()> gone) {
  if (open()) link_->gone = std::move(gone);
}

Responder::Responder(std::shared_ptr<StreamLink> link) : link_(std::move(link)) {}
Responder::Responder(Responder&& other) noexcept = default;
Responder& Responder::operator=(Responder&& other) noexcept {
  std::swap(link_, other.link_);
  return *this;
}
Responder::~Responder() {
  if (open()) answer(plain_status(500));
}
bool Responder::open() const { return link_ && link_->connection != nullptr; }
void Responder::answer(const Response& response) {
  // Taken out first: the next request may come in during the call, and we may move meanwhile.
  const auto link = std::exchange(link_, nullptr);
  if (link && link->connection != nullptr) link->connection->answer(response);
}
Stream Responder::stream(const Response& head) {
  const auto link = std::exchange(link_, nullptr);
  return link && link->connection != nullptr ? link->connection->begin_stream(head) : Stream();
}

ServerConnection::ServerConnection(std::unique_ptr<net::Transport> transport, BlockPool& pool,
                                   Handler handler)
    : transport_(std::move(transport)), pool_(pool), handler_(std::move(handler)) {
  transport_->set_observer(this);
  pump();
}

ServerConnection::~ServerConnection() {
  transport_->set_observer(nullptr);
  let_go();
}

bool ServerConnection::finished() const {
  const auto& end = transport_->end();
  if (!closing_ || !end) return false;
  return transport_->unsent() == 0 || end->code != ErrorCode::closed;
}

void ServerConnection::shut_down() {
  close(net::CloseMode::flush);
  transport_->settle();
}

void ServerConnection::wind_up() {
  winding_up_ = true;
  keep_alive_ = false;
  const bool waits = !owed_ && requests_ > 0 && transport_->received().empty();
  if (waits) shut_down();
}

void ServerConnection::on_activity() { pump(); }

void ServerConnection::pump() {
  if (pumping_) return;
  pumping_ = true;
  for (;;) {
    const Progress progress = serve();
    const bool news = transport_->settle();
    look_at_end();
    if (closing_) break;
    // What was full may have room after settle(), and nobody would tell us again.
    const bool room = progress == Progress::full && transport_->unsent() < kMaxUnsent;
    if (!news && !room) break;
  }
  pumping_ = false;
}

ServerConnection::Progress ServerConnection::serve() {
  while (!closing_ && !owed_) {
    if (transport_->unsent() >= kMaxUnsent) return Progress::full;
    switch (reader_.next(transport_->received())) {
      case RequestReader::Event::need_data:
        // A client may end its direction and still read our answers.
        if (const auto& end = transport_->end()) {
          close(end->code == ErrorCode::closed ? net::CloseMode::flush : net::CloseMode::abort);
        }
        return Progress::idle;
      case RequestReader::Event::request:
        hand_on(reader_.request());
        break;
      case RequestReader::Event::refused:
        refuse(reader_.status());
        break;
    }
  }
  return Progress::idle;
}

void ServerConnection::hand_on(const Request& request) {
  ++requests_;
  head_only_ = request.method == "HEAD";
  keep_alive_ = request.keep_alive && !winding_up_ && requests_ < kMaxRequests;
  chunks_ = request.chunks;
  owed_ = std::make_shared<StreamLink>(this);
  handler_(request, Responder(owed_));
}

/// Of a client that waits for an answer. Who is sent events, and ends its direction, wants no more.
void ServerConnection::look_at_end() {
  const auto& end = transport_->end();
  if (!owed_ || closing_ || !end || (!streaming_ && end->code == ErrorCode::closed)) return;
  close(net::CloseMode::abort);
  let_go();
}

void ServerConnection::answer(const Response& response) {
  owed_->connection = nullptr;
  owed_.reset();
  transport_->send(ByteChain(pool_, wire(response, head_only_, keep_alive_)));
  if (!keep_alive_) close(net::CloseMode::flush);
  pump();
}

Stream ServerConnection::begin_stream(const Response& head) {
  transport_->send(ByteChain(pool_, stream_head(head, chunks_)));
  if (head_only_) {
    owed_->connection = nullptr;
    owed_.reset();
    close(net::CloseMode::flush);
    pump();
    return {};
  }
  streaming_ = true;
  Stream stream(owed_);
  pump();
  return stream;
}

bool ServerConnection::send_piece(std::string_view piece) {
  if (piece.empty()) return true;  // an empty chunk would be the last one
  if (transport_->unsent() + piece.size() > Stream::kMaxUnsent) return false;
  ByteChain bytes;
  if (chunks_) bytes.append(pool_, fmt::format("{:x}\r\n", piece.size()));
  bytes.append(pool_, piece);
  if (chunks_) bytes.append(pool_, "\r\n");
  transport_->send(std::move(bytes));
  pump();
  return true;
}

void ServerConnection::end_stream() {
  owed_->connection = nullptr;
  owed_.reset();
  streaming_ = false;
  if (chunks_) transport_->send(ByteChain(pool_, "0\r\n\r\n"));
  close(net::CloseMode::flush);
  pump();
}

/// Whoever owes an answer need not give it any more.
void ServerConnection::let_go() {
  const auto owed = std::exchange(owed_, nullptr);
  streaming_ = false;
  if (!owed) return;
  owed->connection = nullptr;
  if (auto gone = std::exchange(owed->gone, nullptr)) gone();
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
