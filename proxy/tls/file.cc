#include "proxy/tls/file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string_view>
#include <system_error>

namespace gatepost::tls {

namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

Result<Secret> read_file(const std::string& path, std::size_t max_size, const char* kind) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rbe"));
  const auto failed = [&path](int error) {
    return fail(ErrorCode::config,
                fmt::format("{}: {}", path, std::generic_category().message(error)));
  };
  if (!file) return failed(errno);
  std::setvbuf(file.get(), nullptr, _IONBF, 0);  // no second copy of a key
  std::string text(max_size + 1, '\0');
  const std::size_t size = std::fread(text.data(), 1, text.size(), file.get());
  const int error = std::ferror(file.get()) != 0 ? errno : 0;
  Secret contents(std::string_view(text).substr(0, size));
  wipe(text);
  if (error != 0) return failed(error);
  if (size > max_size) {
    return fail(ErrorCode::config, fmt::format("{}: too large for {}", path, kind));
  }
  return contents;
}

}  // namespace gatepost::tls
