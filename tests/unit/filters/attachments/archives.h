#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost::filters::test {

struct File {
  std::string name;
  std::string text;
};

/// An archive as libarchive writes it: `format` "zip", "gnutar", "7zip", "cpio", "iso9660",
/// "raw", …; `filter` "gzip", "bzip2", "xz", "zstd" or none; `options` of the format.
inline std::string make_archive(const char* format, const std::vector<File>& files,
                                const char* filter = nullptr, const char* options = nullptr,
                                const char* passphrase = nullptr) {
  const std::unique_ptr<archive, decltype(&archive_write_free)> writer(archive_write_new(),
                                                                       &archive_write_free);
  EXPECT_EQ(archive_write_set_format_by_name(writer.get(), format), ARCHIVE_OK);
  if (filter != nullptr) {
    EXPECT_EQ(archive_write_add_filter_by_name(writer.get(), filter), ARCHIVE_OK);
  }
  if (options != nullptr) {
    EXPECT_EQ(archive_write_set_options(writer.get(), options), ARCHIVE_OK);
  }
  if (passphrase != nullptr) archive_write_set_passphrase(writer.get(), passphrase);
  archive_write_set_bytes_in_last_block(writer.get(), 1);
  std::string out;
  const auto write = [](archive*, void* to, const void* octets, std::size_t size) {
    static_cast<std::string*>(to)->append(static_cast<const char*>(octets), size);
    return static_cast<la_ssize_t>(size);
  };
  EXPECT_EQ(archive_write_open2(writer.get(), &out, nullptr, write, nullptr, nullptr), ARCHIVE_OK);
  for (const File& file : files) {
    const std::unique_ptr<archive_entry, decltype(&archive_entry_free)> entry(archive_entry_new(),
                                                                              &archive_entry_free);
    archive_entry_set_pathname(entry.get(), file.name.c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(file.text.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    EXPECT_GE(archive_write_header(writer.get(), entry.get()), ARCHIVE_WARN)
        << archive_error_string(writer.get());
    std::string_view rest = file.text;
    while (!rest.empty()) {
      const la_ssize_t size = archive_write_data(writer.get(), rest.data(), rest.size());
      if (size <= 0) break;
      rest.remove_prefix(static_cast<std::size_t>(size));
    }
  }
  EXPECT_EQ(archive_write_close(writer.get()), ARCHIVE_OK);
  return out;
}

inline std::string make_zip(const std::vector<File>& files) { return make_archive("zip", files); }

/// "50 4b 03 04": octets; other characters are left out.
inline std::string octets(std::string_view hex) {
  std::string out;
  int high = -1;
  for (const char c : hex) {
    const std::size_t value = std::string_view("0123456789abcdef").find(c);
    if (value == std::string_view::npos) continue;
    if (high >= 0) out += static_cast<char>(high * 16 + static_cast<int>(value));
    high = high >= 0 ? -1 : static_cast<int>(value);
  }
  return out;
}

}  // namespace gatepost::filters::test
