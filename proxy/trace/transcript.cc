#include "proxy/trace/transcript.h"

#include <map>
#include <utility>

#include <fmt/format.h>

namespace gatepost::trace {

namespace {

using Kind = Event::Kind;

std::string describe(const Event& event) {
  const bool client = event.leg == net::Tap::kClient;
  const std::string who = client ? "the client" : "upstream";
  switch (event.kind) {
    case Kind::begin:
      return fmt::format("a client connects ({}, {})", event.beginning->client,
                         event.beginning->tls == config::ListenerTls::implicit   ? "POP3S"
                         : event.beginning->tls == config::ListenerTls::starttls ? "STLS offered"
                                                                                 : "no TLS");
    case Kind::connecting:
      return fmt::format("connects to server {}", event.number + 1);
    case Kind::connected:
      return "upstream is connected";
    case Kind::failed:
      return fmt::format("the connection with {} failed: {}", who, shown(event.text));
    case Kind::secured:
      return fmt::format("TLS stands with {}: {}", who, shown(event.text));
    case Kind::ended:
      return fmt::format("{} says no more: {}", who, shown(event.text));
    case Kind::closed:
      return fmt::format("closes the connection with {}: {}", who, shown(event.text));
    case Kind::drained:
      return "the gateway goes down";
    case Kind::cut:
      return "the session is cut: " + shown(event.text);
    case Kind::over:
      return "the session is over: " + shown(event.text);
    case Kind::login:
      return "logged in";
    case Kind::dropped:
      return fmt::format("{} octets of the trace are missing here", event.number);
    case Kind::route:
      return event.route->found
                 ? fmt::format("a route with {} servers{}{}", event.route->servers.size(),
                               event.route->chain ? ", a chain" : "",
                               event.route->retention ? ", a policy" : "")
                 : "no route";
    case Kind::heard:
    case Kind::said:
    case Kind::count_:
      break;
  }
  return {};
}

class Writer {
 public:
  explicit Writer(const Difference* difference) : difference_(difference) {}

  void add(const Event& event) {
    if (event.kind != Kind::heard && event.kind != Kind::said) {
      end_lines();
      tell_difference(event.ms, true);
      return line(event.ms, "-- ", describe(event));
    }
    tell_difference(event.ms, false);
    const std::size_t stream = 2 * std::size_t{event.leg} + (event.kind == Kind::said ? 1 : 0);
    Begun& begun = begun_[stream];
    for (const std::string_view piece : cut_lines(event.text)) {
      if (begun.text.empty()) begun.ms = event.ms;
      begun.text += piece.substr(0, kMaxShownLine + 1 - std::min(begun.text.size(), kMaxShownLine));
      if (!piece.ends_with('\n')) continue;
      tell(stream, begun);
    }
  }

  std::string finish() {
    end_lines();
    tell_difference(UINT64_MAX, true);
    return std::move(out_);
  }

 private:
  struct Begun {
    std::uint64_t ms = 0;
    std::string text;
    std::size_t lines = 0;  // in a row, of this stream
  };

  void tell(std::size_t stream, Begun& begun) {
    if (stream != last_) {
      tell_hidden();
      begun.lines = 0;
    }
    last_ = stream;
    if (++begun.lines > kMaxShownBody) {
      ++hidden_;
    } else {
      const bool client = stream < 2;
      const bool said = stream % 2 != 0;
      line(begun.ms, client ? (said ? "S: " : "C: ") : (said ? "  > " : "  < "), shown(begun.text));
    }
    begun.text.clear();
  }
  void tell_hidden() {
    if (hidden_ > 0) out_ += fmt::format("{:>9}  ({} more lines)\n", "", std::exchange(hidden_, 0));
  }
  void end_lines() {
    for (auto& [stream, begun] : begun_) {
      if (!begun.text.empty()) tell(stream, begun);
      begun.lines = 0;
    }
    tell_hidden();
  }
  void line(std::uint64_t ms, std::string_view mark, const std::string& text) {
    out_ += fmt::format("{:>5}.{:03}  {}{}\n", ms / 1000, ms % 1000, mark, text);
  }
  /// In front of what comes after it.
  void tell_difference(std::uint64_t ms, bool at_once) {
    if (difference_ == nullptr || (at_once ? ms < difference_->ms : ms <= difference_->ms)) return;
    end_lines();
    const std::string who = difference_->leg == net::Tap::kClient ? "to the client" : "to upstream";
    out_ +=
        fmt::format("!! The replay differs, {}:\n!!   in the trace: {}\n!!   here:         {}\n",
                    who, shown(difference_->expected), shown(difference_->got));
    difference_ = nullptr;
  }

  const Difference* difference_;
  std::string out_;
  std::map<std::size_t, Begun> begun_;
  std::size_t last_ = 0;
  std::size_t hidden_ = 0;
};

}  // namespace

std::string shown(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::string result;
  for (const char c : line.substr(0, kMaxShownLine)) {
    if (c >= ' ' && c <= '~') {
      result += c;
    } else {
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (line.size() > kMaxShownLine) result += "…";
  return result;
}

std::string transcript(const Recorded& recorded, const Difference* difference) {
  Writer writer(difference);
  for (const Event& event : recorded.events) writer.add(event);
  return writer.finish();
}

}  // namespace gatepost::trace
