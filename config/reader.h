#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/findings.h"
#include "config/json.h"
#include "config/units.h"
#include "proxy/base/address.h"

/// Private to config/: what build() is made with.
namespace gatepost::config {

template <class T>
using Choices = std::initializer_list<std::pair<const char*, T>>;

/// Reads members of one object into fields. A key that is not there leaves the default.
class Reader {
 public:
  Reader(const Json& object, std::string path, Findings& findings)
      : object_(object), path_(std::move(path)), findings_(findings) {}

  [[nodiscard]] Reader section(const char* key) const {
    static const Json kNothing = Json::object();
    const Json* value = find(key);
    return {value == nullptr ? kNothing : *value, path_of(key), findings_};
  }
  [[nodiscard]] const Json* find(const char* key) const {
    if (!object_.is_object()) return nullptr;
    const auto member = object_.find(key);
    return member == object_.end() ? nullptr : &*member;
  }
  [[nodiscard]] bool is_object() const { return object_.is_object(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path_of(const char* key) const { return path_ + pointer_step(key); }
  void error(const char* key, std::string text) const {
    findings_.error(path_of(key), std::move(text));
  }

  [[nodiscard]] std::optional<std::string> text(const char* key) const {
    const Json* value = find(key);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return value->get<std::string>();
  }
  void read(const char* key, std::string& field) const {
    if (auto value = text(key)) field = std::move(*value);
  }
  void read(const char* key, bool& field) const {
    const Json* value = find(key);
    if (value != nullptr && value->is_boolean()) field = value->get<bool>();
  }
  template <std::unsigned_integral Number>
    requires(!std::same_as<Number, bool>)
  void read(const char* key, Number& field) const {
    const Json* value = find(key);
    if (value == nullptr || !value->is_number_unsigned()) return;
    const auto number = value->get<std::uint64_t>();
    if (number <= std::numeric_limits<Number>::max()) field = static_cast<Number>(number);
  }
  template <class Rep, class Period>
  void read(const char* key, std::chrono::duration<Rep, Period>& field) const {
    const auto value = text(key);
    const auto duration = value ? parse_duration(*value) : std::nullopt;
    if (duration) field = std::chrono::duration_cast<std::chrono::duration<Rep, Period>>(*duration);
  }
  template <class T>
  void read(const char* key, T& field, Choices<T> choices) const {
    const auto value = text(key);
    for (const auto& [name, choice] : choices) {
      if (value && *value == name) field = choice;
    }
  }
  /// One of `choices`, by the name that to_string() gives it.
  template <class T, std::size_t N>
  void read(const char* key, T& field, const std::array<T, N>& choices) const {
    const auto value = text(key);
    for (const T choice : choices) {
      if (value && *value == to_string(choice)) field = choice;
    }
  }
  /// Whether `field` holds an address now.
  [[nodiscard]] bool read(const char* key, Endpoint& field, std::uint16_t default_port) const {
    const auto value = text(key);
    if (!value) return false;
    auto endpoint = Endpoint::parse(*value, default_port);
    if (!endpoint) {
      error(key, endpoint.error().detail);
      return false;
    }
    field = std::move(*endpoint);
    return true;
  }

  void read(const char* key, std::vector<std::string>& field) const {
    for_each(key, kMaxItems, [&](const Json& item, const std::string&) {
      if (item.is_string()) field.push_back(item.get<std::string>());
    });
  }
  void read(const char* key, std::vector<IpNetwork>& field) const {
    for_each(key, kMaxItems, [&](const Json& item, const std::string& path) {
      if (!item.is_string()) return;
      auto network = IpNetwork::parse(item.get_ref<const std::string&>());
      if (network) {
        field.push_back(*network);
      } else {
        findings_.error(path, network.error().detail);
      }
    });
  }
  /// Calls `each` with the items of a list, `most` at most, and their paths. Lists that are longer
  /// than the schema allows have been reported; there is no need to look at each item.
  void for_each(const char* key, std::size_t most, const auto& each) const {
    const Json* list = find(key);
    if (list == nullptr || !list->is_array()) return;
    for (std::size_t i = 0; i < std::min(list->size(), most); ++i) {
      each((*list)[i], path_of(key) + "/" + std::to_string(i));
    }
  }

 private:
  static constexpr std::size_t kMaxItems = 256;  // of a list of texts, as the schema has it

  const Json& object_;
  std::string path_;
  Findings& findings_;
};

}  // namespace gatepost::config
