#include "proxy/tls/transport.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

#include "proxy/base/secret.h"
#include "proxy/tls/failure_reason.h"
#include "proxy/tls/loaded_identity.h"
#include "proxy/tls/pem.h"

namespace gatepost::tls {

TlsTransport::TlsTransport(std::unique_ptr<net::Transport> inner, bssl::UniquePtr<SSL> ssl,
                           BlockPool& pool, std::size_t receive_limit, std::string expected_name)
    : inner_(std::move(inner)),
      pipe_{*inner_, pool},
      ssl_(std::move(ssl)),
      receive_limit_(receive_limit),
      expected_name_(std::move(expected_name)) {
  bssl::UniquePtr<BIO> bio = make_bio(pipe_);
  BIO_up_ref(bio.get());
  SSL_set0_rbio(ssl_.get(), bio.get());
  SSL_set0_wbio(ssl_.get(), bio.release());
  inner_->set_observer(this);
}

TlsTransport::~TlsTransport() {
  inner_->set_observer(nullptr);
  received_.wipe(received_.size());
}

void TlsTransport::send(ByteChain&& bytes) {
  assert(state_ != State::closed);
  if (state_ == State::broken) {
    bytes.clear();
    return;
  }
  queued_.append(std::move(bytes));
}

std::size_t TlsTransport::unsent() const {
  return queued_.size() + pipe_.made.size() + inner_->unsent();
}

bool TlsTransport::settle() {
  bool changed = step();
  // What inner_ reads or writes meanwhile may let more be decrypted or encrypted.
  while (inner_->settle() || may_encrypt(kMaxUnsentRecords)) changed |= step();
  settled_ = true;
  last_unsent_ = unsent();
  return changed;
}

void TlsTransport::on_activity() {
  const bool room = unsent() < last_unsent_;
  bool changed = step() || room;
  last_unsent_ = unsent();
  // An owner who is told settles at the end of its turn, so that what it says leaves in one write
  // with the session tickets. Until then the handshake goes on by itself, and an alert must leave
  // before the owner sees the end.
  if (!changed || state_ != State::open) changed |= settle();
  while (changed && observer_ != nullptr) {
    observer_->on_activity();
    changed = !settled_ && settle();
  }
}

/// Does everything possible with what is there. Returns whether the owner has something to see.
bool TlsTransport::step() {
  bool changed = false;
  if (state_ == State::handshaking) changed |= handshake();
  if (state_ == State::open) {
    changed |= decrypt();
    encrypt(kMaxUnsentRecords);
    changed |= peer_gone_altogether();
  } else if (!end_ && state_ == State::closed && inner_->end()) {
    end_ = inner_->end();
    changed = true;
  }
  hand_down();
  return changed;
}

/// A peer that had ended only its direction may break the connection while we still send.
bool TlsTransport::peer_gone_altogether() {
  if (!end_ || !inner_->end() || inner_->end()->code != ErrorCode::network) return false;
  if (end_->code == ErrorCode::network) return false;
  end_ = inner_->end();
  return true;
}

void TlsTransport::hand_down() {
  if (pipe_.made.empty()) return;
  inner_->send(std::move(pipe_.made));
  pipe_.made.clear();
  settled_ = false;
}

bool TlsTransport::handshake() {
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    established_now();
    return true;
  }
  const int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ) {
    if (!inner_ended()) return false;
    failure_ = HandshakeFailure::closed;
    const Error& why = *inner_->end();
    break_down({why.code, why.code == ErrorCode::closed
                              ? "the peer closed the connection during the TLS handshake"
                              : "during the TLS handshake: " + why.detail});
  } else if (error == SSL_ERROR_ZERO_RETURN) {
    failure_ = HandshakeFailure::closed;
    break_down({ErrorCode::closed, "the peer ended TLS during the handshake"});
  } else {
    Failure failure = explain_handshake(*ssl_, pipe_.first_byte, expected_name_);
    failure_ = failure.category;
    break_down({ErrorCode::tls, std::move(failure.text)});
  }
  return true;
}

void TlsTransport::established_now() {
  state_ = State::open;
  pipe_.asked = 0;  // the handshake's records were larger than that of a password may be
  SSL* ssl = ssl_.get();
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  facts_ =
      net::TlsFacts{SSL_get_version(ssl), SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl)),
                    name != nullptr ? name : "", SSL_session_reused(ssl) == 1};
  if (SSL_is_server(ssl) == 1) {
    // On resumption, too: the ticket brings the certificate along. Here all of them were verified.
    const bssl::UniquePtr<X509> certificate(SSL_get_peer_certificate(ssl));
    if (certificate) facts_->certificate = subject_of(*certificate);
    if (const LoadedIdentity* ours = LoadedIdentity::chosen(ssl)) {
      facts_->identity = ours->files().certificate;
      facts_->identity_rule = ours->files().rule;
    }
  }
  // Session tickets wait inside for the next write: this one makes no record of its own.
  if (SSL_is_server(ssl) == 1) SSL_write(ssl, "", 0);
}

/// Whether nothing is left of what the peer sent, and nothing will follow.
bool TlsTransport::inner_ended() { return inner_->end() && inner_->received().empty(); }

// No ERR_clear_error() before the calls of the library below: it clears its queue by itself, and
// that costs more than all the rest of a short command.

/// Whether the library would find anything. It is asked in every round of a session, and to let it
/// find out by itself costs as much as a small record.
bool TlsTransport::readable() const {
  return !inner_->received().empty() || inner_->end() || SSL_has_pending(ssl_.get()) == 1;
}

bool TlsTransport::decrypt() {
  bool changed = false;
  while (!end_ && received_.size() < receive_limit_ && readable()) {
    char first = 0;
    // Looking first makes a record ready. Were it opened by SSL_read, an answer to the peer (an
    // alert) could be written to the same memory of the pool that is lent to SSL_read meanwhile.
    const int result = SSL_peek(ssl_.get(), &first, 1);
    if (result > 0) {
      read_pending();
      changed = true;
    } else {
      return reading_stopped(result) || changed;
    }
  }
  return changed;
}

void TlsTransport::read_pending() {
  static_assert(BlockPool::kMinWritable >= kMaxRecord, "a record fits, whatever its size");
  const std::span<char> room = pipe_.pool.writable();
  const int n = SSL_read(ssl_.get(), room.data(), static_cast<int>(room.size()));
  assert(n > 0);
  received_.append(pipe_.pool.commit(static_cast<std::size_t>(n)));
  if (SSL_is_server(ssl_.get()) == 1) wipe_record_buffer();
}

/// The library decrypts in a buffer that it frees without wiping, and what a client sends may be a
/// password. The buffer held a header, the record, and room to align it.
void TlsTransport::wipe_record_buffer() {
  if (SSL_pending(ssl_.get()) > 0) return;  // not freed yet
  constexpr std::size_t kAround = SSL3_RT_HEADER_LENGTH + SSL3_ALIGN_PAYLOAD - 1;
  wipe_freed(std::exchange(pipe_.asked, 0) + kAround);
}

/// Returns whether that is the end.
bool TlsTransport::reading_stopped(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      if (!inner_ended()) return false;
      end_of_input();
      return true;
    case SSL_ERROR_ZERO_RETURN:
      end_ = Error{ErrorCode::closed, "the peer closed the connection"};
      return true;
    default:
      break_down({ErrorCode::tls, explain_record()});
      return true;
  }
}

void TlsTransport::end_of_input() {
  const Error& why = *inner_->end();
  end_ =
      why.code == ErrorCode::closed
          ? Error{ErrorCode::truncated, "the connection was cut inside TLS, without close_notify"}
          : why;
}

void TlsTransport::break_down(Error why) {
  state_ = State::broken;
  end_ = std::move(why);
  queued_.clear();
  inner_->received().clear();  // nothing of it will ever mean something
}

bool TlsTransport::may_encrypt(std::size_t max_unsent) const {
  return state_ == State::open && !queued_.empty() &&
         inner_->unsent() + pipe_.made.size() < max_unsent;
}

void TlsTransport::encrypt(std::size_t max_unsent) {
  while (may_encrypt(max_unsent)) {
    if (write_record()) continue;
    break_down({ErrorCode::tls, explain_record()});
  }
}

bool TlsTransport::write_record() {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): zeros would be written for nothing
  std::array<char, kMaxRecord> gathered;
  const std::string_view front = queued_.front();
  std::string_view plain = front.substr(0, kMaxRecord);
  if (plain.size() < kMaxRecord && plain.size() < queued_.size()) {
    // Copied: a record is made of one contiguous piece, and one large record costs the peer and us
    // much less than many small ones.
    std::size_t size = 0;
    for (const Slice& slice : queued_.slices()) {
      const std::string_view piece = slice.view().substr(0, kMaxRecord - size);
      std::memcpy(gathered.data() + size, piece.data(), piece.size());
      size += piece.size();
      if (size == kMaxRecord) break;
    }
    plain = {gathered.data(), size};
  }
  // The BIO takes everything, so a write is whole or it failed for good.
  const int written = SSL_write(ssl_.get(), plain.data(), static_cast<int>(plain.size()));
  if (written != static_cast<int>(plain.size())) return false;
  queued_.consume(plain.size());
  return true;
}

void TlsTransport::close(net::CloseMode mode) {
  if (mode == net::CloseMode::flush && state_ == State::open) {
    encrypt(std::numeric_limits<std::size_t>::max());
    ERR_clear_error();
    if (state_ == State::open) SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  if (mode == net::CloseMode::flush && state_ != State::closed) hand_down();
  state_ = State::closed;
  received_.wipe(received_.size());
  queued_.clear();
  pipe_.made.clear();
  inner_->close(mode);
  last_unsent_ = unsent();
}

}  // namespace gatepost::tls
