#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "config/load.h"
#include "tests/unit/config/problems.h"

namespace gatepost::config {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const json& schema_value() {
  static const json value = json::parse(schema());
  return value;
}

/// The definition that a node refers to, with what stands beside the reference.
json followed(const json& node) {
  json whole = schema_value().at(json::json_pointer(node["$ref"].get<std::string>().substr(1)));
  whole.update(node);
  whole.erase("$ref");
  return whole;
}

/// Calls `visit` with the pointer ("/timeouts/login", "/listeners/items/tls") of every node. What
/// stands in pools is visited once, as /upstream.
void walk(const json& node, const std::string& path, const auto& visit) {
  if (node.contains("$ref")) return walk(followed(node), path, visit);
  visit(path, node);
  if (node.contains("items")) walk(node["items"], path + "/items", visit);
  if (!node.contains("properties")) return;
  for (const auto& [key, child] : node["properties"].items()) walk(child, path + "/" + key, visit);
}

std::string text(std::chrono::milliseconds duration) {
  const auto ms = duration.count();
  if (ms > 86'400'000 && ms % 86'400'000 == 0) return fmt::format("{}d", ms / 86'400'000);
  if (ms > 0 && ms % 3'600'000 == 0) return fmt::format("{}h", ms / 3'600'000);
  if (ms % 60'000 == 0 && ms > 60'000) return fmt::format("{}m", ms / 60'000);
  return fmt::format("{}s", ms / 1000);
}

std::string size_text(std::uint64_t octets) {
  return octets >> 30 != 0 ? fmt::format("{}GiB", octets >> 30)
                           : fmt::format("{}MiB", octets >> 20);
}

/// What is looked through by chains: as above, by path.
std::map<std::string, json> filtering_defaults() {
  const Scanner scanner;
  const Chain chain;
  const Spool spool;
  const Quarantine quarantine;
  const VerdictMemory memory;
  EXPECT_EQ(chain.sizes, Sizes::upstream);
  const std::string s = "/scanners/items/";
  const std::string c = "/chains/items/";
  std::map<std::string, json> defaults = {
      {"/listeners/items/chain", Listener().chain},
      {"/routes/items/chain", Route().chain},
      {"/scanners", json::array()},
      {s + "tls", scanner.tls},
      {s + "verify", scanner.verify},
      {s + "ca_file", scanner.ca_file},
      {s + "server_name", scanner.server_name},
      {s + "service", scanner.service},
      {s + "descriptor", scanner.descriptor},
      {s + "command_memory", size_text(scanner.command_memory)},
      {s + "timeout", text(scanner.timeout)},
      {s + "concurrency", scanner.concurrency},
      {s + "queue", scanner.queue},
      {s + "max_size", size_text(scanner.max_size)},
      {s + "breaker_failures", scanner.breaker_failures},
      {s + "breaker_pause", text(scanner.breaker_pause)},
      {s + "self_test", text(scanner.self_test)},
      {s + "required", scanner.required},
      {"/chains", json::array()},
      {c + "filters", json::array()},
      {c + "filters/items/options", json::object()},
      {c + "scanners", json::array()},
      {c + "waiting/quiet", text(chain.waiting.quiet)},
      {c + "waiting/interval", text(chain.waiting.interval)},
      {c + "waiting/deadline", text(chain.waiting.deadline)},
      {c + "waiting/refuse_again", text(chain.waiting.refuse_again)},
      {c + "notice/language", chain.notice.language},
      {c + "notice/text_file", chain.notice.text_file},
      {c + "notice/html_file", chain.notice.html_file},
      {c + "notice/contact", chain.notice.contact},
      {c + "top_lines", chain.top_lines},
      {c + "tag_header", chain.tag_header},
      {c + "tag_subject", chain.tag_subject},
      {c + "remember", chain.remember},
      {c + "read_ahead", chain.read_ahead},
      {c + "sizes", "upstream"},
      {"/spool/folder", spool.folder},
      {"/spool/max_message", size_text(spool.max_message)},
      {"/spool/max_total", size_text(spool.max_total)},
      {"/quarantine/folder", quarantine.folder},
      {"/quarantine/max_size", size_text(quarantine.max_size)},
      {"/quarantine/max_age", text(quarantine.max_age)},
      {"/verdict_memory/entries", memory.entries},
      {"/verdict_memory/max_age", text(memory.max_age)},
      {c + "rewrite", json::array()},
      {c + "rewrite/items/options", json::object()},
      {c + "internal/domains", json::array()},
      {c + "internal/networks", json::array()},
      {c + "shadow", chain.shadow},
  };
  for (const char* const when : {"when/", "unless/"}) {
    for (const char* const key :
         {"routes", "users", "networks", "sender_domains", "headers", "verdicts"}) {
      defaults[c + "rewrite/items/" + when + key] = json::array();
    }
  }
  return defaults;
}

/// What becomes of messages: as above, by path.
std::map<std::string, json> retention_defaults() {
  const RetentionPolicy policy;
  const Retention retention;
  const Redis& redis = retention.store.redis;
  EXPECT_EQ(policy.view, RetentionView::hide);
  EXPECT_EQ(policy.count_from, CountFrom::seen);
  EXPECT_EQ(policy.devices,
            (std::vector{DeviceMark::certificate, DeviceMark::suffix, DeviceMark::network}));
  EXPECT_EQ(retention.store.type, RetentionStoreType::sqlite);
  EXPECT_TRUE(retention.hold.empty());
  const std::string r = "/retention/";
  const std::string p = r + "policies/items/";
  const std::string s = r + "store/";
  return {
      {"/listeners/items/retention", Listener().retention},
      {"/routes/items/retention", Route().retention},
      {"/routes/items/device_suffix", Route().device_suffix},
      {r + "policies", json::array()},
      {p + "view", "hide"},
      {p + "period", text(policy.period)},
      {p + "count_from", "seen"},
      {p + "devices", {"certificate", "suffix", "network"}},
      {p + "brake/messages", policy.brake.messages},
      {p + "brake/percent", policy.brake.percent},
      {p + "dry_run", policy.dry_run},
      {p + "header_hash", policy.header_hash},
      {s + "type", "sqlite"},
      {s + "file", retention.store.file},
      {s + "sentinels", json::array()},
      {s + "sentinel_master", redis.sentinel_master},
      {s + "tls", redis.tls},
      {s + "verify", redis.verify},
      {s + "ca_file", redis.ca_file},
      {s + "server_name", redis.server_name},
      {s + "certificate", redis.certificate},
      {s + "key", redis.key},
      {s + "user", redis.user},
      {s + "password_file", redis.password_file},
      {s + "sentinel_password_file", redis.sentinel_password_file},
      {s + "database", redis.database},
      {s + "prefix", redis.prefix},
      {s + "connect_timeout", text(redis.connect_timeout)},
      {s + "timeout", text(redis.timeout)},
      {r + "key_file", retention.key_file},
      {r + "hold", json::array()},
      {r + "forget_after", text(retention.forget_after)},
      {r + "audit_file", retention.audit_file},
  };
}

TEST(SchemaTest, DefaultsAreThoseOfTheStructs) {
  const Config config;
  const Listener listener;
  const Pool pool;
  const PoolServer server;
  const Route route;
  const Limits& l = config.limits;
  const Timeouts& t = config.timeouts;
  ASSERT_EQ(config.workers, 0u);
  ASSERT_EQ(listener.tls, ListenerTls::implicit);
  ASSERT_TRUE(listener.cleartext_login_networks.empty());
  ASSERT_EQ(config.tls.min_version, TlsVersion::tls1_2);
  ASSERT_TRUE(listener.legacy_tls_networks.empty());
  ASSERT_TRUE(listener.trusted_networks.empty());
  ASSERT_TRUE(config.tls.certificates.empty());
  ASSERT_TRUE(config.tls.certificate_folders.empty());
  ASSERT_EQ(config.tls.client_certificates, ClientCertificates::off);
  ASSERT_EQ(pool.tls, UpstreamTls::none);
  ASSERT_TRUE(pool.pins.empty());
  ASSERT_EQ(pool.balance, Balance::least_connections);
  ASSERT_EQ(pool.proxy_protocol, ProxyProtocol::off);
  ASSERT_TRUE(l.exempt_networks.empty());
  ASSERT_EQ(pool.min_version, TlsVersion::tls1_2);
  ASSERT_EQ(config.log.level, LogLevel::info);
  ASSERT_EQ(config.log.format, LogFormat::text);
  std::map<std::string, json> structs{
      {"/workers", "auto"},
      {"/listeners/items/tls", "implicit"},
      {"/listeners/items/cleartext_login_networks", json::array()},
      {"/listeners/items/unix_mode", fmt::format("{:04o}", listener.unix_mode)},
      {"/listeners/items/legacy_tls_networks", json::array()},
      {"/listeners/items/proxy_protocol", listener.proxy_protocol},
      {"/listeners/items/xclient", listener.xclient},
      {"/listeners/items/trusted_networks", json::array()},
      {"/listeners/items/apop", listener.apop},
      {"/listeners/items/implementation", listener.implementation},
      {"/tls/ocsp", Certificate().ocsp},
      {"/tls/certificates", json::array()},
      {"/tls/certificates/items/key", Certificate().key},
      {"/tls/certificates/items/ocsp", Certificate().ocsp},
      {"/tls/certificate_folders", json::array()},
      {"/tls/min_version", "1.2"},
      {"/tls/ticket_rotation", text(config.tls.ticket_rotation)},
      {"/tls/ticket_key_file", config.tls.ticket_key_file},
      {"/tls/client_certificates", "off"},
      {"/tls/client_ca_file", config.tls.client_ca_file},
      {"/tls/watch_every", text(config.tls.watch_every)},
      {"/upstream/servers/items/weight", server.weight},
      {"/upstream/servers/items/max_connections", server.max_connections},
      {"/upstream/servers/items/priority", server.priority},
      {"/upstream/tls", "none"},
      {"/upstream/verify", pool.verify},
      {"/upstream/ca_file", pool.ca_file},
      {"/upstream/server_name", pool.server_name},
      {"/upstream/min_version", "1.2"},
      {"/upstream/pins", json::array()},
      {"/upstream/certificate", pool.certificate},
      {"/upstream/key", pool.key},
      {"/upstream/resolve_every", text(pool.resolve_every)},
      {"/upstream/balance", "least_connections"},
      {"/upstream/retries", pool.retries},
      {"/upstream/slow_start", text(pool.slow_start)},
      {"/upstream/health_check/interval", text(pool.health_check.interval)},
      {"/upstream/health_check/rise", pool.health_check.rise},
      {"/upstream/health_check/fall", pool.health_check.fall},
      {"/upstream/proxy_protocol", "off"},
      {"/upstream/xclient", pool.xclient},
      {"/upstream/initial_response", pool.initial_response},
      {"/upstream/utf8", "client"},
      {"/upstream/master_user", pool.master_user},
      {"/upstream/master_password_file", pool.master_password_file},
      {"/routes", json::array()},
      {"/routes/items/user", route.user},
      {"/routes/items/lower_case", route.lower_case},
      {"/routes/items/default_domain", route.default_domain},
      {"/timeouts/handshake", text(t.handshake)},
      {"/timeouts/login", text(t.login)},
      {"/timeouts/inactivity", text(t.inactivity)},
      {"/timeouts/upstream_connect", text(t.upstream_connect)},
      {"/timeouts/upstream_greeting", text(t.upstream_greeting)},
      {"/timeouts/upstream_login", text(t.upstream_login)},
      {"/timeouts/upstream_reply", text(t.upstream_reply)},
      {"/timeouts/drain", text(t.drain)},
      {"/timeouts/upgrade", text(t.upgrade)},
      {"/limits/connections", config.limits.connections},
      {"/limits/login_attempts", config.limits.login_attempts},
      {"/limits/pipeline", config.limits.pipeline},
      {"/limits/bad_commands", config.limits.bad_commands},
      {"/limits/memory", fmt::format("{}MiB", config.limits.memory >> 20)},
      {"/limits/connections_per_network", l.connections_per_network},
      {"/limits/network_prefix_v4", l.network_prefix_v4},
      {"/limits/network_prefix_v6", l.network_prefix_v6},
      {"/limits/accept_rate", l.accept_rate},
      {"/limits/free_failed_logins", l.free_failed_logins},
      {"/limits/failed_login_delay_max", text(l.failed_login_delay_max)},
      {"/limits/failed_login_memory", text(l.failed_login_memory)},
      {"/limits/exempt_networks", json::array()},
      {"/admin/address", config.admin.address},
      {"/admin/token_file", config.admin.token_file},
      {"/admin/control", config.admin.control},
      {"/admin/control_mode", fmt::format("{:04o}", config.admin.control_mode)},
      {"/log/level", "info"},
      {"/log/format", "text"},
      {"/log/file", config.log.file},
      {"/process/user", config.process.user},
      {"/process/group", config.process.group},
      {"/process/core_dumps", config.process.core_dumps},
      {"/process/seccomp", "on"},
  };
  structs.merge(filtering_defaults());
  structs.merge(retention_defaults());
  std::map<std::string, json> documented;
  walk(schema_value(), "", [&](const std::string& path, const json& node) {
    if (node.contains("default")) documented[path] = node["default"];
  });
  EXPECT_EQ(json(documented), json(structs)) << json::diff(json(documented), json(structs));
}

TEST(SchemaTest, EveryKeyIsDocumentedAndBounded) {
  walk(schema_value(), "", [&](const std::string& path, const json& node) {
    const bool is_plain_item = path.ends_with("/items") && node["type"] == "string";
    if (!is_plain_item) {
      EXPECT_TRUE(node.contains("title")) << path;
      EXPECT_TRUE(node.contains("description")) << path;
    }
    const std::string type = node["type"].dump();
    if (type == "\"object\"") {
      EXPECT_EQ(node.value("additionalProperties", true), false) << path;
    } else if (!is_plain_item) {
      EXPECT_TRUE(node.contains("examples")) << path;
    }
    if (type.find("integer") != std::string::npos) {
      EXPECT_TRUE(node.contains("x-unit") || (node.contains("minimum") && node.contains("maximum")))
          << path;
    }
    if (type == "\"array\"") {
      EXPECT_TRUE(node.contains("maxItems")) << path;
    }
    if (type == "\"string\"" && path != "/$schema") {
      EXPECT_TRUE(node.contains("enum") || node.contains("maxLength") || node.contains("pattern"))
          << path;
    }
    if (node.contains("x-unit")) {
      EXPECT_TRUE(node.contains("x-minimum") && node.contains("x-maximum")) << path;
    }
  });
}

/// The pointer into a document for the pointer of a node.
std::string place_of(std::string path) {
  for (auto items = path.find("/items"); items != path.npos; items = path.find("/items")) {
    path.replace(items, 6, "/0");
  }
  return path;
}

/// The same of scanners and chains.
void complete_filtering(json& file, const std::string& path, const json& value) {
  const bool names_chain = path.ends_with("/items/chain") && value != "" && value != "none";
  if (names_chain) file["chains"] = {{{"name", value}}};
  if (path.starts_with("/scanners/items/")) {
    const std::string key = path.substr(path.rfind('/') + 1);
    json scanner = {{"name", "s"}, {"type", "clamd"}, {"address", "unix:/s"}};
    if (key == "tls" || (key == "service" && value != "")) {
      scanner = {{"name", "s"}, {"type", "icap"}, {"address", "127.0.0.1"}, {"service", "x"}};
    }
    if (key.starts_with("command")) {
      scanner = {{"name", "s"}, {"type", "command"}, {"command", {"/c"}}};
    }
    file["scanners"] = {scanner};
  }
  if (path.starts_with("/chains")) {
    file["scanners"] = {{{"name", "clamd"}, {"type", "clamd"}, {"address", "unix:/s"}},
                        {{"name", "rspamd"}, {"type", "rspamd"}, {"address", "127.0.0.1"}}};
  }
  if (path.starts_with("/chains/items")) file["chains"] = {{{"name", "scan"}}};
  if (path.starts_with("/chains/items/waiting")) {
    file["chains"][0]["waiting"] = {{"quiet", "0s"}, {"deadline", "1h"}};
  }
  if (path.starts_with("/chains/items/filters/items")) {
    file["chains"][0]["filters"] = {{{"type", "add_header"}}};
  }
  if (path.starts_with("/chains/items/rewrite/items")) {
    json rule = {{"type", "tag_subject"}};
    const json header = {{"name", "Subject"}, {"pattern", "x"}};
    if (path.find("when/headers/items") != path.npos) rule["when"]["headers"] = {header};
    if (path.find("unless/headers/items") != path.npos) rule["unless"]["headers"] = {header};
    file["chains"][0]["rewrite"] = {rule};
    file["chains"][0]["scanners"] = {"clamd"};
    file["routes"] = {{{"name", "office"}, {"pool", "upstream"}}};
  }
  if (path == "/chains/items/shadow" && value != "") {
    file["chains"].push_back({{"name", value}});
  }
}

/// The same of what is deleted and kept.
void complete_retention(json& file, const std::string& path, const json& value) {
  json& retention = file["retention"];
  if (retention.is_null()) retention = json::object();
  const auto name = [&](const std::string& policy) {
    retention["policies"] = {{{"name", policy}, {"type", "keep"}}};
  };
  if (path.ends_with("/items/retention") && value != "" && value != "client") name(value);
  const std::string key = path.substr(path.rfind('/') + 1);
  if (path.starts_with("/retention/policies/items")) {
    name("p");
    json& policy = retention["policies"][0];
    if (key == "period") policy["type"] = "delete_after_retrieval";
    if (key == "count_from" || value == "keep_for") {
      policy["type"] = "keep_for";
      policy["period"] = "1d";
    }
  }
  if (path == "/retention/store") retention["key_file"] = "k";
  const bool has_default_redis = key == "sentinels" && value.empty();
  if (path.starts_with("/retention/store/") && key != "file" && !has_default_redis) {
    retention["key_file"] = "k";
    json& store = retention["store"];
    if (key == "type" && value != "redis") return;
    store["type"] = "redis";
    if (key == "key") store["certificate"] = "c";
    if (key == "user") store["password_file"] = "p";
    if (key.starts_with("sentinel") && value != "") {
      store["sentinels"] = {"127.0.0.1"};
      store["sentinel_master"] = "m";
    } else {
      store["address"] = "127.0.0.1";
    }
  }
}

/// What else must stand in `file` so that nothing but the value at `path` can be wrong.
void complete(json& file, const std::string& path, const json& value) {
  json& listener = file["listeners"][0];
  if (path.ends_with("unix_mode")) listener["address"] = "unix:/s";
  if (path.ends_with("proxy_protocol") || path.ends_with("xclient")) {
    listener["trusted_networks"] = {"192.0.2.4"};
  }
  if (path == "/tls/client_certificates" && value != "off") file["tls"]["client_ca_file"] = "ca";
  if (path == "/tls/client_ca_file" && value != "") {
    file["tls"]["client_certificates"] = "optional";
  }
  if (path.starts_with("/tls/certificates/items")) {
    file["tls"]["certificates"] = {{{"certificate", "c"}}};
  }
  if (path == "/process/group") file["process"]["user"] = "gatepost";
  if (path == "/upstream/key") file["upstream"]["certificate"] = "c";
  if (path.starts_with("/upstream/master_") && value != "") {
    file["upstream"]["master_user"] = "{user}*m";
    file["upstream"]["master_password_file"] = "p";
  }
  if (path.starts_with("/upstream/servers") || path == "/upstream/srv") {
    file["upstream"].erase("address");
  }
  if (path.starts_with("/upstream/servers/items/")) {
    file["upstream"]["servers"] = {{{"address", "127.0.0.1:110"}}};
  }
  if (path.starts_with("/routes/items")) file["routes"] = {{{"pool", "upstream"}}};
  complete_filtering(file, path, value);
  if (path.find("retention") != path.npos) complete_retention(file, path, value);
  if (path == "/routes/items/listeners") listener["name"] = value[0];
}

/// A file in which nothing but the value at `path` can be wrong.
json around(const std::string& path, const json& value) {
  json file = json::parse(R"({"listeners": [{"address": "127.0.0.1:110", "tls": "starttls"}],
    "tls": {"certificate": "c", "key": "k"},
    "upstream": {"address": "127.0.0.1:110", "tls": "starttls", "server_name": "pop"}})");
  complete(file, path, value);
  file[json::json_pointer(place_of(path))] = value;
  return file;
}

TEST(SchemaTest, EveryExampleIsAccepted) {
  walk(schema_value(), "", [&](const std::string& path, const json& node) {
    for (const json& example : node.value("examples", json::array())) {
      const Loaded loaded = load(around(path, example).dump());
      EXPECT_TRUE(loaded.config) << path << " " << example << "\n" << problems(loaded);
    }
  });
}

TEST(SchemaTest, EveryDefaultMayBeWrittenOut) {
  walk(schema_value(), "", [&](const std::string& path, const json& node) {
    if (!node.contains("default")) return;
    const Loaded loaded = load(around(path, node["default"]).dump());
    EXPECT_TRUE(loaded.config) << path << "\n" << problems(loaded);
  });
}

TEST(SchemaTest, TheEndsOfEveryRangeAreAcceptedAndWhatLiesBeyondIsNot) {
  int ranges = 0;
  const auto accepts = [](const std::string& path, const json& value) {
    const Loaded loaded = load(around(path, value).dump());
    if (!loaded.config) {
      EXPECT_THAT(problems(loaded), HasSubstr(place_of(path) + ": found ")) << value;
    }
    return loaded.config.has_value();
  };
  walk(schema_value(), "", [&](const std::string& path, const json& node) {
    if (node.contains("minimum")) {
      ++ranges;
      const auto minimum = node["minimum"].get<std::int64_t>();
      const auto maximum = node["maximum"].get<std::int64_t>();
      EXPECT_TRUE(accepts(path, minimum)) << path;
      EXPECT_TRUE(accepts(path, maximum)) << path;
      EXPECT_FALSE(accepts(path, minimum - 1)) << path;
      EXPECT_FALSE(accepts(path, maximum + 1)) << path;
      EXPECT_FALSE(accepts(path, 18'446'744'073'709'551'615ull)) << path;
      EXPECT_FALSE(accepts(path, -1)) << path;
      EXPECT_FALSE(accepts(path, 1.5)) << path;
      EXPECT_FALSE(accepts(path, std::to_string(minimum))) << path;
    }
    if (!node.contains("x-unit")) return;
    ++ranges;
    EXPECT_TRUE(accepts(path, node["x-minimum"])) << path;
    EXPECT_TRUE(accepts(path, node["x-maximum"])) << path;
    const std::string unit = node["x-unit"];
    const bool in_days = node["x-maximum"].get<std::string>().ends_with('d');
    const json bigger = unit == "size" ? json("1048577GiB") : json(in_days ? "87601h" : "85h");
    EXPECT_FALSE(accepts(path, bigger)) << path;
    const json smaller = unit == "size" ? json(1023) : json("0ms");
    if (node["x-minimum"] != "0s") {
      EXPECT_FALSE(accepts(path, smaller)) << path;
    }
    for (const char* odd : {"", "5", "5 s", " 5s", "5s ", "-5s", "+5s", "1.5h", "s", "5x", "5S",
                            "999999999999999GiB", "999999999h", "99999999999999999999s"}) {
      EXPECT_FALSE(accepts(path, odd)) << path << " " << odd;
    }
  });
  EXPECT_EQ(ranges, 66);
}

TEST(SchemaTest, TheInactivityTimerIsNeverShorterThanRfc1939Wants) {
  EXPECT_FALSE(load(file_with(R"("timeouts": {"inactivity": "599s"})")).config);
  EXPECT_TRUE(load(file_with(R"("timeouts": {"inactivity": "600s"})")).config);
}

TEST(SchemaTest, UnknownKeysAreErrorsThatSuggestTheNearest) {
  const std::string text = problems(load(R"({
    "listeners": [{"adress": ":995"}], "upstream": {"address": "127.0.0.1:110", "ticket_rotation": "x"},
    "timeout": {}, "limits": {"max_connections": 1, "Connections": 1}, "level": 1, "qqqq": 1,
    "timeouts": {"/a~": 1}, "drain": "1s"})"));
  EXPECT_THAT(text, HasSubstr("f:2: /listeners/0/adress: unknown key (did you mean \"address\"?)"));
  EXPECT_THAT(text, HasSubstr("/listeners/0/address: missing"));
  EXPECT_THAT(text, HasSubstr("/timeout: unknown key (did you mean \"timeouts\"?)"));
  EXPECT_THAT(text, HasSubstr("/limits/Connections: unknown key (did you mean \"connections\"?)"));
  EXPECT_THAT(text, HasSubstr("/limits/max_connections: unknown key"));
  EXPECT_THAT(text,
              HasSubstr("/upstream/ticket_rotation: unknown key here (it belongs into /tls)"));
  EXPECT_THAT(text, HasSubstr("/drain: unknown key here (it belongs into /timeouts)"));
  EXPECT_THAT(text, HasSubstr("/qqqq: unknown key\n"));
  EXPECT_THAT(text, HasSubstr("/timeouts/~1a~0: unknown key"));
}

TEST(SchemaTest, AllProblemsAreReportedAtOnceInTheOrderOfTheFile) {
  const Loaded loaded = load(R"({
    "workers": 0,
    "listeners": [{"address": 5, "tls": "ssl"}, 7, {}],
    "upstream": {"address": "a b", "verify": "no"},
    "timeouts": {"login": 5},
    "admin": {"address": "nowhere"},
    "log": {"level": null, "nice": true}})");
  const std::string text = problems(loaded);
  std::size_t last = 0;
  for (const char* part :
       {"f:2: /workers: found 0, must be \"auto\" or a whole number from 1 to 256",
        "f:3: /listeners/0/address: found 5, must be a text of 1 to 300 characters",
        "f:4: /upstream/verify: found \"no\", must be true or false",
        "f:5: /timeouts/login: found 5, must be a duration from 1s to 1h, as a number with the "
        "unit ms, s, m or h",
        "f:6: /admin/address: \"nowhere\": the port is missing",
        "f:7: /log/level: found null, must be \"debug\", \"info\", \"warning\" or \"error\""}) {
    const std::size_t at = text.find(part);
    ASSERT_NE(at, std::string::npos) << part << "\n" << text;
    EXPECT_GE(at, last) << part << "\n" << text;
    last = at;
  }
  EXPECT_THAT(text,
              HasSubstr("/listeners/0/tls: found \"ssl\", must be \"implicit\", \"starttls\""));
  EXPECT_THAT(text, HasSubstr("/listeners/1: found 7, must be an object"));
  EXPECT_THAT(text, HasSubstr("/listeners/2/address: missing"));
  EXPECT_THAT(text, HasSubstr("/upstream/address: \"a b\""));
  EXPECT_THAT(text, HasSubstr("/log/nice: unknown key"));
}

TEST(SchemaTest, TheNumberOfListenersIsBounded) {
  json file = around("/workers", 1);
  const auto fill = [&](std::size_t n) {
    file["listeners"] = json::array();
    for (std::size_t i = 0; i < n; ++i) {
      file["listeners"].push_back(
          {{"address", fmt::format("127.0.0.1:{}", i + 1)}, {"tls", "none"}});
    }
    return load(file.dump());
  };
  EXPECT_TRUE(fill(64).config);
  EXPECT_THAT(problems(fill(65)), HasSubstr("/listeners: found a list of 65 items"));
  EXPECT_THAT(problems(fill(0)), HasSubstr("must be a list of 1 to 64 items"));
}

}  // namespace
}  // namespace gatepost::config
