#include "proxy/tls/record_bio.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace gatepost::tls {

namespace {

RecordPipe& pipe_of(BIO* bio) { return *static_cast<RecordPipe*>(BIO_get_data(bio)); }

int read_records(BIO* bio, char* out, int room) {
  BIO_clear_retry_flags(bio);
  RecordPipe& pipe = pipe_of(bio);
  ByteChain& from = pipe.inner.received();
  pipe.asked = std::max(pipe.asked, static_cast<std::size_t>(room));
  std::size_t copied = 0;
  while (copied < static_cast<std::size_t>(room) && !from.empty()) {
    const std::string_view piece = from.front();
    const std::size_t n = std::min(piece.size(), static_cast<std::size_t>(room) - copied);
    // A copy: the library decrypts in its own buffer, in place.
    std::memcpy(out + copied, piece.data(), n);
    from.consume(n);
    copied += n;
  }
  if (copied == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  if (!pipe.first_byte) pipe.first_byte = static_cast<std::uint8_t>(out[0]);
  return static_cast<int>(copied);
}

int write_records(BIO* bio, const char* data, int size) {
  RecordPipe& pipe = pipe_of(bio);
  pipe.made.append(pipe.pool, std::string_view(data, static_cast<std::size_t>(size)));
  return size;
}

long control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

int start(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

const BIO_METHOD* method() {
  static const BIO_METHOD* const instance = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "gatepost records");
    BIO_meth_set_create(made, start);
    BIO_meth_set_read(made, read_records);
    BIO_meth_set_write(made, write_records);
    BIO_meth_set_ctrl(made, control);
    return made;
  }();
  return instance;
}

}  // namespace

bssl::UniquePtr<BIO> make_bio(RecordPipe& pipe) {
  bssl::UniquePtr<BIO> bio(BIO_new(method()));
  if (bio) BIO_set_data(bio.get(), &pipe);
  return bio;
}

}  // namespace gatepost::tls
