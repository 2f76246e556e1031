#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost::testing {

/// A DNS message made by hand (RFC 1035 section 4).
class DnsAnswer {
 public:
  static constexpr int kSrv = 33;
  static constexpr int kCname = 5;
  static constexpr int kA = 1;

  /// `flags`: QR and RD and RA, unless the test wants others.
  explicit DnsAnswer(unsigned flags = 0x8180) : flags_(flags) {}

  static std::string u16(std::size_t number) {
    return {static_cast<char>(number >> 8), static_cast<char>(number & 0xff)};
  }
  static std::string u32(std::size_t number) { return u16(number >> 16) + u16(number & 0xffff); }
  /// Labels with their lengths, ended by the root.
  static std::string name(std::string_view text) {
    std::string wire;
    while (!text.empty()) {
      const std::string_view label = text.substr(0, text.find('.'));
      wire += static_cast<char>(label.size());
      wire += label;
      text.remove_prefix(std::min(label.size() + 1, text.size()));
    }
    return wire + '\0';
  }
  static std::string pointer(std::size_t to) { return u16(0xc000 | to); }
  static std::string srv(std::size_t priority, std::size_t weight, std::size_t port,
                         std::string_view target_wire) {
    return u16(priority) + u16(weight) + u16(port) + std::string(target_wire);
  }

  /// A record of the answer section for the name of the question.
  DnsAnswer& add(std::string_view data, int type = kSrv, std::size_t ttl = 300, int klass = 1) {
    records_ += pointer(kQuestionAt) + u16(static_cast<std::size_t>(type)) +
                u16(static_cast<std::size_t>(klass)) + u32(ttl) + u16(data.size()) +
                std::string(data);
    ++count_;
    return *this;
  }
  /// Says so many records, whatever there are.
  DnsAnswer& claim(std::size_t count) {
    count_ = count;
    return *this;
  }
  /// Where the data of the next record will start.
  [[nodiscard]] std::size_t next_data_at() const {
    return kQuestionAt + question().size() + records_.size() + 12;
  }

  [[nodiscard]] std::string text(std::size_t id = 0) const {
    return u16(id) + u16(flags_) + u16(1) + u16(count_) + u16(0) + u16(0) + question() + records_;
  }
  [[nodiscard]] std::vector<std::uint8_t> bytes() const {
    const std::string all = text();
    return {all.begin(), all.end()};
  }

 private:
  static constexpr std::size_t kQuestionAt = 12;
  static std::string question() { return name("_pop3s._tcp.example.test") + u16(kSrv) + u16(1); }

  unsigned flags_;
  std::string records_;
  std::size_t count_ = 0;
};

}  // namespace gatepost::testing
