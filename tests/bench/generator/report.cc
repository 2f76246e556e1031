#include "tests/bench/generator/report.h"

#include <cstddef>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/bench/common/clock.h"
#include "tests/bench/generator/shared.h"

namespace gatepost::bench {
namespace {

using Json = nlohmann::ordered_json;

Json latency(const Histogram& ns) {
  if (ns.count() == 0) return nullptr;
  const auto us = [](std::uint64_t value) { return static_cast<double>(value) / 1e3; };
  return {{"n", ns.count()},
          {"mean", ns.mean() / 1e3},
          {"min", us(ns.min())},
          {"p50", us(ns.percentile(50))},
          {"p90", us(ns.percentile(90))},
          {"p99", us(ns.percentile(99))},
          {"p999", us(ns.percentile(99.9))},
          {"max", us(ns.max())}};
}

Json memory(const TreeMemory& tree) {
  return {{"rss_kib", tree.rss},
          {"pss_kib", tree.pss},
          {"anon_kib", tree.anonymous},
          {"procs", tree.processes},
          {"threads", tree.threads}};
}

Json memory(const Outcome& outcome) {
  const auto each = [](std::uint64_t now, std::uint64_t before) {
    return (static_cast<double>(now) - static_cast<double>(before)) / options.connections;
  };
  const TreeMemory& before = outcome.memory_before;
  Json json{{"base", memory(before)},
            {"idle", memory(outcome.memory_idle)},
            {"per_conn_rss_kib", each(outcome.memory_idle.rss, before.rss)},
            {"per_conn_pss_kib", each(outcome.memory_idle.pss, before.pss)},
            {"per_conn_kernel_kib", each(outcome.kernel_idle, outcome.kernel_before)}};
  if (options.idle_retr > 0) {
    json["idle_after_retr"] = memory(outcome.memory_after_retr);
    json["per_conn_pss_after_retr_kib"] = each(outcome.memory_after_retr.pss, before.pss);
  }
  return json;
}

Json cpu(const Usage& begin, const Usage& end, double seconds) {
  Json json{{"self_s", end.own - begin.own}};
  for (std::size_t i = 0; i < begin.processes.size() && i < end.processes.size(); i++)
    json[options.pids[i].first + "_s"] = end.processes[i] - begin.processes[i];
  for (std::size_t i = 0; i < begin.cpus.busy.size() && i < end.cpus.busy.size(); i++) {
    const std::string name = "cpu" + std::to_string(i);
    json[name + "_busy"] = (end.cpus.busy[i] - begin.cpus.busy[i]) / seconds;
    json[name + "_steal"] = (end.cpus.stolen[i] - begin.cpus.stolen[i]) / seconds;
  }
  return json;
}

}  // namespace

bool report(const Outcome& outcome, const Stats& window, const Stats& total) {
  double seconds = seconds_of(outcome.end.at_ns - outcome.begin.at_ns);
  if (seconds <= 0) seconds = 1e-9;
  const auto rate = [seconds](std::uint64_t count) { return static_cast<double>(count) / seconds; };
  const bool short_idle = options.script == Script::idle && run.ready < options.connections;
  const bool right = total.fault_count() == 0 && !run.aborted && !short_idle;
  Json json{{"label", options.label},
            {"script", options.script_name},
            {"tls", options.tls_name},
            {"engine", options.tls == TlsMode::none ? "none"
                       : options.engine_fast        ? "fast"
                                                    : "openssl"},
            {"connections", options.connections},
            {"seconds", seconds},
            {"sessions", window.sessions},
            {"sessions_per_s", rate(window.sessions)},
            {"handshakes", window.handshakes},
            {"resumed", window.resumed},
            {"messages", window.messages},
            {"payload_bytes", window.payload},
            {"mb_per_s", rate(window.payload) / 1e6},
            {"commands", window.commands},
            {"commands_per_s", rate(window.commands)}};
  json["latency_us"] = {{"session", latency(window.session)},
                        {"handshake", latency(window.handshake)},
                        {"command", latency(window.command)}};
  json["records"] = {
      {"n", window.records},
      {"mean_payload", static_cast<double>(window.record_bytes) /
                           static_cast<double>(window.records > 0 ? window.records : 1)},
      {"max", window.record_max}};
  json["client_reads"] = window.reads;
  json["unclean_close"] = window.unclean;
  json["cpu"] = cpu(outcome.begin, outcome.end, seconds);
  if (options.mem_pid != 0) json["mem"] = memory(outcome);
  json["cipher"] = options.tls == TlsMode::none ? ""
                   : options.engine_fast        ? "TLSv1.3 TLS_AES_128_GCM_SHA256 X25519"
                                                : total.cipher;
  json["errors"] = Json::object();
  for (std::size_t i = 0; i < kFaults; i++)
    if (total.faults[i] > 0)
      json["errors"][std::string(name_of(static_cast<Fault>(i)))] = total.faults[i];
  json["first_error"] = total.first_error;
  json["aborted"] = run.aborted.load();
  json["ok"] = right;
  std::puts(json.dump(-1, ' ', true, Json::error_handler_t::replace).c_str());
  return right;
}

}  // namespace gatepost::bench
