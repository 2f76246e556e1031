#include "proxy/command/sweep_client.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace gatepost::command {

namespace {

/// Of a server's words.
constexpr std::size_t kMaxShown = 200;

std::string harmless(std::string_view words) {
  std::string shown(words.substr(0, kMaxShown));
  std::ranges::replace_if(shown, [](char c) { return c < ' ' || c > '~'; }, '?');
  return words.size() > kMaxShown ? shown + "..." : shown;
}

}  // namespace

std::string SweepDialog::hear(std::string_view answer) {
  if (stage_ == Stage::done || stage_ == Stage::failed) return {};
  if (!answer.starts_with("+OK")) {
    const bool leave = stage_ == Stage::user || stage_ == Stage::pass;
    refusal_ = answer;
    stage_ = Stage::failed;
    return leave ? "QUIT\r\n" : "";
  }
  switch (stage_) {
    case Stage::greeting:
      stage_ = Stage::user;
      return fmt::format("USER {}\r\n", account_);
    case Stage::user:
      stage_ = Stage::pass;
      return "PASS -\r\n";
    case Stage::pass:
      logged_in_ = true;
      stage_ = Stage::quit;
      return "QUIT\r\n";
    case Stage::quit:
      stage_ = Stage::done;
      return {};
    case Stage::done:
    case Stage::failed:
      break;
  }
  std::unreachable();
}

std::string SweepDialog::problem() const {
  if (stage_ == Stage::done) return {};
  if (stage_ == Stage::failed) return harmless(refusal_);
  return logged_in_ ? "the connection was lost: what was due may have been removed or not"
                    : "the connection was lost";
}

void SweepClient::send(ByteChain&& bytes) {
  for (const Slice& slice : bytes.slices()) heard_ += slice.view();
  bytes.clear();
}

bool SweepClient::settle() {
  std::string said;
  for (std::size_t end = heard_.find("\r\n"); end != std::string::npos; end = heard_.find("\r\n")) {
    said += dialog_.hear(std::string_view(heard_).substr(0, end));
    heard_.erase(0, end + 2);
  }
  if (said.empty() || end_) return false;
  received_.append(pool_, said);
  return true;
}

void SweepClient::close(net::CloseMode mode) {
  if (end_) return;
  if (mode == net::CloseMode::abort) heard_.clear();
  end_ = Error{ErrorCode::closed, "closed"};
}

}  // namespace gatepost::command
