#include "filters/attachments/type_patterns.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "filters/attachments/file_name.h"

namespace gatepost::filters {

const std::vector<TypeGroup>& type_groups() {
  // docs/filters.md has them as a table.
  static const std::vector<TypeGroup> groups = {
      {"executable",
       {"application/x-dosexec",
        "application/vnd.microsoft.portable-executable",
        "application/x-msdownload",
        "application/x-*-executable",
        "application/x-executable",
        "application/x-pie-executable",
        "application/x-sharedlib",
        "application/x-object",
        "application/x-mach-binary",
        "application/x-java-applet",
        "application/x-java-class",
        "application/java-archive",
        "application/x-java-jnlp-file",
        "application/x-dex",
        "application/vnd.android.package-archive",
        "application/x-msi",
        "application/x-ms-installer",
        "application/vnd.ms-msi",
        "application/vnd.ms-htmlhelp",
        "application/x-rpm",
        "application/vnd.debian.binary-package",
        "application/x-debian-package",
        "application/x-bytecode.python",
        "application/vnd.adobe.flash.movie",
        "application/x-shockwave-flash",
        "application/x-coredump"}},
      {"script",
       {"text/x-shellscript",
        "application/x-sh",
        "text/x-script.python",
        "text/x-python",
        "text/x-perl",
        "text/x-php",
        "text/x-ruby",
        "text/x-lua",
        "text/x-tcl",
        "text/x-awk",
        "text/x-gawk",
        "text/x-nawk",
        "text/x-msdos-batch",
        "text/x-powershell",
        "text/javascript",
        "application/javascript",
        "application/x-javascript",
        "text/vbscript",
        "application/hta",
        "text/scriptlet",
        "application/x-wsf",
        "text/x-windows-script",
        "application/x-applescript",
        "application/x-setupscript"}},
      {"office_macro", {"application/x-office-macro", "application/vnd.ms-*.macroenabled*"}},
      {"archive",
       {"application/zip",
        "application/x-zip",
        "application/java-archive",
        "application/x-tar",
        "application/gzip",
        "application/x-gzip",
        "application/x-bzip",
        "application/x-bzip2",
        "application/x-xz",
        "application/zstd",
        "application/x-zstd",
        "application/x-7z-compressed",
        "application/x-rar",
        "application/x-rar-compressed",
        "application/vnd.rar",
        "application/vnd.ms-cab-compressed",
        "application/x-lzh-compressed",
        "application/x-lha",
        "application/x-lharc",
        "application/x-arj",
        "application/x-ace-compressed",
        "application/x-alz-compressed",
        "application/x-egg",
        "application/x-arc",
        "application/x-zoo",
        "application/x-cpio",
        "application/x-archive",
        "application/x-compress*",
        "application/x-lzma",
        "application/x-lzip",
        "application/x-lz4",
        "application/x-lzop",
        "application/x-lrzip",
        "application/x-stuffit",
        "application/x-xar"}},
      {"disk_image",
       {"application/x-iso9660-image", "application/x-apple-diskimage", "application/x-qemu-disk",
        "application/x-virtualbox-*", "application/x-vhdx", "application/x-ms-wim",
        "application/x-raw-disk-image", "application/vnd.efi.*"}},
      {"shortcut",
       {"application/x-ms-shortcut", "application/x-mswinurl", "application/x-desktop"}},
  };
  return groups;
}

namespace {

const TypeGroup* find_group(std::string_view name) {
  const auto found = std::ranges::find(type_groups(), name, &TypeGroup::name);
  return found == type_groups().end() ? nullptr : &*found;
}

bool fits(std::string_view pattern, std::string_view type) {
  const TypeGroup* const group = find_group(pattern);
  if (group == nullptr) return matches_glob(pattern, type);
  return std::ranges::any_of(group->patterns,
                             [&](std::string_view one) { return matches_glob(one, type); });
}

/// "*/*", "application/x-*", "text/html".
bool is_pattern(std::string_view text) {
  return std::ranges::count(text, '/') == 1 && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  std::string_view("/*?.+-_").find(c) != std::string_view::npos;
         });
}

}  // namespace

bool in_group(std::string_view name, std::string_view type) { return fits(name, type); }

TypePatterns::TypePatterns(Options& options, const std::string& name, bool groups) {
  for (std::string& text : options.optional_texts(name)) {
    std::ranges::transform(text, text.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (!is_pattern(text) && (!groups || find_group(text) == nullptr)) {
      std::vector<std::string_view> words;
      for (const TypeGroup& group : type_groups()) words.push_back(group.name);
      options.wrong(name, groups ? fmt::format("each must be a type like image/* or one of: {}",
                                               fmt::join(words, ", "))
                                 : std::string("each must be a type like image/*"));
    }
    patterns_.push_back(std::move(text));
  }
}

const std::string* TypePatterns::match(std::string_view type) const {
  const auto found = std::ranges::find_if(
      patterns_, [&](const std::string& pattern) { return fits(pattern, type); });
  return found == patterns_.end() ? nullptr : &*found;
}

const std::string* TypePatterns::match_body(std::string_view type) const {
  // Scripts and shortcuts that are nothing but text.
  const bool text = type.starts_with("text/") || fits("script", type) || fits("shortcut", type);
  const auto found = std::ranges::find_if(patterns_, [&](const std::string& pattern) {
    return fits(pattern, type) && (!text || pattern == type);
  });
  return found == patterns_.end() ? nullptr : &*found;
}

}  // namespace gatepost::filters
