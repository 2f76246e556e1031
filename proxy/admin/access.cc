#include "proxy/admin/access.h"

#include <algorithm>

#include <fmt/format.h>

#include "proxy/base/address.h"
#include "proxy/pop3/ascii.h"

namespace gatepost::admin {

namespace {

constexpr std::string_view kCookie = "gatepost";

/// The value of our cookie (RFC 6265 section 5.4); "" without one.
std::string_view cookie_of(const http::Request& request) {
  std::string_view rest = request.header("Cookie");
  while (!rest.empty()) {
    std::string_view pair = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == kCookie) {
      return pair.substr(equals + 1);
    }
  }
  return {};
}

/// Without the port.
std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    return end == std::string_view::npos ? std::string_view() : authority.substr(1, end - 1);
  }
  return authority.substr(0, authority.find(':'));
}

}  // namespace

void Access::set_token(std::optional<Digest> token) {
  if (token == token_) return;
  token_ = token;
  logins_.clear();
}

Access::Answer Access::ask(std::string_view token, const std::string& network) {
  const Instant now = clock_.now();
  if (wait_for(network) > Duration(0)) return Answer::wait;
  // Digests are compared, not tokens: their octets tell nothing of how much was right.
  if (token_ && token.size() <= kMaxToken && same(sha256(token), *token_)) {
    guesses_.erase(network);
    return Answer::right;
  }
  Guesses& guesses = guesses_.touch(network);
  if (++guesses.wrong > kFreeGuesses) {
    constexpr std::uint32_t kMostDoublings = 16;
    const auto doublings = std::min(guesses.wrong - kFreeGuesses - 1, kMostDoublings);
    guesses.until = now + std::min(kMaxWait, Duration(1'000) * (1U << doublings));
  }
  return Answer::wrong;
}

Duration Access::wait_for(const std::string& network) const {
  const Guesses* guesses = guesses_.find(network);
  return guesses == nullptr ? Duration(0) : std::max(Duration(0), guesses->until - clock_.now());
}

std::string Access::log_in() {
  drop_old();
  if (logins_.size() == kMaxLogins) logins_.pop_back();
  std::string cookie = random_word();
  logins_.push_front({.cookie = sha256(cookie),
                      .secret = random_word(),
                      .message = {},
                      .since = clock_.now(),
                      .used = clock_.now()});
  return cookie;
}

Login* Access::find(const http::Request& request) {
  const std::string_view cookie = cookie_of(request);
  return cookie.empty() || logins_.empty() ? nullptr : find(sha256(cookie));
}

Login* Access::find(const Digest& cookie) {
  drop_old();
  const auto at = std::ranges::find_if(
      logins_, [&cookie](const Login& login) { return same(login.cookie, cookie); });
  if (at == logins_.end()) return nullptr;
  logins_.splice(logins_.begin(), logins_, at);
  logins_.front().used = clock_.now();
  return &logins_.front();
}

void Access::log_out(const Digest& cookie) {
  logins_.remove_if([&cookie](const Login& login) { return login.cookie == cookie; });
}

void Access::drop_old() {
  const Instant now = clock_.now();
  logins_.remove_if([now](const Login& login) {
    return now - login.used > kMaxIdle || now - login.since > kMaxLogin;
  });
}

std::string cookie_field(std::string_view value) {
  // Not Secure: there is no TLS here, and a browser would not send it back. A proxy that has TLS
  // may add that.
  return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict{}", kCookie, value,
                     value.empty() ? "; Max-Age=0" : "");
}

std::optional<std::string_view> bearer_token(const http::Request& request) {
  constexpr std::string_view kScheme = "bearer ";
  const std::string_view field = request.header("Authorization");
  if (pop3::to_lower(field.substr(0, kScheme.size())) != kScheme) return std::nullopt;
  return field.substr(kScheme.size());
}

bool from_own_page(const http::Request& request) {
  if (const auto site = request.header("Sec-Fetch-Site"); !site.empty()) {
    return site == "same-origin";
  }
  // Sent by every browser; the field above is not where there is neither TLS nor loopback.
  const std::string_view origin = request.header("Origin");
  const auto authority = origin.find("://");
  if (authority == std::string_view::npos) return false;
  return pop3::to_lower(origin.substr(authority + 3)) == pop3::to_lower(request.header("Host"));
}

bool names_us(const http::Request& request, std::string_view configured) {
  const std::string host = pop3::to_lower(host_of(request.header("Host")));
  if (host.empty()) return false;
  return host == "localhost" || host == pop3::to_lower(configured) ||
         IpAddress::parse(host).has_value();
}

}  // namespace gatepost::admin
