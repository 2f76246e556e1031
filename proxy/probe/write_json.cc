#include <algorithm>
#include <nlohmann/json.hpp>

#include "proxy/probe/write.h"

namespace gatepost::probe {

namespace {

using Json = nlohmann::ordered_json;

/// true, false, or null for "could not be found out".
Json json(Finding finding) {
  return finding == Finding::unknown ? Json(nullptr) : Json(finding == Finding::yes);
}

Json milliseconds(const std::optional<Microseconds>& time) {
  return time ? Json(static_cast<double>(time->count()) / 1000.0) : Json(nullptr);
}

Json list(const std::vector<std::string>& texts) {
  Json result = Json::array();
  for (const std::string& text : texts) {
    if (result.size() == kMaxShownItems) break;
    result.push_back(printable(text));
  }
  return result;
}

Json json(const std::optional<Capa>& capa) {
  if (!capa) return nullptr;
  if (!capa->problem.empty()) return {{"lines", nullptr}, {"problem", printable(capa->problem)}};
  return {{"lines", list(capa->lines)}, {"problem", ""}};
}

Json json(const tls::SeenCertificate& certificate) {
  return {{"subject", printable(certificate.subject)},
          {"issuer", printable(certificate.issuer)},
          {"names", list(certificate.names)},
          {"not_before", date_text(certificate.not_before)},
          {"not_after", date_text(certificate.not_after)},
          {"key", certificate.key},
          {"key_bits", certificate.key_bits},
          {"signature_algorithm", certificate.signature_algorithm},
          {"sha256", certificate.sha256},
          {"pin", certificate.spki_pin}};
}

Json json(const TlsReport& tls) {
  Json result = {{"versions", Json::array()}};
  for (const VersionTried& tried : tls.versions) {
    result["versions"].push_back({{"version", tls::to_string(tried.version)},
                                  {"accepted", tried.accepted},
                                  {"problem", printable(tried.problem)}});
  }
  result["usable"] = json(tls.usable);
  result["usable_problem"] = printable(tls.usable_problem);
  if (!tls.best) return result;
  result["version"] = tls.best->version;
  result["cipher"] = tls.best->cipher;
  result["group"] = tls.best->group;
  result["chain"] = Json::array();
  for (const auto& certificate : tls.best->chain) result["chain"].push_back(json(certificate));
  const tls::PeerVerdict& verdict = tls.best->verdict;
  result["verdict"] = {{"good", verdict.good()},
                       {"trusted", verdict.trusted},
                       {"trust_problem", verdict.trust_problem},
                       {"name_matches", verdict.name_matches},
                       {"in_time", verdict.in_time},
                       {"self_signed", verdict.self_signed}};
  return result;
}

Json json(const Upstream& upstream) {
  Json result = {{"address", upstream.address}, {"tls", upstream.tls}};
  if (!upstream.ca_file.empty()) result["ca_file"] = upstream.ca_file;
  if (!upstream.server_name.empty()) result["server_name"] = upstream.server_name;
  if (!upstream.verify) result["verify"] = false;
  if (!upstream.pins.empty()) result["pins"] = upstream.pins;
  if (upstream.xclient) result["xclient"] = true;
  return result;
}

Json addresses(const std::vector<Attempt>& attempts) {
  Json result = Json::array();
  for (const Attempt& attempt : attempts) {
    result.push_back({{"address", attempt.address},
                      {"connect_ms", milliseconds(attempt.connected_after)},
                      {"problem", printable(attempt.problem)}});
  }
  return result;
}

/// File names of the command line may be in any encoding.
std::string dump(const Json& document, int indent) {
  return document.dump(indent, ' ', true, Json::error_handler_t::replace);
}

}  // namespace

std::string as_json(const Report& report, const Judgement& judgement) {
  const Capa* capa = report.capa();
  Json result = {
      {"target", report.target},
      {"reached", report.reached},
      {"problem", printable(report.problem)},
      {"addresses", addresses(report.addresses)},
      {"implicit_tls", report.implicit_tls},
      {"greeting", report.greeting ? Json(printable(*report.greeting)) : Json(nullptr)},
      {"apop", report.apop},
      {"xclient", report.xclient},
      {"round_trip_ms", milliseconds(report.round_trip)},
      {"capabilities", {{"plain", json(report.capa_plain)}, {"tls", json(report.capa_tls)}}},
      {"sasl", list(capa != nullptr ? capa->sasl() : std::vector<std::string>())},
      {"pipelining",
       {{"announced", capa != nullptr && capa->has("PIPELINING")},
        {"works", json(report.pipelining)}}},
      {"stls",
       {{"offered", json(report.stls)},
        {"injectable", json(report.injectable)},
        {"injection_detail", printable(report.injection_detail)}}},
      {"server_name", report.server_name},
      {"tls", report.tls ? json(*report.tls) : Json(nullptr)}};
  result["remarks"] = Json::array();
  for (const Remark& remark : judgement.remarks) {
    result["remarks"].push_back(
        {{"level", to_string(remark.level)}, {"code", remark.code}, {"text", remark.text}});
  }
  result["upstream"] = judgement.upstream ? json(*judgement.upstream) : Json(nullptr);
  return dump(result, -1) + "\n";
}

std::string configuration_of(const Upstream& upstream) {
  return "\"upstream\": " + dump(json(upstream), 2);
}

}  // namespace gatepost::probe
