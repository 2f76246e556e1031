// pop3_load: a POP3 load generator that checks every reply.

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/prctl.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/common/manifest.h"
#include "tests/bench/common/process.h"
#include "tests/bench/generator/conductor.h"
#include "tests/bench/generator/report.h"
#include "tests/bench/generator/shared.h"

namespace gatepost::bench {

Options options;
Expected expected;
Run run;

namespace {

void expect_mailbox(const std::map<std::string, Mailbox>& manifest) {
  if (options.mailbox.empty())
    options.mailbox = options.user.substr(0, options.user.find_first_of("-@%"));
  const auto found = manifest.find(options.mailbox);
  if (found == manifest.end()) die("no mailbox " + options.mailbox + " in the manifest");
  expected.mailbox = &found->second;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < expected.mailbox->size(); i++) {
    const Message& message = (*expected.mailbox)[i];
    const std::string number = std::to_string(i + 1);
    total += message.octets;
    expected.list += number + " " + std::to_string(message.octets) + "\r\n";
    expected.uidl += number + " " + message.uidl + "\r\n";
  }
  expected.stat = "+OK " + std::to_string(expected.mailbox->size()) + " " + std::to_string(total);
}

void expect_certificate() {
  std::FILE* file = std::fopen(options.cert.c_str(), "r");
  X509* certificate = file == nullptr ? nullptr : PEM_read_X509(file, nullptr, nullptr, nullptr);
  if (certificate == nullptr) die("cannot read " + options.cert);
  std::fclose(file);
  std::uint8_t* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  expected.certificate.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  expected.certificate_key = X509_get_pubkey(certificate);
  OPENSSL_free(der);
  X509_free(certificate);
}

int load() {
  std::map<std::string, Mailbox> manifest;
  if (!options.manifest.empty()) {
    manifest = read_manifest(options.manifest);
    expect_mailbox(manifest);
  }
  const bool needs_mailbox =
      options.script == Script::retr || options.script == Script::pipeline || options.idle_retr > 0;
  if (needs_mailbox && expected.mailbox == nullptr) die("this script needs --manifest");
  if (!options.cert.empty()) expect_certificate();
  run.sessions_left = options.sessions;
  std::vector<std::unique_ptr<Worker>> workers;
  for (int i = 0; i < options.threads; i++) {
    workers.push_back(std::make_unique<Worker>());
    workers.back()->setup();
  }
  for (int i = 0; i < options.connections; i++) {
    auto session = std::make_unique<Session>();
    session->id = i;
    workers[static_cast<std::size_t>(i % options.threads)]->sessions.push_back(std::move(session));
  }
  const Outcome outcome = Conductor(workers).conduct();
  Stats window;
  Stats total;
  for (const auto& worker : workers) {
    window.add(worker->win);
    total.add(worker->st);
    total.add(worker->win);
  }
  return report(outcome, window, total) ? 0 : 1;
}

}  // namespace
}  // namespace gatepost::bench

int main(int argc, char** argv) {
  gatepost::bench::prepare_process();
  prctl(PR_SET_TIMERSLACK, 1);  // --rate: wake when due, not 50 us later
  gatepost::bench::options = gatepost::bench::parse_options(argc, argv);
  return gatepost::bench::load();
}
