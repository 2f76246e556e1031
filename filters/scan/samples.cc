#include "filters/scan/samples.h"

namespace gatepost::filters {

namespace {

std::string eicar() {
  std::string text = R"(X5O!P%@AP[4\PZX54(P^)7CC)7}$)";
  text += "EICAR-STANDARD-ANTIVIRUS";
  text += "-TEST-FILE!$H+H*";
  return text;
}

std::string gtube() {
  std::string text = "XJS*C4JDBQADN1.NSBN3*2IDNEN*";
  text += "GTUBE-STANDARD-ANTI-UBE";
  text += "-TEST-EMAIL*C.34X";
  return text;
}

std::string header(std::string_view subject) {
  return "From: Gatepost <self-test@localhost.invalid>\r\n"
         "To: Gatepost <self-test@localhost.invalid>\r\n"
         "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n"
         "Message-ID: <self-test@localhost.invalid>\r\n"
         "Subject: " +
         std::string(subject) + "\r\nMIME-Version: 1.0\r\n";
}

}  // namespace

std::string known_bad_sample(config::ScannerType type) {
  const bool spam = type == config::ScannerType::rspamd || type == config::ScannerType::spamd;
  if (spam) {
    return header("Self-test, known spam") + "Content-Type: text/plain\r\n\r\n" + gtube() + "\r\n";
  }
  return header("Self-test, known virus") +
         "Content-Type: multipart/mixed; boundary=\"part\"\r\n\r\n"
         "--part\r\nContent-Type: text/plain\r\n\r\nThis is the EICAR test file.\r\n"
         "--part\r\nContent-Type: application/octet-stream; name=\"eicar.com\"\r\n"
         "Content-Disposition: attachment; filename=\"eicar.com\"\r\n\r\n" +
         eicar() + "\r\n--part--\r\n";
}

std::string known_good_sample() {
  return header("Self-test, harmless") + "Content-Type: text/plain\r\n\r\nNothing to see.\r\n";
}

}  // namespace gatepost::filters
