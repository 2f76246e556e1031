#include "proxy/mailbox/inventory.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace gatepost::mailbox {

namespace {

constexpr char kFirst = 0x21;  // of the characters of a UIDL (RFC 1939 section 7)
constexpr char kLast = 0x7e;

bool is_uidl(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return c >= kFirst && c <= kLast; });
}

}  // namespace

Result<void> Inventory::add_size(std::uint64_t number, std::uint64_t octets) {
  if (number != messages_.size() + 1) {
    return fail(ErrorCode::protocol, fmt::format("LIST says message {} where {} is expected",
                                                 number, messages_.size() + 1));
  }
  if (messages_.size() == kMaxMessages) {
    return fail(ErrorCode::limit, fmt::format("more than {} messages", kMaxMessages));
  }
  messages_.push_back({octets, 0, 0});
  return {};
}

Result<void> Inventory::add_uidl(std::uint64_t number, std::string_view uidl) {
  if (number != named_ + 1 || named_ == messages_.size()) {
    return fail(ErrorCode::protocol, fmt::format("UIDL says message {} where LIST has {} of {}",
                                                 number, named_ + 1, messages_.size()));
  }
  if (uidl.size() > kMaxUidl) {
    return fail(ErrorCode::limit, fmt::format("the UIDL of message {} is too long", number));
  }
  if (!is_uidl(uidl)) {
    return fail(ErrorCode::protocol, fmt::format("message {} has no proper UIDL", number));
  }
  if (uidls_.size() > std::numeric_limits<std::uint32_t>::max() - uidl.size()) {
    return fail(ErrorCode::limit, "all UIDLs together are too long");
  }
  Message& message = messages_[named_++];
  message.uidl_at = static_cast<std::uint32_t>(uidls_.size());
  message.uidl_size = static_cast<std::uint32_t>(uidl.size());
  uidls_ += uidl;
  return {};
}

void Inventory::complete() {
  messages_.shrink_to_fit();
  uidls_.shrink_to_fit();
}

std::string_view Inventory::uidl(std::size_t index) const {
  const Message& message = messages_[index];
  return std::string_view(uidls_).substr(message.uidl_at, message.uidl_size);
}

}  // namespace gatepost::mailbox
