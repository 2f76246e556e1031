#include "proxy/pop3/sasl.h"

#include <algorithm>
#include <array>

#include "proxy/pop3/ascii.h"

namespace gatepost::pop3 {

namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 0xFF;

constexpr std::array<std::uint8_t, 256> make_digits() {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(kNoDigit);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    digits[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return digits;
}
constexpr std::array<std::uint8_t, 256> kDigits = make_digits();

std::uint32_t octet(std::string_view bytes, std::size_t i) {
  return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0;
}

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);  // at once: what is encoded may be a password
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t group =
        octet(bytes, i) << 16 | octet(bytes, i + 1) << 8 | octet(bytes, i + 2);
    text += kAlphabet[group >> 18];
    text += kAlphabet[group >> 12 & 63];
    text += i + 1 < bytes.size() ? kAlphabet[group >> 6 & 63] : '=';
    text += i + 2 < bytes.size() ? kAlphabet[group & 63] : '=';
  }
  return text;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool pad = i + padding >= text.size();
    const std::uint8_t digit = pad ? 0 : kDigits[static_cast<unsigned char>(text[i])];
    if (digit == kNoDigit) {
      wipe(bytes);
      return std::nullopt;
    }
    bits = bits << 6 | digit;
    if (i % 4 != 3) continue;
    for (const int shift : {16, 8, 0}) bytes += static_cast<char>(bits >> shift & 0xFF);
    bits = 0;
  }
  // Bits that padding cuts off must be zero, else one secret would have several spellings.
  for (std::size_t i = 0; i < padding; ++i) {
    if (bytes.back() != '\0') {
      wipe(bytes);
      return std::nullopt;
    }
    bytes.pop_back();
  }
  return bytes;
}

std::string sasl_plain_message(std::string_view user, std::string_view password) {
  std::string message;
  message.reserve(user.size() + password.size() + 2);
  message += '\0';
  message += user;
  message += '\0';
  message += password;
  std::string encoded = base64_encode(message);
  wipe(message);
  return encoded;
}

bool is_safe_argument(std::string_view text) {
  return !text.empty() && text.size() <= kMaxPassword && !breaks_lines(text);
}

bool is_safe_user(std::string_view text) {
  return text.size() <= kMaxUserName && text.find_first_not_of(' ') != std::string_view::npos &&
         std::ranges::none_of(text, is_control);
}

std::optional<SaslDialog> SaslDialog::start(std::string_view mechanism) {
  if (mechanism == "PLAIN") return SaslDialog(State::plain);
  if (mechanism == "LOGIN") return SaslDialog(State::login_user);
  return std::nullopt;
}

SaslDialog::Step SaslDialog::begin(const std::optional<std::string>& initial_response) {
  if (initial_response) return decode(*initial_response == "=" ? "" : *initial_response);
  return ask(state_ == State::login_user ? "Username:" : "");
}

SaslDialog::Step SaslDialog::respond(std::string_view line) {
  if (line == "*") return fail("Authentication cancelled");
  return decode(line);
}

SaslDialog::Step SaslDialog::decode(std::string_view text) {
  std::optional<std::string> decoded = base64_decode(text);
  if (!decoded) return fail("Response is not base64");
  const Step step = accept(*decoded);
  wipe(*decoded);
  return step;
}

SaslDialog::Step SaslDialog::accept(std::string_view decoded) {
  switch (state_) {
    case State::plain:
      return accept_plain(decoded);
    case State::login_user:
      if (!is_safe_user(decoded)) return fail("Not a user name");
      credentials_.user = decoded;
      state_ = State::login_password;
      return ask("Password:");
    case State::login_password:
      if (!is_safe_argument(decoded)) return fail("Not a password");
      credentials_.password = Secret(decoded);
      state_ = State::over;
      return Step::done;
    case State::over:
      break;
  }
  return fail("Authentication is over");
}

/// RFC 4616 section 2: [authzid] NUL authcid NUL passwd.
SaslDialog::Step SaslDialog::accept_plain(std::string_view message) {
  const std::size_t first = message.find('\0');
  const std::size_t second =
      first == std::string_view::npos ? first : message.find('\0', first + 1);
  if (second == std::string_view::npos) return fail("Not a PLAIN message");
  const std::string_view authzid = message.substr(0, first);
  const std::string_view authcid = message.substr(first + 1, second - first - 1);
  const std::string_view password = message.substr(second + 1);
  if (!is_safe_user(authcid)) return fail("Not a user name");
  if (!is_safe_argument(password)) return fail("Not a password");
  if (!authzid.empty() && authzid != authcid) return fail("Acting for others is not possible");
  credentials_.user = authcid;
  credentials_.password = Secret(password);
  state_ = State::over;
  return Step::done;
}

SaslDialog::Step SaslDialog::ask(std::string_view challenge) {
  challenge_ = "+ " + base64_encode(challenge) + "\r\n";
  return Step::challenge;
}

SaslDialog::Step SaslDialog::fail(std::string_view text) {
  state_ = State::over;
  error_ = text;
  credentials_ = Credentials();
  return Step::failed;
}

}  // namespace gatepost::pop3
