#include "proxy/pop3/mechanism.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include "proxy/pop3/ascii.h"
#include "proxy/pop3/sasl.h"

namespace gatepost::pop3 {

namespace {

constexpr char kSeparator = '\x01';  // between the fields of XOAUTH2 and OAUTHBEARER

struct Refusal {
  std::string_view name;
  std::string_view text;
};
constexpr std::string_view kNotOffered = "Mechanism is not offered here";
constexpr std::string_view kBinding =
    "Channel binding cannot be passed on, use the mechanism without -PLUS";
constexpr std::array<Refusal, 6> kRefusals = {{
    {"NTLM", "NTLM is bound to the connection and cannot be passed on"},
    {"GSSAPI", "GSSAPI is bound to the server's name and cannot be passed on"},
    {"GSS-SPNEGO", "GSS-SPNEGO is bound to the server's name and cannot be passed on"},
    {"KERBEROS_V4", "KERBEROS_V4 is bound to the server's name and cannot be passed on"},
    {"DIGEST-MD5", "DIGEST-MD5 is obsolete and bound to the server's name"},
    {"EXTERNAL", "EXTERNAL is bound to the TLS connection and cannot be passed on"},
}};

std::unexpected<Error> no_message(std::string_view text) {
  return fail(ErrorCode::protocol, std::string(text));
}

std::unexpected<Error> for_others() {
  return fail(ErrorCode::refused, "Acting for others is not possible");
}

Mechanism::Kind kind_of(std::string_view name) {
  using Kind = Mechanism::Kind;
  if (name == "PLAIN") return Kind::plain;
  if (name == "LOGIN") return Kind::login;
  if (name == "CRAM-MD5") return Kind::cram_md5;
  if (name == "XOAUTH2") return Kind::xoauth2;
  if (name == "OAUTHBEARER") return Kind::oauthbearer;
  // Any of them, so the name may come from upstream and is checked.
  if (name.starts_with("SCRAM-SHA") && !name.ends_with("-PLUS") && is_mechanism_name(name)) {
    return Kind::scram;
  }
  return Kind::refused;
}

/// Where the user name stands in a message, still escaped there.
struct Place {
  std::size_t start;
  std::size_t size;
};

/// RFC 5801 section 4: "=2C" and "=3D" in names of a GS2 header and of SCRAM.
std::optional<std::string> unescape(std::string_view name) {
  std::string plain;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '=') {
      plain += name[i];
      continue;
    }
    const std::string_view code = name.substr(i + 1, 2);
    if (code != "2C" && code != "3D") return std::nullopt;
    plain += code == "2C" ? ',' : '=';
    i += 2;
  }
  return plain;
}

std::string escape(std::string_view name) {
  std::string escaped;
  for (const char c : name) {
    if (c == ',') {
      escaped += "=2C";
    } else if (c == '=') {
      escaped += "=3D";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

struct Gs2Header {
  Place authzid;     // behind "a="; empty without
  std::size_t size;  // with the comma behind the authzid
};

/// gs2-cb-flag "," [ "a=" saslname ] "," (RFC 5801 section 4).
Result<Gs2Header> read_gs2(std::string_view message) {
  if (message.starts_with("p=")) {
    return fail(ErrorCode::refused, "Channel binding cannot be passed on");
  }
  if (!message.starts_with("n,") && !message.starts_with("y,")) {
    return no_message("Not a message of this mechanism");
  }
  const std::size_t end = message.find(',', 2);
  if (end == std::string_view::npos) return no_message("Not a message of this mechanism");
  const std::string_view authzid = message.substr(2, end - 2);
  if (!authzid.empty() && !authzid.starts_with("a=")) {
    return no_message("Not a message of this mechanism");
  }
  const std::size_t start = authzid.empty() ? end : 4;
  return Gs2Header{.authzid = {start, end - start}, .size = end + 1};
}

/// Fields of "key=value", each with a separator behind it, and one separator more at the end.
/// Nothing else, and an "auth" exactly once.
bool are_fields(std::string_view fields) {
  std::size_t tokens = 0;
  while (!fields.empty() && fields.front() != kSeparator) {
    const std::size_t end = fields.find(kSeparator);
    if (end == std::string_view::npos) return false;
    const std::string_view field = fields.substr(0, end);
    if (field.find('=') == std::string_view::npos || std::ranges::any_of(field, is_control)) {
      return false;
    }
    if (field.starts_with("auth=")) ++tokens;
    fields.remove_prefix(end + 1);
  }
  return fields.size() == 1 && tokens == 1;
}

/// user=NAME ^A auth=Bearer TOKEN ^A ^A
Result<Place> find_xoauth2(std::string_view message) {
  constexpr std::string_view kUser = "user=";
  const std::size_t end = message.find(kSeparator);
  if (!message.starts_with(kUser) || end == std::string_view::npos ||
      !are_fields(message.substr(end + 1)) ||
      message.find("\x01user=", end) != std::string_view::npos) {
    return no_message("Not an XOAUTH2 message");
  }
  return Place{kUser.size(), end - kUser.size()};
}

/// gs2-header ^A *(key=value ^A) ^A (RFC 7628 section 3.1)
Result<Place> find_oauthbearer(std::string_view message) {
  Result<Gs2Header> header = read_gs2(message);
  if (!header) return std::unexpected(std::move(header.error()));
  const std::string_view rest = message.substr(header->size);
  if (!rest.starts_with(kSeparator) || !are_fields(rest.substr(1))) {
    return no_message("Not an OAUTHBEARER message");
  }
  if (header->authzid.size == 0) {
    return no_message("OAUTHBEARER must name the user here (a=)");
  }
  return header->authzid;
}

/// gs2-header "n=" name ",r=" nonce *("," extension) (RFC 5802 section 7)
Result<Place> find_scram(std::string_view message) {
  Result<Gs2Header> header = read_gs2(message);
  if (!header) return std::unexpected(std::move(header.error()));
  const std::string_view bare = message.substr(header->size);
  const std::size_t end = bare.find(',');
  if (!bare.starts_with("n=") || end == std::string_view::npos ||
      !bare.substr(end).starts_with(",r=") || std::ranges::any_of(bare, is_control)) {
    return no_message("Not a SCRAM message");
  }
  const Place name{header->size + 2, end - 2};
  const std::string_view authzid = message.substr(header->authzid.start, header->authzid.size);
  if (!authzid.empty() && authzid != message.substr(name.start, name.size)) return for_others();
  return name;
}

/// NAME SP digest (RFC 2195)
Result<Place> find_cram_md5(std::string_view message) {
  const std::size_t blank = message.rfind(' ');
  if (blank == std::string_view::npos || !is_hex_digest(message.substr(blank + 1))) {
    return no_message("Not a CRAM-MD5 response");
  }
  return Place{0, blank};
}

Result<Place> find_user(Mechanism::Kind kind, std::string_view message) {
  switch (kind) {
    case Mechanism::Kind::xoauth2:
      return find_xoauth2(message);
    case Mechanism::Kind::oauthbearer:
      return find_oauthbearer(message);
    case Mechanism::Kind::scram:
      return find_scram(message);
    case Mechanism::Kind::cram_md5:
      return find_cram_md5(message);
    case Mechanism::Kind::plain:
    case Mechanism::Kind::login:
    case Mechanism::Kind::refused:
      break;
  }
  return no_message(kNotOffered);
}

bool escapes_names(Mechanism::Kind kind) {
  return kind == Mechanism::Kind::scram || kind == Mechanism::Kind::oauthbearer;
}

}  // namespace

Mechanism Mechanism::find(std::string_view name) {
  Mechanism mechanism;
  mechanism.name_ = name;
  mechanism.kind_ = kind_of(name);
  if (mechanism.kind_ != Kind::refused) return mechanism;
  const auto* known = std::ranges::find(kRefusals, name, &Refusal::name);
  mechanism.refusal_ = known != kRefusals.end()  ? known->text
                       : name.ends_with("-PLUS") ? kBinding
                                                 : kNotOffered;
  return mechanism;
}

Mechanism::Use Mechanism::use() const {
  if (kind_ == Kind::refused) return Use::refused;
  return kind_ == Kind::plain || kind_ == Kind::login ? Use::password : Use::relay;
}

bool Mechanism::client_first() const { return kind_ != Kind::cram_md5 && kind_ != Kind::login; }

bool Mechanism::relayed_by(const Capabilities& upstream) const {
  if (use() != Use::relay || !upstream.has_sasl(name_)) return false;
  return kind_ != Kind::scram ||
         std::ranges::none_of(upstream.arguments("SASL"), [](const std::string& other) {
           return other.starts_with("SCRAM-") && other.ends_with("-PLUS");
         });
}

std::vector<std::string> offered_mechanisms(const Capabilities* upstream) {
  std::vector<std::string> offered = {"PLAIN", "LOGIN"};
  if (upstream == nullptr) return offered;
  for (std::string& name : upstream->arguments("SASL")) {
    const bool wanted = Mechanism::find(name).relayed_by(*upstream) &&
                        std::ranges::find(offered, name) == offered.end();
    if (wanted && offered.size() < kMaxOffered) offered.push_back(std::move(name));
  }
  return offered;
}

Result<std::string> sasl_user(Mechanism::Kind kind, std::string_view message) {
  Result<Place> place = find_user(kind, message);
  if (!place) return std::unexpected(std::move(place.error()));
  const std::string_view name = message.substr(place->start, place->size);
  std::optional<std::string> user =
      escapes_names(kind) ? unescape(name) : std::optional<std::string>(name);
  if (!user || !is_safe_user(*user)) return no_message("Not a user name");
  return *std::move(user);
}

Result<std::string> sasl_with_user(Mechanism::Kind kind, std::string_view message,
                                   std::string_view user) {
  Result<std::string> named = sasl_user(kind, message);
  if (!named) return named;
  if (*named == user) return std::string(message);
  if (kind == Mechanism::Kind::scram) {
    return fail(ErrorCode::refused,
                "SCRAM cannot be used with this name: the mail server knows another");
  }
  const Result<Place> place = find_user(kind, message);
  std::string changed;
  changed.reserve(message.size() + 3 * user.size());  // at once: it holds a token
  changed += message.substr(0, place->start);
  changed += escapes_names(kind) ? escape(user) : std::string(user);
  changed += message.substr(place->start + place->size);
  return changed;
}

}  // namespace gatepost::pop3
