#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/build.h"
#include "config/reader.h"

/// Private to config/: the larger parts of build().
namespace gatepost::config {

/// The pool and the last route that the document's "upstream" makes.
inline constexpr const char* kUpstream = "upstream";

inline constexpr Choices<TlsVersion> kVersions{{"1.2", TlsVersion::tls1_2},
                                               {"1.3", TlsVersion::tls1_3}};

/// Reads the member "tls" of the document.
void build_tls(const Reader& in, Tls& tls, Findings& findings);

/// Where to connect to, from the text at `path`. Null for what nobody could connect to; that is
/// then said to be wrong.
[[nodiscard]] std::optional<Endpoint> build_peer(const std::string& text, const std::string& path,
                                                 std::uint16_t usual_port, Findings& findings);

/// Reads "upstream" and "pools" of the document.
void build_pools(const Reader& root, Built& built, Findings& findings);

/// Reads "routes" of the document. With "upstream" it adds the last one.
void build_routes(const Reader& root, Built& built, Findings& findings);

/// Reads "scanners", "chains", "spool", "quarantine" and "verdict_memory" of the document.
void build_filters(const Reader& root, Built& built, Findings& findings);

/// Reads "retention" of the document.
void build_retention(const Reader& root, Built& built, Findings& findings);

}  // namespace gatepost::config
