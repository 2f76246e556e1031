#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/net/transport.h"

namespace gatepost::tls {

/// What a server may still speak; Gatepost itself does so only from TLS 1.2 on (RFC 8996).
enum class InspectedVersion : std::uint8_t { tls1_0, tls1_1, tls1_2, tls1_3 };

/// "TLSv1.0" and so on, as net::TlsFacts names them.
[[nodiscard]] std::string_view to_string(InspectedVersion version);

struct InspectionOptions {
  InspectedVersion version = InspectedVersion::tls1_3;  ///< this one and no other
  std::string ca_file = {};                             ///< PEM; empty: the system's certificates
  std::string server_name = {};  ///< name or literal address that the certificate must carry
};

/// One certificate of a server, told by a server that nobody trusts yet: texts are of any
/// characters and lengths.
struct SeenCertificate {
  std::string subject;             ///< RFC 2253: "CN=mail.example.org"
  std::string issuer;              ///< the same
  std::vector<std::string> names;  ///< subjectAltName: DNS names and addresses
  std::chrono::system_clock::time_point not_before;
  std::chrono::system_clock::time_point not_after;
  std::string key;                  ///< "RSA", "EC P-256", "Ed25519", "unknown"
  std::uint32_t key_bits = 0;       ///< 0: unknown
  std::string signature_algorithm;  ///< "ecdsa-with-SHA256"
  std::string sha256;               ///< of the certificate: 64 lower-case hexadecimal digits
  std::string spki_pin;  ///< base64 of SHA-256 of its SubjectPublicKeyInfo, as `pins` has it
};

/// What a client that checks would say; each question is answered for itself.
struct PeerVerdict {
  bool trusted = false;       ///< the chain leads to an authority and is for servers; dates aside
  std::string trust_problem;  ///< why not
  bool name_matches = false;  ///< the leaf carries server_name (RFC 9525)
  bool in_time = false;       ///< all that leads from the leaf to the authority is valid now
  bool self_signed = false;   ///< the leaf
  [[nodiscard]] bool good() const { return trusted && name_matches && in_time; }
};

struct Inspection {
  std::string version;                 ///< "TLSv1.3"
  std::string cipher;                  ///< the suite, as IANA names it
  std::string group;                   ///< of the key exchange, "" with plain RSA
  std::vector<SeenCertificate> chain;  ///< as sent, leaf first, kMaxChain at most
  PeerVerdict verdict;
};

/// TLS towards a server that is looked at: one version, every suite the library has, and a
/// certificate that is judged but never refused. Nothing secret may be sent over it. For one
/// connection; must outlive it.
class Inspector : public net::TlsLayer {
 public:
  /// Certificates of a chain that are looked at.
  static constexpr std::size_t kMaxChain = 10;

  /// Fails with `config`, naming what cannot be used: CA file or name.
  [[nodiscard]] static Result<std::unique_ptr<Inspector>> create(const InspectionOptions& options);
  /// What the handshake showed; nullptr before it is done.
  [[nodiscard]] virtual const Inspection* seen() const = 0;
};

}  // namespace gatepost::tls
