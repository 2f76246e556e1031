#include "filters/add_header/add_header.h"

#include <utility>

#include "filters/header_filter.h"
#include "filters/options.h"

namespace gatepost::filters {

Result<std::shared_ptr<const FilterKind>> make_add_header(const config::Filter& filter) {
  Options options(filter);
  std::vector<HeaderEdit> edits;
  const bool end = options.word("at", {"top", "end"}) == "end";
  for (const std::string& line : options.texts("lines")) {
    HeaderEdit edit;
    edit.what = HeaderEdit::What::add;
    edit.place = end ? HeaderEdit::Place::end : HeaderEdit::Place::top;
    const std::size_t colon = std::min(line.find(':'), line.size());
    edit.name = line.substr(0, colon);
    if (colon < line.size()) edit.value = line.substr(colon + 1);
    // All is checked here, so that nothing can go wrong with a message.
    if (!is_field_name(edit.name) || colon == line.size()) {
      options.wrong("lines", "each must be a header line, \"Name: value\"");
    }
    edits.push_back(std::move(edit));
  }
  if (auto checked = options.finish(); !checked) return std::unexpected(checked.error());
  return make_header_filter(std::move(edits));
}

}  // namespace gatepost::filters
