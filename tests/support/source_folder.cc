#include "tests/support/source_folder.h"

namespace gatepost::testing {

std::string source_file(std::string_view path) {
  return std::string(GATEPOST_SOURCE_DIR "/") += path;
}

}  // namespace gatepost::testing
