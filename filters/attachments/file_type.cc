#include "filters/attachments/file_type.h"

#include <magic.h>

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "proxy/pop3/ascii.h"

namespace gatepost::filters {

namespace {

using namespace std::string_view_literals;

struct Signature {
  std::string_view octets;
  std::string_view type;
};

/// At the very beginning of what is not text: there is a NUL in the first kBinary octets.
constexpr std::size_t kBinary = 512;
constexpr auto kSignatures = std::to_array<Signature>({
    {"MZ"sv, "application/x-dosexec"},
    {"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0"sv, "application/x-ms-shortcut"},
    {"\x78\x9f\x3e\x22"sv, kTnefType},
    {"ITSF"sv, "application/vnd.ms-htmlhelp"},
    {"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d"sv, "application/onenote"},
    {"MSCF\0\0\0\0"sv, "application/vnd.ms-cab-compressed"},
    {"\x60\xea"sv, "application/x-arj"},
    {"conectix"sv, "application/x-virtualbox-vhd"},
    {"vhdxfile"sv, "application/x-vhdx"},
    {"MSWIM\0\0\0"sv, "application/x-ms-wim"},
    {"dex\n"sv, "application/x-dex"},
    {"FasdUAS"sv, "application/x-applescript"},
    {"ALZ\x01"sv, "application/x-alz-compressed"},
    {"EGGA"sv, "application/x-egg"},
});

/// Text, behind blanks and a byte order mark; in capitals.
constexpr auto kTexts = std::to_array<Signature>({
    {"[INTERNETSHORTCUT]"sv, "application/x-mswinurl"},
    {"[DESKTOP ENTRY]"sv, "application/x-desktop"},
    {"@ECHO OFF"sv, "text/x-msdos-batch"},
    {"{\\RT"sv, "text/rtf"},  // Word does not ask for more
    {"-----BEGIN PGP MESSAGE"sv, "application/pgp-encrypted"},
});

/// Somewhere in the first kSearched octets; in capitals.
constexpr std::size_t kSearched = 8 * 1024;
constexpr auto kWithin = std::to_array<Signature>({
    {"<HTA:APPLICATION"sv, "application/hta"},
    {"<SCRIPTLET"sv, "text/scriptlet"},
    {"WSCRIPT.SHELL"sv, "text/x-windows-script"},
    {"SCRIPTING.FILESYSTEMOBJECT"sv, "text/x-windows-script"},
});

/// Text in UTF-16 as its ASCII; other text as it is.
std::string as_ascii(std::string_view text) {
  const bool little = text.starts_with("\xff\xfe");
  const bool big = text.starts_with("\xfe\xff");
  if (!little && !big) return std::string(text.starts_with("\xef\xbb\xbf") ? text.substr(3) : text);
  std::string out;
  for (std::size_t i = little ? 2 : 3; i < text.size(); i += 2) out += text[i];
  return out;
}

/// Disk images of UDF only: a descriptor of the volume's recognition (ECMA 167, part 2).
bool is_udf(std::string_view beginning) {
  constexpr std::size_t kSector = 2048;
  for (std::size_t at = 16 * kSector; at + 6 <= beginning.size() && at < 32 * kSector;
       at += kSector) {
    const std::string_view id = beginning.substr(at + 1, 5);
    if (id == "NSR02" || id == "NSR03" || id == "CD001") return true;
  }
  return false;
}

}  // namespace

std::vector<std::string_view> known_signatures(std::string_view beginning) {
  std::vector<std::string_view> types;
  const bool binary = beginning.substr(0, kBinary).find('\0') != std::string_view::npos;
  for (const Signature& signature : kSignatures) {
    if (binary && beginning.starts_with(signature.octets)) types.push_back(signature.type);
  }
  std::string text = pop3::to_upper(as_ascii(beginning.substr(0, kSearched)));
  text.erase(0, text.find_first_not_of(" \t\r\n"));
  for (const Signature& signature : kTexts) {
    if (text.starts_with(signature.octets)) types.push_back(signature.type);
  }
  const bool markup_or_script = text.find('\0') == std::string::npos;
  for (const Signature& signature : kWithin) {
    if (markup_or_script && text.find(signature.octets) != std::string::npos) {
      types.push_back(signature.type);
    }
  }
  // "<job" alone stands in many XML files.
  const bool job = text.find("<JOB") != std::string::npos;
  if (markup_or_script && job && text.find("<SCRIPT") != std::string::npos) {
    types.emplace_back("application/x-wsf");
  }
  if (is_udf(beginning)) types.emplace_back("application/x-iso9660-image");
  return types;
}

Result<std::shared_ptr<const FileTypes>> FileTypes::shared() {
  // A reload makes rules while those before are still there: they share what was opened.
  static std::mutex mutex;
  static std::weak_ptr<const FileTypes> known;
  const std::scoped_lock lock(mutex);
  if (auto there = known.lock()) return there;
  const std::shared_ptr<FileTypes> made(new FileTypes);
  for (std::size_t i = 0; i < kCookies; ++i) {
    // Not into what is compressed (that is the archive's look), no details.
    const magic_t cookie = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS |
                                      MAGIC_NO_CHECK_ELF | MAGIC_NO_CHECK_TOKENS);
    if (cookie == nullptr) return fail(ErrorCode::system, "libmagic cannot be opened");
    made->idle_.push_back(cookie);
    if (magic_load(cookie, nullptr) != 0) {
      const char* const why = magic_error(cookie);
      return fail(ErrorCode::system, fmt::format("libmagic has no database: {}",
                                                 why == nullptr ? "no reason given" : why));
    }
    std::size_t look = kMaxLook;
    (void)magic_setparam(cookie, MAGIC_PARAM_BYTES_MAX, &look);
  }
  known = made;
  return made;
}

FileTypes::~FileTypes() {
  for (void* const cookie : idle_) magic_close(static_cast<magic_t>(cookie));
}

std::string FileTypes::ask_library(std::string_view beginning) const {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [this] { return !idle_.empty(); });
  const auto cookie = static_cast<magic_t>(idle_.back());
  idle_.pop_back();
  lock.unlock();
  const char* const answer = magic_buffer(cookie, beginning.data(), beginning.size());
  std::string type = answer == nullptr ? "application/octet-stream" : answer;
  lock.lock();
  idle_.push_back(cookie);
  lock.unlock();
  returned_.notify_one();
  // "application/x-executable, no program header"
  type.resize(std::min(type.find_first_of(",; \n\\"), type.size()));
  std::ranges::transform(type, type.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return type;
}

std::vector<std::string> FileTypes::types(std::string_view beginning) const {
  beginning = beginning.substr(0, kMaxLook);
  std::vector<std::string> types{ask_library(beginning)};
  if (types.front() == "application/vnd.ms-tnef") types.front() = kTnefType;
  for (const std::string_view type : known_signatures(beginning)) {
    if (std::ranges::find(types, type) != types.end()) continue;
    // What the library calls text or nothing, we know better.
    const bool vague =
        types.front().starts_with("text/") || types.front() == "application/octet-stream";
    types.insert(vague ? types.begin() : types.end(), std::string(type));
  }
  return types;
}

}  // namespace gatepost::filters
