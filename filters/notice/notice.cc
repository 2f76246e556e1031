#include "filters/notice/notice.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "filters/message/header_text.h"
#include "filters/notice/mime.h"
#include "filters/notice/template.h"
#include "filters/notice/words.h"
#include "filters/small_file.h"
#include "proxy/base/digest.h"

namespace gatepost::filters {

namespace {

/// Characters of one variable's value.
constexpr std::size_t kMaxValue = 200;

// "=_" stands in no line of quoted-printable (RFC 2045 section 6.7), so no text can hold it.
constexpr std::string_view kBoundary = "=_gatepost_notice";

using Languages = std::vector<const Language*>;

/// A template with the languages that its variables speak.
struct Section {
  Template lines;
  Languages languages;
};

Result<std::vector<Section>> load(const std::string& file, const Languages& languages) {
  auto text = read_small_file(file, NoticeWriter::kMaxTemplate);
  if (!text) return std::unexpected(text.error());
  if (text->size() > NoticeWriter::kMaxTemplate) {
    return fail(ErrorCode::config,
                fmt::format("{}: larger than {} octets", file, NoticeWriter::kMaxTemplate));
  }
  auto lines = Template::parse(*text);
  if (!lines) return fail(ErrorCode::config, fmt::format("{}: {}", file, lines.error().detail));
  return std::vector<Section>{{*std::move(lines), languages}};
}

/// The built-in ones: a section for each language, with something before, between and behind.
Result<std::vector<Section>> built_in(const Languages& languages, std::string_view Language::* body,
                                      std::string_view before, std::string_view between,
                                      std::string_view behind) {
  std::vector<Section> sections;
  for (const Language* language : languages) {
    const std::string_view start = sections.empty() ? before : between;
    const std::string_view end = language == languages.back() ? behind : std::string_view();
    auto lines = Template::parse(fmt::format("{}{}{}", start, language->*body, end));
    if (!lines) return std::unexpected(lines.error());
    sections.push_back({*std::move(lines), {language}});
  }
  return sections;
}

std::string field_text(std::string_view field) {
  return without_links(readable_field(field, kMaxValue));
}

Values values_of(const NoticeFacts& facts, const Languages& languages, const std::string& contact) {
  Values values;
  const auto set = [&values](Variable variable, std::string text) {
    values[static_cast<std::size_t>(variable)] = std::move(text);
  };
  std::string cause;
  for (const Language* language : languages) {
    if (!cause.empty()) cause += " / ";
    cause += language->cause(facts.cause);
  }
  set(Variable::cause, std::move(cause));
  set(Variable::threat, without_links(inert_text(facts.threat, kMaxValue)));
  set(Variable::scanner, without_links(inert_text(facts.scanner, kMaxValue)));
  set(Variable::from, field_text(facts.from));
  set(Variable::subject, field_text(facts.subject));
  set(Variable::date, field_text(facts.date));
  set(Variable::size, size_text(facts.size, *languages.front()));
  set(Variable::quarantine, inert_text(facts.quarantine_number, kMaxValue));
  set(Variable::contact, contact);
  return values;
}

std::string part(std::string_view type, std::string_view text) {
  return fmt::format(
      "--{}\r\nContent-Type: {}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"
      "\r\n{}\r\n",
      kBoundary, type, quoted_printable(text));
}

/// From, Subject and Date; nothing of the original gets here but through the makers of inert text.
std::string header(const NoticeFacts& facts) {
  const std::string sender = sender_name(decode_words(facts.from));
  const std::string name = sender.empty() ? "Gatepost" : "Gatepost, in place of " + sender;
  const std::string subject = "[Blocked] " + field_text(facts.subject);
  std::string out = fmt::format("From: {}\r\n <gatepost@localhost.invalid>\r\n",
                                phrase(name, std::string_view("From: ").size()));
  out +=
      fmt::format("Subject: {}\r\n", encode_words(subject, std::string_view("Subject: ").size()));
  if (const std::string date = clean_date(facts.date); !date.empty()) {
    out += fmt::format("Date: {}\r\n", date);
  }
  return out;
}

}  // namespace

struct NoticeWriter::Templates {
  std::vector<Section> text;
  std::vector<Section> html;
  std::string contact;

  [[nodiscard]] std::string render_text(const NoticeFacts& facts) const {
    std::string out;
    for (const Section& section : text) {
      section.lines.render(values_of(facts, section.languages, contact), out);
    }
    return out;
  }

  [[nodiscard]] std::string render_html(const NoticeFacts& facts) const {
    std::string out;
    for (const Section& section : html) {
      Values values = values_of(facts, section.languages, contact);
      for (std::string& value : values) value = escape_html(value);
      section.lines.render(values, out);
    }
    return out;
  }
};

NoticeWriter::NoticeWriter(std::unique_ptr<Templates> templates)
    : templates_(std::move(templates)) {}

NoticeWriter::~NoticeWriter() = default;

Result<std::shared_ptr<const NoticeWriter>> NoticeWriter::create(const config::Notice& config) {
  const Languages chosen = languages(config.language);
  if (chosen.empty()) {
    return fail(ErrorCode::config,
                fmt::format("/language: \"{}\" is not en, de, or both with a comma",
                            inert_text(config.language, 40)));
  }
  auto text = config.text_file.empty() ? built_in(chosen, &Language::text, "", "\n----\n\n", "")
                                       : load(config.text_file, chosen);
  if (!text) return fail(ErrorCode::config, "/text_file: " + text.error().detail);
  auto html = config.html_file.empty()
                  ? built_in(chosen, &Language::html,
                             "<!DOCTYPE html>\n<html>\n<head><meta charset=\"utf-8\"></head>\n"
                             "<body>\n",
                             "<hr>\n", "</body>\n</html>\n")
                  : load(config.html_file, chosen);
  if (!html) return fail(ErrorCode::config, "/html_file: " + html.error().detail);
  auto templates = std::make_unique<Templates>();
  templates->text = *std::move(text);
  templates->html = *std::move(html);
  templates->contact = inert_text(config.contact, kMaxValue);
  return std::shared_ptr<const NoticeWriter>(new NoticeWriter(std::move(templates)));
}

std::string NoticeWriter::write(const NoticeFacts& facts) const {
  const std::string start = header(facts);
  std::string rest = fmt::format(
      "Auto-Submitted: auto-generated\r\nX-Gatepost-Notice: {}\r\nMIME-Version: 1.0\r\n"
      "Content-Type: multipart/alternative;\r\n boundary=\"{}\"\r\n\r\n",
      to_string(facts.cause), kBoundary);
  rest += part("text/plain", templates_->render_text(facts));
  rest += part("text/html", templates_->render_html(facts));
  rest += fmt::format("--{}--\r\n", kBoundary);
  // Of the content, so that the same notice has the same octets whenever it is fetched.
  const std::string digest = to_hex(sha256(start + rest));
  return fmt::format("{}Message-ID: <{}@gatepost.localhost.invalid>\r\n{}", start,
                     digest.substr(0, 32), rest);
}

}  // namespace gatepost::filters
