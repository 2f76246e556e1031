#include "proxy/probe/judgement.h"

#include <algorithm>
#include <string_view>

namespace gatepost::probe {

namespace {

using tls::InspectedVersion;

bool accepts(const TlsReport& tls, InspectedVersion version) {
  return std::ranges::any_of(tls.versions, [version](const VersionTried& tried) {
    return tried.version == version && tried.accepted;
  });
}

class Judge {
 public:
  Judge(const Report& report, const Options& options, std::chrono::system_clock::time_point now)
      : report_(report), options_(options), now_(now) {}

  Judgement judge() && {
    if (!report_.reached) say(Level::bad, "not_reached", "No POP3 server answered.");
    if (report_.tls) about_tls(*report_.tls);
    if (report_.reached) {
      about_encryption();
      about_commands();
      judgement_.upstream = upstream();
    }
    if (judgement_.worst() < Level::warning) {
      say(Level::good, "fits", "Gatepost can stand in front of this server.");
    }
    return std::move(judgement_);
  }

 private:
  void say(Level level, const char* code, std::string text) {
    judgement_.remarks.push_back({.level = level, .code = code, .text = std::move(text)});
  }

  void about_tls(const TlsReport& tls) {
    if (!tls.best) return say(Level::bad, "tls_failed", "No version of TLS could be agreed on.");
    const bool old =
        accepts(tls, InspectedVersion::tls1_0) || accepts(tls, InspectedVersion::tls1_1);
    const bool modern =
        accepts(tls, InspectedVersion::tls1_2) || accepts(tls, InspectedVersion::tls1_3);
    if (!modern) {
      say(Level::bad, "tls_too_old", "It speaks nothing newer than TLS 1.1; Gatepost needs 1.2.");
    } else if (tls.usable == Finding::no) {
      say(Level::bad, "tls_not_usable",
          "Gatepost cannot agree with it on TLS: it lacks suites with forward secrecy and AEAD.");
    } else if (old) {
      say(Level::notice, "tls_old_accepted",
          "It still accepts TLS 1.0 or 1.1 (RFC 8996); Gatepost does not use them.");
    }
    if (!tls.best->chain.empty()) about_certificate(*tls.best);
  }

  void about_certificate(const tls::Inspection& seen) {
    const tls::PeerVerdict& verdict = seen.verdict;
    const tls::SeenCertificate& leaf = seen.chain.front();
    if (verdict.self_signed && !verdict.trusted) {
      say(Level::bad, "certificate_self_signed",
          "The certificate is self-signed: name it as ca_file, or pin its key.");
    } else if (!verdict.trusted) {
      say(Level::bad, "certificate_untrusted",
          "No known authority stands behind the certificate: name its authority as ca_file, or pin "
          "its key.");
    }
    if (!verdict.name_matches) {
      say(Level::bad, "certificate_name",
          "The certificate is for another name: set server_name to one that it carries, or pin its "
          "key.");
    }
    if (!verdict.in_time) {
      say(Level::bad, "certificate_expired",
          "A certificate of the chain has expired or is not valid yet.");
    } else if (leaf.not_after - now_ < kExpiresSoon) {
      say(Level::warning, "certificate_expires_soon", "The certificate expires within 21 days.");
    }
    if (verdict.good()) say(Level::good, "certificate_good", "The certificate is good.");
  }

  void about_encryption() {
    if (report_.injectable == Finding::yes) {
      say(Level::bad, "stls_injection",
          "Commands sent in plain text ahead of STLS are run inside TLS (RFC 2595 section 4).");
    }
    if (report_.implicit_tls) return;
    if (options_.mode == Mode::plain) {
      if (report_.stls == Finding::yes) {
        say(Level::warning, "stls_unused", "It has STLS: look at it without --plain, and use it.");
      }
      return;
    }
    if (report_.stls == Finding::no) {
      say(Level::warning, "no_stls",
          "It has no STLS at this port: passwords to it go in plain text. Try port 995, or keep it "
          "on "
          "a trusted wire.");
    } else if (report_.stls == Finding::yes && report_.capa_plain &&
               !report_.capa_plain->has("STLS")) {
      say(Level::notice, "stls_not_announced", "It has STLS, but CAPA does not say so.");
    }
  }

  void about_commands() {
    const Capa* capa = report_.capa();
    if (capa == nullptr || !capa->problem.empty()) {
      say(Level::notice, "no_capa", "It has no CAPA: Gatepost logs in with USER and PASS.");
    }
    const bool announced = capa != nullptr && capa->has("PIPELINING");
    if (announced && report_.pipelining == Finding::no) {
      say(Level::warning, "pipelining_untrue",
          "It announces PIPELINING, but left the second of two commands unanswered.");
    } else if (!announced && report_.pipelining == Finding::yes) {
      say(Level::notice, "pipelining_not_announced",
          "It answers two commands sent at once, but does not announce PIPELINING.");
    }
    if (report_.apop) say(Level::notice, "apop", "It offers APOP.");
    if (report_.xclient) {
      say(Level::notice, "xclient",
          "It takes the client's true address from this machine (XCLIENT).");
    }
  }

  [[nodiscard]] Upstream upstream() const {
    Upstream fit;
    fit.address = report_.target;
    fit.xclient = report_.xclient;
    const bool tls = report_.tls && report_.tls->best && report_.tls->usable != Finding::no;
    if (!tls) return fit;
    fit.tls = report_.implicit_tls ? "implicit" : "starttls";
    const tls::Inspection& seen = *report_.tls->best;
    if (seen.chain.empty()) return fit;
    if (seen.verdict.trusted && seen.verdict.name_matches) {
      fit.ca_file = options_.ca_file;
      if (report_.server_name != options_.target.host) fit.server_name = report_.server_name;
      return fit;
    }
    // The key is known, whoever signed what.
    fit.verify = false;
    fit.pins = {seen.chain.front().spki_pin};
    return fit;
  }

  const Report& report_;
  const Options& options_;
  std::chrono::system_clock::time_point now_;
  Judgement judgement_;
};

}  // namespace

std::string_view to_string(Level level) {
  switch (level) {
    case Level::good:
      return "good";
    case Level::notice:
      return "notice";
    case Level::warning:
      return "warning";
    case Level::bad:
      break;
  }
  return "bad";
}

Level Judgement::worst() const {
  Level worst = Level::good;
  for (const Remark& remark : remarks) worst = std::max(worst, remark.level);
  return worst;
}

Judgement judge(const Report& report, const Options& options,
                std::chrono::system_clock::time_point now) {
  return Judge(report, options, now).judge();
}

}  // namespace gatepost::probe
