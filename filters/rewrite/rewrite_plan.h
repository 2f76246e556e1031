#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/message/header_edit.h"
#include "filters/message/mime_scanner.h"
#include "filters/message/splicer.h"
#include "filters/rewrite/message_text.h"
#include "filters/rewrite/quoted_splices.h"
#include "filters/verdict.h"
#include "proxy/base/error.h"

namespace gatepost::filters {

class ContentFields;

/// What the rules of a chain want of one message. They say it part by part; finish() makes splices
/// of it, so that whatever no rule named stays octet for octet.
class RewritePlan {
 public:
  /// Octets of a text part, decoded, that a rule may read and change; see content().
  static constexpr std::size_t kMaxContent = 4 * 1024 * 1024;
  /// Octets of text that a plan holds, of all parts.
  static constexpr std::size_t kMaxText = 16 * 1024 * 1024;
  static constexpr std::size_t kMaxEdits = 1'000;
  /// Octets of the header of a part of which fields are changed.
  static constexpr std::size_t kMaxPartHeader = 1024 * 1024;

  /// `text` and `structure` may be null, for rules of the header only; they outlive it.
  RewritePlan(const MessageText* text, const MimeStructure* structure);

  /// A change of the message's header; in this order. Those beyond kMaxEdits make finish() fail.
  void edit_header(HeaderEdit edit);

  /// The content of part `index`, decoded from its first encoding, as rules before left it, in the
  /// part's charset. `limit` when it is larger than kMaxContent. The view lasts until the next call
  /// for this part.
  [[nodiscard]] Result<std::string_view> content(std::size_t index);
  /// Replaces that content. It is encoded as before, or so that it fits into a message.
  void set_content(std::size_t index, std::string content);
  /// Puts text into that content, before the octet at `offset` of what content() gave. The rest of
  /// the part stays octet for octet, unless it is base64.
  void insert(std::size_t index, std::size_t offset, std::string_view text);
  /// The same at the end of a text part of any size, without reading it, where its encoding allows
  /// that (identity, quoted-printable); false where it does not.
  [[nodiscard]] bool append(std::size_t index, std::string_view text);
  /// Declares another charset for a part that is text; its content is then in that one.
  void set_charset(std::size_t index, std::string_view charset);

  /// Replaces the Content-… fields of a part, those of other names stay. `fields` are whole lines
  /// with CRLF. The body stays.
  void replace_content_fields(std::size_t index, std::string fields);
  /// Replaces the Content-… fields and the body (which is taken as it is, CRLF only) of a part, and
  /// so all parts within it; what other rules want there does not count any more.
  void replace_part(std::size_t index, std::string fields, std::string body);
  [[nodiscard]] bool replaced(std::size_t index) const;  ///< it, or one around it

  /// Puts a part of ours in front of all: the message becomes multipart/mixed, with this part and
  /// what it was before, which stays octet for octet. `part` is fields, empty line, body. More than
  /// one follow each other.
  void wrap(std::string part);

  /// The message is not delivered: what is done in its place. The first one counts.
  struct Stop {
    config::Action action;  ///< notice, quarantine, refuse
    Verdict verdict;        ///< the cause, and what was found
    std::size_t rule = 0;   ///< see begin_rule(); stop() fills it in
  };
  void stop(Stop stop);
  [[nodiscard]] const std::optional<Stop>& stopped() const { return stop_; }

  /// What follows is wanted by this rule of the chain.
  void begin_rule(std::size_t rule) { rule_ = rule; }
  /// A rule that does not apply, for people who ask why. At most kMaxNotes are kept.
  struct PassedBy {
    std::size_t rule;
    std::string_view why;  ///< a literal: "when does not hold"
  };
  void pass_by(PassedBy rule) {
    if (passed_by_.size() < kMaxNotes) passed_by_.push_back(rule);
  }
  [[nodiscard]] const std::vector<PassedBy>& passed_by() const { return passed_by_; }

  /// For the log and for people who try rules: one line, what was done and why. At most kMaxNotes
  /// are kept.
  static constexpr std::size_t kMaxNotes = 20;
  void note(std::string line);
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

  /// What it comes to.
  struct Outcome {
    std::vector<Splice> splices;     ///< sorted; offsets of the original
    std::vector<HeaderEdit> header;  ///< on top of that
    bool loses = false;              ///< a part was replaced
  };
  [[nodiscard]] Result<Outcome> finish();

 private:
  /// What is wanted of one part.
  struct PartEdits {
    std::optional<std::string> content;  // as rules see it, once one has asked
    bool rewritten = false;              // it is not the original with insertions any more
    std::vector<Insertion> insertions;   // sorted, as long as it is; of the original content
    std::string appended;                // without having been read
    std::string charset;                 // "": as it is
    std::optional<std::string> fields;   // in place of the Content-… fields
    std::optional<std::string> body;     // in place of the body
  };

  [[nodiscard]] const MimePart& part(std::size_t index) const { return structure_->parts[index]; }
  void spend(std::size_t octets) { spent_ += octets; }
  [[nodiscard]] Result<void> finish_part(std::size_t index, const PartEdits& edits, Outcome& to);
  [[nodiscard]] Result<void> finish_body(std::size_t index, const PartEdits& edits,
                                         ContentFields& fields, std::vector<Splice>& to) const;
  [[nodiscard]] Result<bool> insert_all(const MimePart& one, const PartEdits& edits,
                                        ContentFields& fields, std::vector<Splice>& to) const;
  [[nodiscard]] Result<void> wrap_all(const ContentFields& fields, std::vector<Splice>& to) const;

  const MessageText* text_;
  const MimeStructure* structure_;
  std::map<std::size_t, PartEdits> parts_;
  std::vector<HeaderEdit> header_;
  std::vector<std::string> wraps_;
  std::size_t spent_ = 0;  // of kMaxText
  std::size_t rule_ = 0;
  std::vector<PassedBy> passed_by_;
  std::optional<Stop> stop_;
  std::vector<std::string> notes_;
};

}  // namespace gatepost::filters
