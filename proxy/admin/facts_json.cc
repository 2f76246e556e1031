#include "proxy/admin/facts_json.h"

#include <nlohmann/json.hpp>

namespace gatepost::admin {

namespace {

using Json = nlohmann::ordered_json;

/// Seconds since 1970.
std::int64_t seconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

Json to_json(const Numbers& numbers) {
  Json json = Json::object();
  for (const auto& [name, number] : numbers) json[name] = number;
  return json;
}

Json to_json(const ListenerFacts& listener) {
  return {{"name", listener.name}, {"address", listener.address}, {"tls", listener.tls}};
}

Json to_json(const WorkerFacts& worker) {
  return {{"sessions", worker.sessions},
          {"silent_seconds", worker.silent_seconds},
          {"io_octets", worker.io_octets},
          {"accept_paused", worker.accept_paused}};
}

Json to_json(const ScannerFacts& scanner) {
  return {{"name", scanner.name},
          {"type", scanner.type},
          {"address", scanner.address},
          {"required", scanner.required},
          {"effective", scanner.effective},
          {"self_tests_passed", scanner.self_tests_passed},
          {"self_tests_failed", scanner.self_tests_failed},
          {"running", scanner.running},
          {"waiting", scanner.waiting},
          {"breaker_open", scanner.breaker_open},
          {"verdicts", to_json(scanner.verdicts)}};
}

Json to_json(const CertificateFacts& certificate) {
  return {{"file", certificate.file},
          {"subject", certificate.subject},
          {"names", certificate.names},
          {"not_after", seconds(certificate.not_after)}};
}

Json to_json(const UpstreamFacts& upstream) {
  return {{"pool", upstream.pool},
          {"server", upstream.server},
          {"health", upstream.health},
          {"problem", upstream.problem},
          {"sessions", upstream.sessions},
          {"weight", upstream.weight},
          {"max_connections", upstream.max_connections},
          {"priority", upstream.priority}};
}

Json to_json(const session::SessionFacts& session) {
  return {{"id", session.id},
          {"listener", session.listener},
          {"client", session.client},
          {"via", session.via},
          {"user", session.user},
          {"device", session.device},
          {"mechanism", session.mechanism},
          {"route", session.route},
          {"pool", session.pool},
          {"upstream", session.upstream},
          {"tls", session.tls},
          {"cipher", session.cipher},
          {"sni", session.server_name},
          {"certificate", session.certificate},
          {"state", session.state},
          {"doing", session.doing},
          {"waits_for", session.waits_for},
          {"chain", session.chain},
          {"policy", session.policy},
          {"age_ms", session.age.count()},
          {"idle_ms", session.idle.count()},
          {"commands", session.commands},
          {"messages", session.messages},
          {"octets_in", session.octets_in},
          {"octets_out", session.octets_out},
          {"failed_logins", session.failed_logins},
          {"logged_in", session.logged_in}};
}

template <class Facts>
Json list_of(const std::vector<Facts>& all) {
  Json json = Json::array();
  for (const Facts& one : all) json.push_back(to_json(one));
  return json;
}

}  // namespace

Json to_json(const std::vector<UpstreamFacts>& upstreams) { return list_of(upstreams); }

Json to_json(const SessionList& list) {
  return {{"matching", list.matching},
          {"silent_workers", list.silent_workers},
          {"sessions", list_of(list.sessions)}};
}

Json to_json(const Status& status) {
  return {{"version", status.version},
          {"tls_library", status.tls_library},
          {"pid", status.pid},
          {"started", seconds(status.started)},
          {"config_file", status.config_file},
          {"state", status.state},
          {"ready", status.not_ready.empty()},
          {"not_ready", status.not_ready},
          {"log_level", status.log_level},
          {"listeners", list_of(status.listeners)},
          {"workers", list_of(status.workers)},
          {"upstreams", list_of(status.upstreams)},
          {"scanners", list_of(status.scanners)},
          {"certificates", list_of(status.certificates)},
          {"stale_files", status.stale_files},
          {"policies", status.policies},
          {"connections", status.connections},
          {"connections_limit", status.connections_limit},
          {"sessions_active", status.sessions_active},
          {"sessions_started", status.sessions_started},
          {"octets_in", status.octets_in},
          {"octets_out", status.octets_out},
          {"messages", status.messages},
          {"logins", to_json(status.logins)},
          {"ended", to_json(status.ended)},
          {"tls", to_json(status.tls)},
          {"verdicts", to_json(status.verdicts)},
          {"actions", to_json(status.actions)},
          {"spool_octets", status.spool_octets},
          {"spool_limit", status.spool_limit},
          {"reloads_succeeded", status.reloads_succeeded},
          {"reloads_failed", status.reloads_failed},
          {"log_lines_lost", status.log_lines_lost}};
}

std::string text_of(const Json& json) {
  return json.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + '\n';
}

}  // namespace gatepost::admin
