#include "filters/attachments/archive.h"

#include <fmt/format.h>

#include "filters/attachments/archive_pass.h"
#include "filters/attachments/archive_reader.h"

namespace gatepost::filters {

Result<void> ArchiveLook::check_library() {
  const std::string missing = missing_decompressor();
  if (missing.empty()) return {};
  return fail(ErrorCode::system, fmt::format("archives cannot be read: {} is missing", missing));
}

Result<ArchiveLook::Report> ArchiveLook::look(Content& content,
                                              const std::vector<std::string>& names,
                                              const Sink& sink) {
  const Utf8Locale locale;
  ArchivePass::Shared shared{*this, sink, content.size(), 0, false, std::nullopt};
  ArchivePass pass(shared, 1, names);
  pass.of(content);
  if (shared.error) return std::unexpected(*shared.error);
  return std::move(pass.report());
}

}  // namespace gatepost::filters
