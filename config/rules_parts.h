#pragma once

#include "config/build.h"
#include "config/findings.h"

/// Private to config/: the parts of check_rules().
namespace gatepost::config {

/// Listeners, one by one and beside each other, and the admin listener's address beside them.
void check_listeners(const Built& built, Findings& findings);
/// TLS towards clients.
void check_tls(const Built& built, Findings& findings);
void check_pools(const Built& built, Findings& findings);
/// Routes, what they name, and who is left without one.
void check_routes(const Built& built, Findings& findings);
/// Scanners, chains, who names them, and where messages are kept.
void check_filters(const Built& built, Findings& findings);
/// Policies of what is deleted and kept, who names them, and their store.
void check_retention(const Built& built, Findings& findings);

}  // namespace gatepost::config
