#include "filters/remove_header/remove_header.h"

#include <utility>

#include "filters/header_filter.h"
#include "filters/options.h"

namespace gatepost::filters {

Result<std::shared_ptr<const FilterKind>> make_remove_header(const config::Filter& filter) {
  Options options(filter);
  std::vector<HeaderEdit> edits;
  for (std::string& name : options.texts("names")) {
    if (!is_field_name(name)) options.wrong("names", "each must be the name of a header field");
    HeaderEdit edit;
    edit.what = HeaderEdit::What::remove;
    edit.name = std::move(name);
    edits.push_back(std::move(edit));
  }
  if (auto checked = options.finish(); !checked) return std::unexpected(checked.error());
  return make_header_filter(std::move(edits));
}

}  // namespace gatepost::filters
