#pragma once

#include <string>

#include "config/config.h"

namespace gatepost::filters {

/// What a scanner must find: the EICAR test file as an attachment, for scanners of spam the GTUBE
/// line. Put together when it is called, so that no file of ours is taken for a virus.
[[nodiscard]] std::string known_bad_sample(config::ScannerType type);
/// What a scanner must call clean.
[[nodiscard]] std::string known_good_sample();

}  // namespace gatepost::filters
