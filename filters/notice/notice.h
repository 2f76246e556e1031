#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "config/config.h"
#include "filters/verdict.h"
#include "proxy/base/error.h"

namespace gatepost::filters {

/// What a notice tells. Texts may be anything a sender wrote: the notice makes them inert.
struct NoticeFacts {
  Cause cause = Cause::infected;
  std::string threat;
  std::string scanner;
  std::string from, subject, date;  ///< of the original, raw or decoded
  std::uint64_t size = 0;           ///< octets of the original
  std::string quarantine_number;    ///< empty: not in quarantine
};

/// Makes the message that a client gets in place of another. Immutable, made at load: its templates
/// are read and checked then.
class NoticeWriter {
 public:
  /// Octets of a template file.
  static constexpr std::size_t kMaxTemplate = 64 * 1024;

  /// Fails with `config`; the detail begins with the key below /notice, "/text_file: …".
  [[nodiscard]] static Result<std::shared_ptr<const NoticeWriter>> create(
      const config::Notice& config);
  ~NoticeWriter();

  /// A complete message: header, multipart/alternative of text and HTML in UTF-8; CRLF, no line
  /// over 998 octets, 7bit; not dot-stuffed. From, Subject and Date are derived from the
  /// original's.
  [[nodiscard]] std::string write(const NoticeFacts& facts) const;

 private:
  struct Templates;
  explicit NoticeWriter(std::unique_ptr<Templates> templates);
  std::unique_ptr<Templates> templates_;
};

}  // namespace gatepost::filters
