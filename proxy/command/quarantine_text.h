#pragma once

#include <string>
#include <vector>

#include "filters/quarantine/quarantine.h"

/// How records of the quarantine look. Whatever a sender wrote does nothing on a terminal.
namespace gatepost::command {

/// A line each, under a headline.
[[nodiscard]] std::string quarantine_table(const std::vector<filters::QuarantineRecord>& records);
/// All of one record, a line for each thing known.
[[nodiscard]] std::string quarantine_details(const filters::QuarantineRecord& record);
/// A JSON array in a line. docs/filters.md has its keys, which are stable.
[[nodiscard]] std::string quarantine_json(const std::vector<filters::QuarantineRecord>& records);

}  // namespace gatepost::command
