#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/admin/facts.h"
#include "proxy/admin/html.h"
#include "proxy/http/message.h"

/// What all pages have in common.
namespace gatepost::admin {

/// Rows of a table on one page.
constexpr std::size_t kMaxRows = 100;

/// Who looks, and what that allows.
struct Viewer {
  bool acts = false;         ///< has shown the token
  bool program = false;      ///< by Authorization: gets plain text, and has no login to end
  bool sees_people = false;  ///< may see what names users
  bool token = false;        ///< there is one to show
  std::string secret;        ///< for forms; "" unless it acts
  std::string message;       ///< of the last action
  bool bad_news = false;
};

/// A page with head, navigation and `body`, and all that a browser has to be told about it. `path`
/// is the one of the navigation that it belongs to.
[[nodiscard]] http::Response page(const Viewer& viewer, std::string_view path,
                                  std::string_view title, const Html& body,
                                  std::uint16_t status = 200);

/// A page that says what is wrong; for programs the same in plain text.
[[nodiscard]] http::Response problem_page(const Viewer& viewer, std::uint16_t status,
                                          std::string_view text);

/// Adds what no browser may do with any response of ours.
void protect(http::Response& response);

/// A table with a caption, in a box of its own that scrolls where the screen is narrow. Rows are
/// added to `html` while it lives.
class Table {
 public:
  static constexpr std::size_t kMaxColumns = 16;
  using Heads = std::initializer_list<std::string_view>;
  /// Of `heads` the first `columns`. `kind`: how it looks, a class of the style sheet.
  Table(Html& html, std::string_view caption, Heads heads, std::size_t columns = kMaxColumns,
        std::string_view kind = {});

 private:
  Html::Scope box_;
  Html::Scope table_;
  Html::Scope body_;
};

/// A table of names and numbers; the numbers have ids "PREFIX-NAME". Nothing without any.
void two_columns(Html& html, std::string_view caption, std::string_view head,
                 const Numbers& numbers, std::string_view prefix = {});

/// A table of what is known of one thing.
void fact_table(Html& html, std::string_view caption,
                const std::vector<std::pair<std::string, std::string>>& rows);

/// A form with one button. Must be filled with fields, if any, by `fields`.
void button_form(Html& html, const Viewer& viewer, std::string_view action, std::string_view button,
                 std::initializer_list<Html::Attribute> fields, bool dangerous = false);

/// "‹ Back", "Further ›" where there are more rows than are shown. `rest`: more of the query.
void pager(Html& html, std::string_view path, std::string_view user, std::size_t skip,
           std::size_t shown, std::uint64_t matching, std::string_view rest = {});

/// A box to search by user; `*` and `?` are patterns.
void user_search(Html& html, std::string_view path, std::string_view user);

/// "login-ok": letters, digits and "-" of both.
[[nodiscard]] std::string id_of(std::string_view prefix, std::string_view name);

}  // namespace gatepost::admin
