#pragma once

#include "proxy/probe/judgement.h"
#include "proxy/probe/options.h"
#include "proxy/probe/report.h"

namespace gatepost::probe {

inline constexpr std::chrono::sys_days kToday{std::chrono::year{2026} / 3 / 1};

inline Options sample_options() {
  Options options;
  options.target = Endpoint::parse("mail.example.org:110").value();
  return options;
}

/// A modern server with STLS, about which there is nothing to say.
inline Report good_report() {
  using tls::InspectedVersion;
  Report report;
  report.target = "mail.example.org:110";
  report.server_name = "mail.example.org";
  report.reached = true;
  report.addresses = {
      {.address = "192.0.2.1:110", .connected_after = Microseconds{1234}, .problem = {}},
      {.address = "[2001:db8::1]:110", .connected_after = {}, .problem = "connection refused"}};
  report.greeting = "+OK ready";
  report.capa_plain = Capa{.lines = {"STLS", "TOP"}, .problem = {}};
  report.capa_tls = Capa{.lines = {"TOP", "SASL PLAIN LOGIN", "PIPELINING"}, .problem = {}};
  report.round_trip = Microseconds{12'345};
  report.stls = Finding::yes;
  report.injectable = Finding::no;
  report.injection_detail = "what was sent ahead of TLS was dropped";
  report.pipelining = Finding::yes;

  TlsReport& tls = report.tls.emplace();
  tls.versions = {{.version = InspectedVersion::tls1_0,
                   .accepted = false,
                   .problem = "no TLS version in common"},
                  {.version = InspectedVersion::tls1_1,
                   .accepted = false,
                   .problem = "no TLS version in common"},
                  {.version = InspectedVersion::tls1_2, .accepted = true, .problem = {}},
                  {.version = InspectedVersion::tls1_3, .accepted = true, .problem = {}}};
  tls.usable = Finding::yes;
  tls::Inspection& seen = tls.best.emplace();
  seen.version = "TLSv1.3";
  seen.cipher = "TLS_AES_128_GCM_SHA256";
  seen.group = "X25519";
  seen.chain = {{.subject = "CN=mail.example.org",
                 .issuer = "CN=Some CA",
                 .names = {"mail.example.org", "192.0.2.1"},
                 .not_before = kToday - std::chrono::days{10},
                 .not_after = kToday + std::chrono::days{60},
                 .key = "EC P-256",
                 .key_bits = 256,
                 .signature_algorithm = "ecdsa-with-SHA256",
                 .sha256 = "00ff",
                 .spki_pin = "cGlu"}};
  seen.verdict = {.trusted = true,
                  .trust_problem = {},
                  .name_matches = true,
                  .in_time = true,
                  .self_signed = false};
  return report;
}

}  // namespace gatepost::probe
