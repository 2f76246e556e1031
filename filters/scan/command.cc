#include "filters/scan/command.h"

#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "filters/scan/tell_later.h"

namespace gatepost::filters {

namespace {

std::string_view first_line(std::string_view output) {
  output = output.substr(0, output.find('\n'));
  if (output.ends_with('\r')) output.remove_suffix(1);
  return output;
}

Verdict by_status(int status, std::string_view line) {
  const auto said = [line](Cause cause, std::string_view otherwise) {
    return Verdict::of(cause, line.empty() ? otherwise : line);
  };
  constexpr int kTryLater = 75;  // EX_TEMPFAIL of sysexits.h
  switch (status) {
    case 0:
      return Verdict::clean();
    case 1:
      return said(Cause::infected, "unnamed");
    case 2:
      return said(Cause::spam, "unnamed");
    case kTryLater:
      return said(Cause::unreachable, "exit status 75");
    default:
      return Verdict::of(Cause::not_understood,
                         line.empty() ? fmt::format("exit status {}", status)
                                      : fmt::format("exit status {}: {}", status, line));
  }
}

class Command final : public Scanner {
 public:
  Command(const config::Scanner& config, const ScannerTools& tools)
      : program_{config.command, config.command_memory}, tools_(tools) {}

  [[nodiscard]] Ticket scan(ScanJob job, Done done) override {
    if (tools_.launcher == nullptr) {
      return tell_later(tools_.timers, [done = std::move(done)]() mutable {
        done(Verdict::of(Cause::unreachable, "commands are run after a restart only"));
      });
    }
    auto message = job.message->open_again();
    if (!message) {
      return tell_later(tools_.timers,
                        [done = std::move(done), error = std::move(message.error())]() mutable {
                          done(Verdict::of(Cause::spool_full, error.detail));
                        });
    }
    return tools_.launcher->run(
        program_, std::move(*message),
        [done = std::move(done)](const Result<net::ProgramEnd>& ended) mutable {
          done(ended ? read_program_end(*ended)
                     : Verdict::of(Cause::unreachable, ended.error().detail));
        });
  }
  /// Only the program would know.
  [[nodiscard]] Ticket ask_version(VersionDone done) override {
    return tell_later(tools_.timers, [done = std::move(done)]() mutable { done(std::string()); });
  }

 private:
  const net::Program program_;
  const ScannerTools tools_;
};

}  // namespace

Verdict read_program_end(const net::ProgramEnd& end) {
  switch (end.how) {
    case net::ProgramEnd::How::exited:
      return by_status(end.code, first_line(end.output));
    case net::ProgramEnd::How::signalled:
      return Verdict::of(Cause::not_understood, fmt::format("ended by signal {}", end.code));
    case net::ProgramEnd::How::not_run:
      return Verdict::of(
          Cause::unreachable,
          fmt::format("cannot be run: {}", std::generic_category().message(end.code)));
    case net::ProgramEnd::How::too_talkative:
      return Verdict::of(Cause::not_understood, "wrote too much");
  }
  return Verdict::of(Cause::not_understood, "ended in an unknown way");
}

std::unique_ptr<Scanner> make_command(const config::Scanner& config, const ScannerTools& tools) {
  return std::make_unique<Command>(config, tools);
}

}  // namespace gatepost::filters
