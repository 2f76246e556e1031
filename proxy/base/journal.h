#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost {

/// One thing that was decided for a session or one of its messages, in words.
struct Decision {
  enum class About : std::uint8_t {
    arrival,      ///< the client, and who stands in front of it; the first one of every session
    tls,          ///< with the client
    user,         ///< `text` is a name of the user, and nothing else
    login,        ///< what the client said to get in, and what came of it
    route,        ///< who serves the user
    upstream,     ///< which server, and why not another
    rules,        ///< the chain and the policy that are in force
    mailbox,      ///< the mailbox as a whole
    message,      ///< a message on its way to the client
    quarantined,  ///< `text` is the number under which a message is kept, and nothing else
    retention,    ///< what becomes of a message in the mailbox
    end,          ///< of the session
    count_,
  };

  std::int64_t at = 0;  ///< milliseconds since 1970, UTC
  About about = About::arrival;
  std::uint32_t message = 0;  ///< as the client counts; 0: about the session
  /// The first line says what was decided, each further one why, or why not otherwise. Parts of it
  /// may be a peer's words: to be escaped when shown.
  std::string text;
  /// Where the rule stands in the configuration, as a JSON pointer ("/routes/2"), also where the
  /// value there is the default; "" where no rule was asked.
  std::string rule;
};
[[nodiscard]] std::string_view to_string(Decision::About about);

/// What a Journal has about a session, or one of its messages.
struct Explanation {
  std::string session;
  std::uint32_t message = 0;        ///< 0: all of the session
  std::vector<Decision> decisions;  ///< in their order; none: the journal has nothing
  /// The first ones are not there any more.
  bool begins_later = false;
};

/// A session that somebody wanted to log in with.
struct SessionOfUser {
  std::string session;
  std::int64_t at = 0;  ///< of its first decision that is known
  std::string user;     ///< as it was named last
  std::string end;      ///< how it ended; "" if it goes on
};

/// The last decisions of one worker, for people who ask why. What is noted is never waited for: it
/// stands in memory of a fixed size that is taken with the first note, and the oldest goes first.
/// For one thread.
///
/// What is noted holds no secrets and nothing of a message but what was found in it.
class Journal {
 public:
  /// Octets of all texts and ids that are kept, and decisions.
  static constexpr std::size_t kMaxOctets = 2 * 1024 * 1024;
  static constexpr std::size_t kMaxDecisions = 20'000;
  /// Octets of one text and of one rule; what is longer is cut.
  static constexpr std::size_t kMaxText = 2048;
  static constexpr std::size_t kMaxRule = 256;
  /// Octets of a session's id; a session with a longer one is not noted.
  static constexpr std::size_t kMaxId = 64;
  /// Sessions that sessions_of() names.
  static constexpr std::size_t kMaxSessionsOfUser = 50;

  /// Milliseconds since 1970, UTC.
  using Clock = std::int64_t (*)();
  explicit Journal(Clock clock = &wall_clock) : clock_(clock) {}
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  void note(std::string_view session, Decision::About about, std::string_view text,
            std::string_view rule = {}, std::uint32_t message = 0);

  /// "0-1f": a session; "0-1f/3": its message 3; "q17": the message that is kept in quarantine
  /// under this number.
  [[nodiscard]] Explanation about(std::string_view id) const;
  /// The sessions that had this user (compared case-blind, ASCII), the last ones first.
  [[nodiscard]] std::vector<SessionOfUser> sessions_of(std::string_view user) const;

  /// Decisions that are there, and those that had to make room.
  [[nodiscard]] std::size_t size() const { return next_ - oldest_; }
  [[nodiscard]] std::uint64_t forgotten() const { return oldest_; }

  class Page;

 private:
  /// Without initialisers: the memory is not touched before it is used.
  struct Entry {
    std::int64_t at;
    std::uint64_t begin;  // of id, text and rule, one behind the other
    std::uint32_t message;
    std::uint16_t text;
    std::uint16_t rule;
    std::uint8_t id;
    Decision::About about;
  };
  [[nodiscard]] static std::int64_t wall_clock();
  void make_room(std::size_t octets);
  void write(std::string_view text);
  [[nodiscard]] std::string read(std::uint64_t begin, std::size_t size) const;
  [[nodiscard]] const Entry& entry(std::uint64_t number) const;
  [[nodiscard]] std::string id_of(const Entry& entry) const;
  [[nodiscard]] std::string text_of(const Entry& entry) const;
  [[nodiscard]] Decision decision(const Entry& entry) const;
  [[nodiscard]] std::string quarantined_as(std::string_view number) const;

  Clock clock_;
  // Arrays, which a vector would fill.
  std::unique_ptr<Entry[]> entries_;  // NOLINT(modernize-avoid-c-arrays)
  std::unique_ptr<char[]> octets_;    // NOLINT(modernize-avoid-c-arrays)
  std::uint64_t oldest_ = 0;          // numbers of decisions, which never begin anew
  std::uint64_t next_ = 0;
  std::uint64_t written_ = 0;  // octets, ever
};

/// Where the decisions of one session are noted.
class Journal::Page {
 public:
  /// Decisions that are noted of one session before all but its end are left out: a mailbox of
  /// thousands of messages must not push everybody else out.
  static constexpr std::uint32_t kMaxOfSession = 1000;

  /// Both outlive it.
  Page(Journal& journal, const std::string& session) : journal_(journal), session_(session) {}
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;

  void note(Decision::About about, std::string_view text, std::string_view rule = {},
            std::uint32_t message = 0);
  /// Those that were left out.
  [[nodiscard]] std::uint32_t left_out() const {
    return noted_ > kMaxOfSession ? noted_ - kMaxOfSession : 0;
  }

 private:
  Journal& journal_;
  const std::string& session_;
  std::uint32_t noted_ = 0;
};

}  // namespace gatepost
