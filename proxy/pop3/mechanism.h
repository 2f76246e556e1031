#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/pop3/capa.h"

namespace gatepost::pop3 {

/// A SASL mechanism (RFC 4422) and what Gatepost can do with it.
class Mechanism {
 public:
  enum class Kind : std::uint8_t {
    refused,  ///< refusal() says why
    plain,    ///< RFC 4616
    login,
    cram_md5,     ///< RFC 2195
    scram,        ///< RFC 5802, 7677, without channel binding
    xoauth2,      ///< Google and Microsoft
    oauthbearer,  ///< RFC 7628
  };
  enum class Use : std::uint8_t {
    refused,
    password,  ///< the dialog is ours (SaslDialog); upstream gets name and password in its own way
    relay,     ///< the dialog is upstream's; its lines are passed on
  };

  /// `name` as in Command::text: upper case.
  [[nodiscard]] static Mechanism find(std::string_view name);

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] Use use() const;
  [[nodiscard]] const std::string& name() const { return name_; }
  /// Why it is refused: text for -ERR, without the prefix. "" for others.
  [[nodiscard]] std::string_view refusal() const { return refusal_; }
  /// Whether the client speaks first and says who it is. If not, upstream must speak first.
  [[nodiscard]] bool client_first() const;
  /// Whether a dialog may be passed on to an upstream that announced `upstream`: it lists the
  /// mechanism. A SCRAM is not passed on where one with channel binding is listed: upstream would
  /// have to take the client's not using it for an attack (RFC 5802 section 6).
  [[nodiscard]] bool relayed_by(const Capabilities& upstream) const;

 private:
  std::string name_;
  Kind kind_ = Kind::refused;
  std::string_view refusal_;
};

/// Mechanisms that are offered at most: they stand in one line of CAPA (RFC 2449 section 4).
inline constexpr std::size_t kMaxOffered = 16;

/// What we offer: PLAIN and LOGIN, then what can be relayed to an upstream that announced
/// `upstream`, in its order.
[[nodiscard]] std::vector<std::string> offered_mechanisms(const Capabilities* upstream);

/// The user that a client's message names: the first message of mechanisms in which the client
/// speaks first, the answer to the challenge in CRAM-MD5. `message` is decoded, foreign and
/// unchecked; what is returned satisfies is_safe_user(). Fails, the detail being the text for -ERR:
/// with `protocol` when it is no such message, with `refused` when it asks to act for somebody else
/// or for channel binding.
[[nodiscard]] Result<std::string> sasl_user(Mechanism::Kind kind, std::string_view message);

/// The same message, naming `user` instead. Fails with `refused` where the name cannot be changed
/// because the proof covers it (SCRAM). `message` must be one from which sasl_user() read a name.
[[nodiscard]] Result<std::string> sasl_with_user(Mechanism::Kind kind, std::string_view message,
                                                 std::string_view user);

}  // namespace gatepost::pop3
