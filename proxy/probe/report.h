#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proxy/tls/inspection.h"

/// What a probe found out. Texts of the server are as it sent them, within the limits of
/// conversation.h: writers escape them.
namespace gatepost::probe {

using Microseconds = std::chrono::microseconds;

/// One address of the target.
struct Attempt {
  std::string address;  ///< "192.0.2.1:110"
  std::optional<Microseconds> connected_after;
  std::string problem;  ///< why not
};

/// The lines of CAPA (RFC 2449), or why there are none.
struct Capa {
  std::vector<std::string> lines;
  std::string problem;  ///< empty: the server has CAPA
  [[nodiscard]] bool has(std::string_view name) const;
  /// What follows SASL, upper case.
  [[nodiscard]] std::vector<std::string> sasl() const;
};

enum class Finding : std::uint8_t { unknown, no, yes };

/// One version of TLS, in a connection of its own.
struct VersionTried {
  tls::InspectedVersion version;
  bool accepted = false;
  std::string problem;
};

struct TlsReport {
  std::vector<VersionTried> versions;   ///< oldest first
  std::optional<tls::Inspection> best;  ///< of the newest version accepted
  Finding usable = Finding::unknown;    ///< with the versions and suites that Gatepost uses
  std::string usable_problem;
};

struct Report {
  std::string target;       ///< "mail.example.org:110"
  std::string server_name;  ///< that the certificate was compared with
  bool implicit_tls = false;
  bool reached = false;  ///< somebody greeted us as a POP3 server does
  std::string problem;   ///< why not, or why the probe ended early
  std::vector<Attempt> addresses;
  std::optional<std::string> greeting;  ///< without CRLF
  bool apop = false;                    ///< it has a timestamp (RFC 1939 section 7)
  bool xclient = false;                 ///< it offers XCLIENT to us (Dovecot)
  std::optional<Capa> capa_plain;       ///< nullopt: not asked
  std::optional<Capa> capa_tls;
  std::optional<Microseconds> round_trip;  ///< the median of kRoundTrips replies
  Finding stls = Finding::unknown;         ///< offered
  Finding injectable = Finding::unknown;   ///< commands sent ahead of TLS are run inside it
  std::string injection_detail;
  Finding pipelining = Finding::unknown;  ///< two commands in one write are both answered
  std::optional<TlsReport> tls;           ///< nullopt: not tried
  /// What CAPA says where a client would log in.
  [[nodiscard]] const Capa* capa() const {
    if (capa_tls) return &*capa_tls;
    return capa_plain ? &*capa_plain : nullptr;
  }
};

}  // namespace gatepost::probe
