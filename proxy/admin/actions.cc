#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "proxy/admin/admin_service.h"
#include "proxy/admin/numbers.h"
#include "proxy/admin/pages.h"
#include "proxy/admin/words.h"
#include "proxy/http/form.h"

// What changes something. Whoever gets here has shown the token (but for log_in), and the form is
// one of ours.

namespace gatepost::admin {

namespace {

http::Response go_to(std::string place) {
  http::Response response;
  response.status = 303;
  response.headers.emplace_back("Location", std::move(place));
  protect(response);
  return response;
}

/// A place to go to after the login: only pages of ours.
std::string place_after_login(std::string_view wanted) {
  static constexpr std::array<std::string_view, 8> kPlaces = {
      "/",           "/sessions",  "/upstreams",    "/scanning",
      "/quarantine", "/retention", "/certificates", "/configuration"};
  const bool known = std::ranges::find(kPlaces, wanted) != kPlaces.end();
  return std::string(known ? wanted : "/");
}

}  // namespace

/// Tells what came of an action: with the page that follows it, or to a program at once. May be
/// kept until that is known.
class AdminService::Outcome {
 public:
  Outcome(AdminService& service, Asked& asked, std::string back)
      : service_(service),
        responder_(std::move(asked.responder)),
        program_(asked.viewer.program),
        cookie_(asked.cookie),
        back_(std::move(back)) {}

  void good(std::string text) { tell(std::move(text), 200); }
  void bad(std::string text, std::uint16_t status = 409) { tell(std::move(text), status); }

 private:
  void tell(std::string text, std::uint16_t status) {
    if (program_) {
      http::Response response;
      response.status = status;
      response.body = std::move(text) + '\n';
      return responder_.answer(response);
    }
    if (Login* const login = cookie_ ? service_.access_.find(*cookie_) : nullptr) {
      login->message = std::move(text);
      login->bad_news = status >= 400;
    }
    responder_.answer(go_to(back_));
  }

  AdminService& service_;
  http::Responder responder_;
  bool program_;
  std::optional<Digest> cookie_;
  std::string back_;
};

bool AdminService::confirmed(Asked& asked, std::string_view question, std::string_view button,
                             std::string_view field) {
  if (asked.form.get("confirmed") == "yes") return true;
  if (asked.viewer.program) {
    asked.answer(problem_page(asked.viewer, 422, fmt::format("{} Say confirmed=yes.", question)));
    return false;
  }
  asked.answer(page(asked.viewer, "", "Is that meant?",
                    confirm_page(asked.viewer, question, asked.request.path, button, field,
                                 asked.form.get(field))));
  return false;
}

void AdminService::log_in(Asked& asked) {
  const std::string next = place_after_login(asked.form.get("next"));
  switch (access_.ask(asked.form.get("token"), asked.network)) {
    case Access::Answer::wait:
      return asked.answer(too_many_guesses(asked));
    case Access::Answer::wrong: {
      sources_.log.warning("admin_login_failed", {{"by", asked.by}});
      Viewer viewer = asked.viewer;
      viewer.message = "This is not the token.";
      viewer.bad_news = true;
      return asked.answer(page(viewer, "", "Log in", login_page(viewer, next), 403));
    }
    case Access::Answer::right:
      break;
  }
  sources_.log.info("admin_login", {{"by", asked.by}});
  http::Response response = go_to(next);
  response.headers.emplace_back("Set-Cookie", cookie_field(access_.log_in()));
  asked.answer(response);
}

void AdminService::log_out(Asked& asked) {
  if (asked.cookie) access_.log_out(*asked.cookie);
  http::Response response = go_to("/");
  response.headers.emplace_back("Set-Cookie", cookie_field(""));
  asked.answer(response);
}

void AdminService::end_session(Asked& asked) {
  const std::string user(asked.form.get("user"));
  std::vector<std::string> ids{std::string(asked.form.get("id"))};
  const std::string by = asked.by;
  sources_.office.kick(
      std::move(ids), by,
      [outcome =
           Outcome(*this, asked, fmt::format("/sessions?user={}", http::percent_encode(user)))](
          std::size_t ended) mutable {
        if (ended == 0) return outcome.bad("There is no such session any more.", 404);
        outcome.good(fmt::format("{} ended.", count(ended, "session")));
      });
}

void AdminService::end_user(Asked& asked) {
  const std::string user(asked.form.get("user"));
  if (user.empty()) return asked.answer(problem_page(asked.viewer, 400, "Whose sessions?"));
  const std::string question = fmt::format(
      "End all sessions of {} now? What a client has deleted in them, but not yet "
      "confirmed with QUIT, stays in its mailbox.",
      user);
  if (!confirmed(asked, question, "End them", "user")) return;
  const std::string by = asked.by;
  sources_.office.kick_user(
      user, by,
      [outcome =
           Outcome(*this, asked, fmt::format("/sessions?user={}", http::percent_encode(user)))](
          std::size_t ended) mutable {
        outcome.good(fmt::format("{} ended.", count(ended, "session")));
      });
}

void AdminService::reload(Asked& asked) {
  const auto done = sources_.office.reload(asked.by);
  Outcome outcome(*this, asked, "/");
  if (done) return outcome.good("The configuration was read again and is in force.");
  outcome.bad(fmt::format("What was in force stays in force. {}", done.error().detail));
}

void AdminService::drain(Asked& asked) {
  constexpr std::string_view kQuestion =
      "Take no new sessions from now on, and stop when those that are under way have ended or "
      "timeouts.drain has passed?";
  if (!confirmed(asked, kQuestion, "Drain and stop")) return;
  const auto done = sources_.office.drain(asked.by);
  Outcome outcome(*this, asked, "/");
  if (done) return outcome.good("Draining: no new sessions.");
  outcome.bad(done.error().detail);
}

void AdminService::release(Asked& asked) {
  const auto number = number_of(asked.form.get("number"));
  if (!number) return asked.answer(problem_page(asked.viewer, 400, "Which message?"));
  std::string by = asked.by;
  sources_.quarantine.release(
      *number, std::move(by),
      [number = *number,
       outcome = Outcome(*this, asked, fmt::format("/quarantine?number={}", *number))](
          const Result<void>& done) mutable {
        if (!done) return outcome.bad(done.error().detail);
        outcome.good(
            fmt::format("Message {} is released: its user gets it with the next login.", number));
      });
}

void AdminService::remove(Asked& asked) {
  const auto number = number_of(asked.form.get("number"));
  if (!number) return asked.answer(problem_page(asked.viewer, 400, "Which message?"));
  const std::string question =
      fmt::format("Delete message {} for good? It is nowhere else.", *number);
  if (!confirmed(asked, question, "Delete it", "number")) return;
  std::string by = asked.by;
  sources_.quarantine.remove(*number, std::move(by),
                             [number = *number, outcome = Outcome(*this, asked, "/quarantine")](
                                 const Result<void>& done) mutable {
                               if (!done) return outcome.bad(done.error().detail);
                               outcome.good(fmt::format("Message {} is deleted.", number));
                             });
}

}  // namespace gatepost::admin
