#include "config/overrides.h"

#include <fmt/format.h>

#include <string>
#include <utility>

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

class Writer {
 public:
  Writer(Json& document, Findings& findings) : document_(document), findings_(findings) {}

  void set(const char* flag, const std::string& path, Json value) {
    if (!fits(flag, value)) return;
    // A file with something else in the object's place is wrong, and is told so by the schema.
    Json* parent = &document_;
    const std::size_t slash = path.rfind('/');
    if (slash > 0) {
      const std::string section = path.substr(1, slash - 1);
      if (!document_.is_object()) return;
      if (!document_.contains(section)) document_[section] = Json::object();
      parent = &document_[section];
    }
    if (!parent->is_object()) return;
    (*parent)[path.substr(slash + 1)] = std::move(value);
    findings_.came_from_flag(path, flag);
  }

  void set(const char* flag, const std::string& path, const std::optional<std::string>& value) {
    if (value) set(flag, path, Json(*value));
  }

  void add_listener(const char* flag, const std::optional<std::string>& address, const char* tls) {
    if (!address || !fits(flag, *address)) return;
    findings_.came_from_flag(fmt::format("/listeners/{}", listeners_.size()), flag);
    listeners_.push_back({{"address", *address}, {"tls", tls}});
  }

  void write_listeners() {
    if (!listeners_.empty() && document_.is_object()) document_["listeners"] = listeners_;
  }

 private:
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
  writer.set("--upstream", "/upstream/address", overrides.upstream);
  writer.set("--upstream-tls", "/upstream/tls", overrides.upstream_tls);
  writer.set("--upstream-ca", "/upstream/ca_file", overrides.upstream_ca);
  writer.set("--upstream-name", "/upstream/server_name", overrides.upstream_name);
  if (overrides.upstream_verify) {
    writer.set("--upstream-insecure", "/upstream/verify", Json(*overrides.upstream_verify));
  }
  writer.set("--cert", "/tls/certificate", overrides.cert);
  writer.set("--key", "/tls/key", overrides.key);
  if (overrides.workers) {
    const auto count = parse_count(*overrides.workers);
    writer.set("--workers", "/workers", count ? Json(*count) : Json(*overrides.workers));
  }
  writer.set("--admin", "/admin/address", overrides.admin);
  writer.set("--log-level", "/log/level", overrides.log_level);
  writer.set("--log-format", "/log/format", overrides.log_format);
  writer.set("--log-file", "/log/file", overrides.log_file);
}

}  // namespace gatepost::config
