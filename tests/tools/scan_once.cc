// Shows files to one scanner, as the gateway would, and prints what it says:
//
//   scan_once TYPE ADDRESS [OPTION…] FILE…
//
//   TYPE               clamd, icap, rspamd, spamd or command
//   ADDRESS            host:port or unix:/path; "-" for command
//   --service S        icap: the path of the service
//   --tls CAFILE NAME  TLS; NAME is what the certificate must carry
//   --descriptor       clamd: hand it the file
//   --command PATH ARG… ;   command: with its arguments, up to a ";"
//   --user U           who fetches the messages
//   --concurrency N    scans at once; 1 if not given
//   --timeout MS       of one scan; 60000 if not given
//   --max-size OCTETS
//   --spool FOLDER     /tmp if not given
//
// Prints a line for each file, separated by tabs: name, cause, detail, score or "-", edits or "-",
// milliseconds; at last "version" and what the verdicts depend on. Exits with 0 if every file got a
// verdict from the scanner, with 1 if some got none, with 2 if it was called wrongly.

#include <sys/types.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "filters/message/canonical.h"
#include "filters/scan/scan_desk.h"
#include "proxy/net/loop.h"
#include "proxy/net/loop_background.h"
#include "proxy/net/tcp_connector.h"
#include "proxy/tls/client_context.h"

using namespace gatepost;
using filters::HeaderEdit;
using filters::Judgement;
using filters::ScanDesk;
using filters::ScannerKind;
using filters::Spool;

namespace {

struct Options {
  config::Scanner scanner;
  std::string user = "tester";
  std::string folder = "/tmp";
  std::vector<std::string> files;
};

std::optional<config::ScannerType> type_of(std::string_view name) {
  for (const config::ScannerType type : config::kScannerTypes) {
    if (to_string(type) == name) return type;
  }
  return std::nullopt;
}

/// The words of the command line, one after the other.
class Words {
 public:
  explicit Words(std::span<char*> words) : words_(words) {}
  [[nodiscard]] bool more() const { return !words_.empty(); }
  std::string take() {
    if (words_.empty()) return {};
    const std::string word = words_.front();
    words_ = words_.subspan(1);
    return word;
  }
  std::uint64_t number() {
    const std::string word = take();
    std::uint64_t value = 0;
    std::from_chars(word.data(), word.data() + word.size(), value);
    return value;
  }

 private:
  std::span<char*> words_;
};

bool take_option(const std::string& name, Words& words, Options& options) {
  config::Scanner& scanner = options.scanner;
  if (name == "--service") {
    scanner.service = words.take();
  } else if (name == "--tls") {
    scanner.tls = true;
    scanner.ca_file = words.take();
    scanner.server_name = words.take();
  } else if (name == "--descriptor") {
    scanner.descriptor = true;
  } else if (name == "--command") {
    while (words.more()) {
      std::string word = words.take();
      if (word == ";") break;
      scanner.command.push_back(std::move(word));
    }
  } else if (name == "--user") {
    options.user = words.take();
  } else if (name == "--concurrency") {
    scanner.concurrency = static_cast<std::uint32_t>(words.number());
  } else if (name == "--timeout") {
    scanner.timeout = Duration(words.number());
  } else if (name == "--max-size") {
    scanner.max_size = words.number();
  } else if (name == "--spool") {
    options.folder = words.take();
  } else {
    return false;
  }
  return true;
}

std::optional<Options> parse(std::span<char*> arguments) {
  Words words(arguments);
  Options options;
  const auto type = type_of(words.take());
  const std::string address = words.take();
  if (!type) return std::nullopt;
  options.scanner.name = "scanner";
  options.scanner.type = *type;
  options.scanner.concurrency = 1;
  options.scanner.max_size = 1ULL << 32U;
  if (*type != config::ScannerType::command) {
    const auto endpoint = Endpoint::parse(address);
    if (!endpoint) return std::nullopt;
    options.scanner.address = *endpoint;
  }
  while (words.more()) {
    std::string word = words.take();
    if (!word.starts_with("--")) {
      options.files.push_back(std::move(word));
    } else if (!take_option(word, words, options)) {
      return std::nullopt;
    }
  }
  if (options.files.empty() || options.scanner.concurrency == 0) return std::nullopt;
  return options;
}

/// The desk's log on standard error.
class ErrorLog final : public Log {
 public:
  void write(LogLevel level, std::string_view event,
             std::initializer_list<LogField> fields) override {
    const std::string line = format_log_line(LogFormat::text, "-", level, event, fields);
    std::fputs(line.c_str(), stderr);
  }
};

std::string text_of(const HeaderEdit& edit) {
  switch (edit.what) {
    case HeaderEdit::What::add:
      return fmt::format("add {}: {}", edit.name, edit.value);
    case HeaderEdit::What::remove:
      return fmt::format("remove {}[{}]", edit.name, edit.which);
    case HeaderEdit::What::replace:
      return fmt::format("replace {}: {}", edit.name, edit.value);
    case HeaderEdit::What::rename:
      return fmt::format("rename {}: {}", edit.name, edit.value);
    case HeaderEdit::What::prefix:
      return fmt::format("prefix {}: {}", edit.name, edit.value);
  }
  return {};
}

/// Everything of one run, on one loop.
class Run {
 public:
  Run(const Options& options, std::shared_ptr<const net::TlsLayer> tls) : options_(options) {
    auto kind = std::make_shared<ScannerKind>();
    kind->config = options.scanner;
    kind->tls = std::move(tls);
    kind->counters = std::make_shared<filters::ScannerCounters>();
    kinds_.push_back(std::move(kind));
    desk_.apply(kinds_);
    fill();
  }

  int run() {
    loop_.run();
    fmt::print("version\t{}\n", desk_.versions(kinds_));
    return failed_ ? 1 : 0;
  }

 private:
  struct File {
    std::string name;
    std::shared_ptr<Spool> spool;
    Ticket ticket;
  };
  static constexpr Duration kLook{20};
  static constexpr int kLooksForVersion = 50;

  void fill() {
    while (running_ < options_.scanner.concurrency && next_ < options_.files.size()) {
      ++running_;
      begin(options_.files[next_++]);
    }
    if (running_ == 0) look_for_version();
  }

  void begin(const std::string& name) {
    auto file = std::make_shared<File>();
    file->name = name;
    file->spool = std::make_shared<Spool>(
        room_, pool_, background_, [this, weak = std::weak_ptr(file)] { look(weak.lock()); });
    std::ifstream in(name, std::ios::binary);
    std::ostringstream content;
    content << in.rdbuf();
    const std::string text = content.str();
    if (!in) {
      fmt::print(stderr, "cannot read {}\n", name);
      failed_ = true;
    }
    ByteChain raw(pool_, text);
    ByteChain canonical;
    filters::Canonicalizer canonicalizer(pool_);
    canonicalizer.feed(raw, canonical);
    canonicalizer.end(canonical);
    file->spool->append(std::move(canonical));
    file->spool->seal();
    files_.push_back(file);
    look(file);
  }

  void look(const std::shared_ptr<File>& file) {
    if (!file || (!file->spool->ready() && !file->spool->failure())) return;
    if (const auto& failure = file->spool->failure()) {
      fmt::print(stderr, "{}: spool: {}\n", file->name, failure->detail);
      failed_ = true;
      return loop_.stop();
    }
    filters::ScanJob job{.message = file->spool, .facts = {}};
    job.facts.user = options_.user;
    job.facts.client = "127.0.0.1";
    file->ticket = desk_.judge(kinds_, job, options_.scanner.timeout,
                               [this, weak = std::weak_ptr(file)](const Judgement& judgement) {
                                 tell(weak.lock(), judgement);
                               });
  }

  void tell(const std::shared_ptr<File>& file, const Judgement& judgement) {
    const filters::Opinion& opinion = judgement.trail.front();
    std::string edits;
    for (const HeaderEdit& edit : opinion.verdict.edits) {
      edits += (edits.empty() ? "" : "; ") + text_of(edit);
    }
    const auto& score = opinion.verdict.score;
    fmt::print("{}\t{}\t{}\t{}\t{}\t{}\n", file->name, filters::to_string(opinion.verdict.cause),
               opinion.verdict.detail, score ? fmt::format("{:.2f}", *score) : "-",
               edits.empty() ? "-" : edits, opinion.took.count());
    std::fflush(stdout);
    if (opinion.verdict.passing()) failed_ = true;
    std::erase(files_, file);
    --running_;
    fill();
  }

  void look_for_version() {
    if (!desk_.versions(kinds_).empty() || ++looks_ > kLooksForVersion) return loop_.stop();
    looker_->start(kLook);
  }

  const Options& options_;
  net::Loop loop_;
  BlockPool pool_;
  net::Resolver resolver_{loop_, Duration(60'000)};
  net::TcpConnector connector_{loop_, pool_, resolver_};
  net::LoopBackground background_{loop_};
  ErrorLog log_;
  std::shared_ptr<filters::SpoolRoom> room_ =
      std::make_shared<filters::SpoolRoom>(options_.folder, 1ULL << 32U, 1ULL << 40U);
  ScanDesk desk_{filters::ScannerTools{loop_, connector_, pool_, background_}, log_};
  ScanDesk::Kinds kinds_;
  std::vector<std::shared_ptr<File>> files_;
  std::size_t next_ = 0;
  std::size_t running_ = 0;
  int looks_ = 0;
  std::unique_ptr<Timer> looker_ = loop_.make_timer([this] { look_for_version(); });
  bool failed_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
  if (!options) {
    std::fputs("usage: scan_once TYPE ADDRESS [OPTION...] FILE...\n", stderr);
    return 2;
  }
  std::shared_ptr<const net::TlsLayer> tls;
  if (options->scanner.tls) {
    auto context = tls::ClientContext::create(
        {.ca_file = options->scanner.ca_file, .server_name = options->scanner.server_name});
    if (!context) {
      fmt::print(stderr, "{}\n", context.error().detail);
      return 2;
    }
    tls = std::move(*context);
  }
  return Run(*options, std::move(tls)).run();
}
