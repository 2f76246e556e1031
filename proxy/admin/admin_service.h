#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/admin/access.h"
#include "proxy/admin/events.h"
#include "proxy/admin/form.h"
#include "proxy/admin/office.h"
#include "proxy/admin/page.h"
#include "proxy/admin/rooms.h"
#include "proxy/base/address.h"
#include "proxy/base/log.h"
#include "proxy/base/timer.h"
#include "proxy/http/responder.h"

namespace gatepost::admin {

/// What the admin listener answers; without sockets. Main thread.
///   /metrics  all metrics, Prometheus text format
///   /healthz  200 while the process lives
///   /readyz   200 when sessions are welcome, otherwise 503 with one reason a line
///   /         the status page and what belongs to it; for who does not want HTML a list of these
///
/// GET changes nothing. POST acts, and needs the token: by a login, or with each request. What
/// names people is shown without it only where the listener is out of reach for other machines.
class AdminService {
 public:
  struct Sources {
    /// The text of /metrics: metrics::Exporter::render().
    std::function<std::string()> metrics;
    /// Why no session should come here now; empty when ready. One line each, for administrators.
    std::function<std::vector<std::string>()> not_ready;
    /// The configuration in force, as JSON without secrets.
    std::function<std::string()> configuration;
    // All outlive the service.
    Office& office;
    QuarantineRoom& quarantine;
    RetentionRoom& retention;
    Log& log;
  };
  /// Where the listener is.
  struct Place {
    bool local = true;  ///< on loopback
    std::string host;   ///< as the configuration has it
  };

  AdminService(Sources sources, TimerService& clock, Place place);

  /// The digest of the token that actions need; null: there is none.
  void set_token(std::optional<Digest> token) { access_.set_token(token); }
  /// Pages that watch connect again: another process answers by now.
  void end_events() { events_.end_all(); }

  /// GET and HEAD (whose body the connection leaves out), and POST for actions; 404 for other
  /// paths, 405 for other methods. `peer`: who asks.
  void handle(const http::Request& request, const PeerAddress& peer, http::Responder responder);

 private:
  /// One request on its way to its answer.
  struct Asked {
    Asked(const http::Request& what, http::Responder& owed, const PeerAddress& peer);

    const http::Request& request;
    http::Responder& responder;
    Viewer viewer;
    Form form;                     ///< of the query, or of the body
    std::string by;                ///< for the log: "status page 127.0.0.1:4711"
    std::string network;           ///< of who asks
    std::optional<Digest> cookie;  ///< of the login

    void answer(const http::Response& response) { responder.answer(response); }
  };
  struct Route;
  [[nodiscard]] static const Route* find_route(std::string_view path);

  [[nodiscard]] bool answer_programs(const http::Request& request,
                                     http::Responder& responder) const;
  [[nodiscard]] bool recognise(Asked& asked);
  [[nodiscard]] http::Response too_many_guesses(const Asked& asked) const;
  void get(Asked& asked, const Route& route);
  void post(Asked& asked, const Route& route);

  // Pages.
  void overview(Asked& asked);
  void upstreams(Asked& asked);
  void scanning(Asked& asked);
  void certificates(Asked& asked);
  void configuration(Asked& asked);
  void events(Asked& asked);
  void style(Asked& asked);
  void script(Asked& asked);
  void icon(Asked& asked);
  void sessions(Asked& asked);
  void quarantine(Asked& asked);
  void retention(Asked& asked);
  void login_form(Asked& asked);
  // Actions.
  void log_in(Asked& asked);
  void log_out(Asked& asked);
  void end_session(Asked& asked);
  void end_user(Asked& asked);
  void reload(Asked& asked);
  void drain(Asked& asked);
  void release(Asked& asked);
  void remove(Asked& asked);

  /// Whether the form says that it is meant; otherwise asks. `field` comes back.
  static bool confirmed(Asked& asked, std::string_view question, std::string_view button,
                        std::string_view field = {});
  class Outcome;

  Sources sources_;
  Place place_;
  Access access_;
  Events events_;
};

}  // namespace gatepost::admin
