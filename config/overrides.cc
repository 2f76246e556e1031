#include "config/overrides.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/document.h"
#include "config/units.h"

namespace gatepost::config {

namespace {

/// A file has passed the parser, which sees to it; the validator reads past its tables otherwise.
bool is_utf8(const Json& text) {
  try {
    return !text.dump().empty();
  } catch (const Json::exception&) {
    return false;
  }
}

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t comma = std::min(list.find(','), list.size());
    parts.emplace_back(list.substr(0, comma));
    if (comma == list.size()) return parts;
    list.remove_prefix(comma + 1);
  }
}

class Writer {
 public:
  Writer(Json& document, Findings& findings) : document_(document), findings_(findings) {}

  void set(const char* flag, const std::string& path, Json value) {
    if (!fits(flag, value)) return;
    // A file with something else in an object's place is wrong, and is told so by the schema.
    Json* parent = &document_;
    std::string_view rest = std::string_view(path).substr(1);
    for (std::size_t slash = rest.find('/'); slash != rest.npos; slash = rest.find('/')) {
      if (!parent->is_object()) return;
      Json& section = (*parent)[std::string(rest.substr(0, slash))];
      if (section.is_null()) section = Json::object();
      parent = &section;
      rest.remove_prefix(slash + 1);
    }
    if (!parent->is_object()) return;
    (*parent)[std::string(rest)] = std::move(value);
    findings_.came_from_flag(path, flag);
  }

  void set(const char* flag, const std::string& path, const std::optional<std::string>& value) {
    if (value) set(flag, path, Json(*value));
  }

  /// The file's list gives way to one with nothing but `value`.
  void set_list(const char* flag, const std::string& path,
                const std::optional<std::string>& value) {
    if (value && fits(flag, *value)) set(flag, path, Json::array({*value}));
  }

  void add_listener(const char* flag, const std::optional<std::string>& address, const char* tls) {
    if (!address || !fits(flag, *address)) return;
    findings_.came_from_flag(fmt::format("/listeners/{}", listeners_.size()), flag);
    listeners_.push_back({{"address", *address}, {"tls", tls}});
  }

  void write_listeners() {
    if (!listeners_.empty() && document_.is_object()) document_["listeners"] = listeners_;
  }

  /// Sets `key` in every listener, those of the file and those of flags.
  void set_in_listeners(const char* flag, const char* key, const Json& value, bool unix_too) {
    if (!document_.is_object() || !document_.contains("listeners")) return;
    Json& listeners = document_["listeners"];
    for (std::size_t i = 0; listeners.is_array() && i < listeners.size(); ++i) {
      Json& listener = listeners[i];
      if (!listener.is_object() || (!unix_too && is_unix(listener))) continue;
      listener[key] = value;
      findings_.came_from_flag(fmt::format("/listeners/{}/{}", i, key), flag);
    }
  }
  void set_in_tcp_listeners(const char* flag, const char* key,
                            const std::optional<std::string>& list) {
    if (list && fits(flag, *list)) set_in_listeners(flag, key, split(*list), /*unix_too=*/false);
  }

  /// One address or several take the place of every way to name servers.
  void set_upstream(const char* flag, const std::optional<std::string>& list) {
    if (!list || !fits(flag, *list) || !document_.is_object()) return;
    Json& upstream = document_["upstream"];
    if (upstream.is_null()) upstream = Json::object();
    if (!upstream.is_object()) return;
    for (const char* way : {"address", "servers", "srv"}) upstream.erase(way);
    const std::vector<std::string> addresses = split(*list);
    if (addresses.size() == 1) {
      set(flag, "/upstream/address", Json(addresses.front()));
    } else {
      set(flag, "/upstream/servers", Json(addresses));
    }
  }

  /// Scanners beside those of the file, and a chain that asks them for every listener.
  void add_scanners(const char* flag, const std::vector<std::string>& scanners) {
    if (scanners.empty() || !document_.is_object()) return;
    Json names = Json::array();
    std::map<std::string, int> numbers;
    for (const std::string& text : scanners) {
      if (!fits(flag, text)) continue;
      const std::size_t at = text.find('@');
      if (at == std::string::npos) {
        findings_.error_at(flag, 0, fmt::format("{} is no TYPE@ADDRESS", quote(text)));
        continue;
      }
      Json scanner = scanner_of(text.substr(0, at), text.substr(at + 1));
      // "clamd", "clamd-2", …
      const auto number = ++numbers[text.substr(0, at)];
      scanner["name"] = text.substr(0, at) + (number == 1 ? "" : fmt::format("-{}", number));
      names.push_back(scanner["name"]);
      push("scanners", std::move(scanner), flag);
    }
    push("chains", {{"name", kScanChain}, {"scanners", names}}, flag);
    set_in_listeners(flag, "chain", kScanChain, /*unix_too=*/true);
  }

  /// A policy beside those of the file, for every listener: "keep", "keep_for:30d". "client" takes
  /// theirs away.
  void set_retention(const char* flag, const std::optional<std::string>& text) {
    if (!text || !fits(flag, *text) || !document_.is_object()) return;
    const std::size_t colon = std::min(text->find(':'), text->size());
    const std::string type = text->substr(0, colon);
    const bool is_client = type == "client" && colon == text->size();
    set_in_listeners(flag, "retention", is_client ? "" : type, /*unix_too=*/true);
    if (is_client) return;
    Json policy = {{"name", type}, {"type", type}};
    if (colon < text->size()) policy["period"] = text->substr(colon + 1);
    Json& retention = document_["retention"];
    if (retention.is_null()) retention = Json::object();
    if (retention.is_object()) push(retention, "/retention", "policies", std::move(policy), flag);
  }

 private:
  static constexpr const char* kScanChain = "scan";

  /// "127.0.0.1:1344/avscan" of icap is an address and a service; a command has nothing but a path.
  static Json scanner_of(std::string type, std::string address) {
    Json scanner = {{"type", type}};
    const std::size_t slash = address.find('/');
    if (type == "icap" && slash != std::string::npos && !address.starts_with("unix:")) {
      scanner["service"] = address.substr(slash + 1);
      address.resize(slash);
    }
    if (type == "command") {
      scanner["command"] = Json::array({std::move(address)});
    } else {
      scanner["address"] = std::move(address);
    }
    return scanner;
  }

  void push(const char* list, Json item, const char* flag) {
    push(document_, "", list, std::move(item), flag);
  }
  void push(Json& section, std::string_view path, const char* list, Json item, const char* flag) {
    Json& items = section[list];
    if (items.is_null()) items = Json::array();
    if (!items.is_array()) return;  // the schema says so
    findings_.came_from_flag(fmt::format("{}/{}/{}", path, list, items.size()), flag);
    items.push_back(std::move(item));
  }

  static bool is_unix(const Json& listener) {
    const auto address = listener.find("address");
    return address != listener.end() && address->is_string() &&
           address->get_ref<const std::string&>().starts_with("unix:");
  }

  bool fits(const char* flag, const Json& value) {
    if (!value.is_string()) return true;
    std::string fault = fault_of_text(value.get_ref<const std::string&>());
    if (fault.empty() && !is_utf8(value)) fault = "a text is not UTF-8";
    if (fault.empty()) return true;
    findings_.error_at(flag, 0, std::move(fault));
    return false;
  }

  Json& document_;
  Findings& findings_;
  Json listeners_ = Json::array();
};

}  // namespace

void apply_overrides(const Overrides& overrides, Json& document, Findings& findings) {
  Writer writer(document, findings);
  writer.add_listener("--pop3s", overrides.pop3s, "implicit");
  writer.add_listener("--pop3", overrides.pop3, "starttls");
  writer.add_listener("--pop3-plain", overrides.pop3_plain, "none");
  writer.write_listeners();
  if (overrides.proxy_protocol) {
    writer.set_in_listeners("--proxy-protocol", "proxy_protocol", *overrides.proxy_protocol,
                            /*unix_too=*/true);
  }
  writer.set_in_tcp_listeners("--trusted-network", "trusted_networks", overrides.trusted_network);
  writer.set_upstream("--upstream", overrides.upstream);
  writer.set("--upstream-tls", "/upstream/tls", overrides.upstream_tls);
  writer.set("--upstream-ca", "/upstream/ca_file", overrides.upstream_ca);
  writer.set("--upstream-name", "/upstream/server_name", overrides.upstream_name);
  if (overrides.upstream_verify) {
    writer.set("--upstream-insecure", "/upstream/verify", Json(*overrides.upstream_verify));
  }
  writer.set("--cert", "/tls/certificate", overrides.cert);
  writer.set("--key", "/tls/key", overrides.key);
  writer.set_list("--cert-folder", "/tls/certificate_folders", overrides.cert_folder);
  writer.add_scanners("--scan", overrides.scan);
  writer.set("--quarantine", "/quarantine/folder", overrides.quarantine);
  writer.set_retention("--retention", overrides.retention);
  writer.set("--retention-file", "/retention/store/file", overrides.retention_file);
  if (overrides.workers) {
    const auto count = parse_count(*overrides.workers);
    writer.set("--workers", "/workers", count ? Json(*count) : Json(*overrides.workers));
  }
  writer.set("--admin", "/admin/address", overrides.admin);
  writer.set("--admin-token-file", "/admin/token_file", overrides.admin_token_file);
  writer.set("--control", "/admin/control", overrides.control);
  writer.set("--log-level", "/log/level", overrides.log_level);
  writer.set("--log-format", "/log/format", overrides.log_format);
  writer.set("--log-file", "/log/file", overrides.log_file);
}

}  // namespace gatepost::config
