#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace gatepost::config {

/// Something wrong with a configuration, or worth a warning.
struct Problem {
  std::string path;  ///< JSON pointer ("/upstream/tls") or flag ("--cert"); "" for the whole
  std::size_t line;  ///< in the file, from 1; 0 when it did not come from the file
  std::string text;
  bool warning = false;
};
/// "gatepost.json:12: /upstream/tls: …" (file and line as far as known).
[[nodiscard]] std::string to_string(const Problem& problem, std::string_view file);

/// Values from flags and environment; each one that is set replaces the file's.
/// The command line fills it; the names are those of the flags.
struct Overrides {
  std::optional<std::string> pop3s;            ///< address of an implicit TLS listener
  std::optional<std::string> pop3;             ///< address of an STLS listener
  std::optional<std::string> pop3_plain;       ///< address of a listener without TLS
  std::optional<bool> proxy_protocol;          ///< of every listener
  std::optional<std::string> trusted_network;  ///< of every TCP listener; several with commas
  std::optional<std::string> upstream;         ///< address; several with commas
  std::optional<std::string> upstream_tls, upstream_ca, upstream_name;
  std::optional<bool> upstream_verify;
  std::optional<std::string> cert, key, cert_folder;
  /// "TYPE@ADDRESS" each: scanners beside the file's, asked by a chain "scan" of every listener.
  std::vector<std::string> scan;
  std::optional<std::string> quarantine;  ///< folder
  /// "TYPE" or "TYPE:PERIOD": a policy beside the file's, of every listener; "client": none.
  std::optional<std::string> retention;
  std::optional<std::string> retention_file;  ///< of SQLite
  std::optional<std::string> workers;         ///< "auto" or a number
  std::optional<std::string> admin;           ///< address or "off"
  std::optional<std::string> admin_token_file, control;
  std::optional<std::string> log_level, log_format, log_file;
};

struct Loaded {
  std::optional<Config> config;  ///< set when no Problem is an error
  std::vector<Problem> problems;
  /// The document with the overrides in it, as JSON for people; what looks like a secret is ***.
  std::string document;
};

/// Reads a configuration: JSON with comments, or nothing but the overrides (`text` empty).
/// Finds: syntax errors, duplicate and unknown keys, values against the schema, addresses and
/// networks that cannot be parsed, combinations that make no sense. Touches no other file and no
/// network. If any listener flag is given, flags' listeners replace the file's.
[[nodiscard]] Loaded load(std::string_view text, const Overrides& overrides = {});
/// The same from a file (limit 1 MiB).
[[nodiscard]] Loaded load_file(const std::string& path, const Overrides& overrides = {});

/// The schema that was compiled in (config/schema.json).
[[nodiscard]] std::string_view schema();

}  // namespace gatepost::config
