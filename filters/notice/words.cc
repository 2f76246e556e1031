#include "filters/notice/words.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace gatepost::filters {

namespace {

std::string_view english(Cause cause) {
  switch (cause) {
    case Cause::clean:
    case Cause::count_:
      break;
    case Cause::spam:
      return "it is unwanted mail (spam)";
    case Cause::unreachable:
      return "it could not be checked, because the scanner was not reached";
    case Cause::timeout:
      return "it could not be checked in time";
    case Cause::not_understood:
      return "it could not be checked, because the scanner had trouble";
    case Cause::spool_full:
      return "it could not be checked, because there was no room for it";
    case Cause::partial:
      return "it is only a piece of a message, which cannot be checked";
    case Cause::oversize:
      return "it is too large to be checked";
    case Cause::unscannable:
      return "it is encrypted, or packed so that it cannot be checked";
    case Cause::encrypted:
      return "it has an encrypted attachment, which is not allowed";
    case Cause::attachment:
      return "it has an attachment of a kind that is not allowed";
    case Cause::infected:
      return "it contains a virus or other malicious software";
  }
  return "it was held back";
}

std::string_view german(Cause cause) {
  switch (cause) {
    case Cause::clean:
    case Cause::count_:
      break;
    case Cause::spam:
      return "sie ist unerwünschte Werbung (Spam)";
    case Cause::unreachable:
      return "sie konnte nicht geprüft werden, weil der Prüfer nicht erreichbar war";
    case Cause::timeout:
      return "sie konnte nicht rechtzeitig geprüft werden";
    case Cause::not_understood:
      return "sie konnte nicht geprüft werden, weil der Prüfer gestört war";
    case Cause::spool_full:
      return "sie konnte nicht geprüft werden, weil der Platz dafür fehlte";
    case Cause::partial:
      return "sie ist nur ein Stück einer Nachricht und so nicht zu prüfen";
    case Cause::oversize:
      return "sie ist zu groß, um geprüft zu werden";
    case Cause::unscannable:
      return "sie ist verschlüsselt oder so gepackt, dass sie nicht geprüft werden kann";
    case Cause::encrypted:
      return "sie hat einen verschlüsselten Anhang, und solche sind nicht erlaubt";
    case Cause::attachment:
      return "sie hat einen Anhang von einer Art, die nicht erlaubt ist";
    case Cause::infected:
      return "sie enthält einen Virus oder andere Schadsoftware";
  }
  return "sie wurde zurückgehalten";
}

const std::array<Language, 2>& all_languages() {
  static const std::array<Language, 2> all = {{
      {"en", templates::en_txt(), templates::en_html(), '.', "bytes", english},
      {"de", templates::de_txt(), templates::de_html(), ',', "Byte", german},
  }};
  return all;
}

}  // namespace

std::vector<const Language*> languages(std::string_view names) {
  std::vector<const Language*> chosen;
  while (true) {
    const std::size_t comma = names.find(',');
    const auto* const found =
        std::ranges::find(all_languages(), names.substr(0, comma), &Language::name);
    if (found == all_languages().end() || std::ranges::find(chosen, &*found) != chosen.end()) {
      return {};
    }
    chosen.push_back(&*found);
    if (comma == std::string_view::npos) return chosen;
    names.remove_prefix(comma + 1);
  }
}

std::string size_text(std::uint64_t octets, const Language& language) {
  constexpr std::array<std::string_view, 4> kUnits = {"kB", "MB", "GB", "TB"};
  if (octets < 1000) return fmt::format("{} {}", octets, language.octets);
  // In tenths of the unit, so that no floating point decides what is shown.
  std::uint64_t tenths = octets / 100;
  std::size_t unit = 0;
  while (tenths >= 10'000 && unit + 1 < kUnits.size()) {
    tenths /= 1000;
    ++unit;
  }
  return fmt::format("{}{}{} {} ({} {})", tenths / 10, language.decimal_mark, tenths % 10,
                     kUnits[unit], octets, language.octets);
}

}  // namespace gatepost::filters
