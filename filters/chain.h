#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "filters/message_filter.h"
#include "filters/notice/notice.h"
#include "filters/rewrite/rule_book.h"
#include "filters/scan/scan_desk.h"

namespace gatepost::filters {

/// A configured chain made ready for use. Immutable; a session keeps the one that it began with.
struct Chain {
  config::Chain config;
  std::string path = {};  ///< where it stands in the configuration: "/chains/0"
  std::vector<std::shared_ptr<const FilterKind>> filters;
  ScanDesk::Kinds scanners;
  std::shared_ptr<const RuleBook> rules;  ///< null: there is none
  std::shared_ptr<const NoticeWriter> notice;
  std::shared_ptr<const Chain> shadow;  ///< looks at the same messages; null: there is none
  /// What remembered verdicts depend on of the configuration: filters with their options, scanners
  /// with their settings.
  std::string fingerprint;

  /// The same of what changes messages after the verdict: the rules.
  std::string rules_fingerprint;
  /// Nobody looks further than at the header: for TOP.
  bool header_only = false;

  [[nodiscard]] bool scans() const { return !scanners.empty(); }
  /// Whether a message has to be complete before something of it goes out.
  [[nodiscard]] bool waits() const {
    return scans() || (!header_only && rules && rules->needs_whole());
  }
};

}  // namespace gatepost::filters
