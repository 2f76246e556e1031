#include "filters/message/header_edit.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "filters/message/header_text.h"
#include "tests/support/chop.h"
#include "tests/support/leak_check.h"
#include "tests/unit/filters/message/naive_message.h"

namespace gatepost::filters {
namespace {

using ::gatepost::testing::Chopping;
using ::gatepost::testing::for_each_chopping;
using ::gatepost::testing::Random;
using ::gatepost::testing::TestPool;
using What = HeaderEdit::What;
using Place = HeaderEdit::Place;
using Progress = HeaderEditor::Progress;

/// `room` 0: as the chopping says.
std::string edit(const std::vector<HeaderEdit>& edits, std::string_view text, Chopping chopping,
                 std::size_t room = 0) {
  TestPool pool;
  HeaderEditor editor(edits, pool);
  ByteChain in;
  ByteChain out;
  auto pieces = chopping.cut(text);
  pieces.emplace_back();
  auto progress = Progress::need_input;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    in.append(pool, pieces[i]);
    const bool last = i + 1 == pieces.size();
    do {
      const std::size_t before = out.size();
      const std::size_t now = room == 0 ? chopping.next() : room;
      progress = editor.step(in, last, out, now);
      EXPECT_TRUE(progress != Progress::need_room || out.size() >= before + now);
      EXPECT_TRUE(progress == Progress::need_room || in.empty());
    } while (progress == Progress::need_room);
    EXPECT_EQ(progress == Progress::finished, last);
  }
  EXPECT_EQ(editor.held(), 0U);
  return out.to_string();
}

void expect_edited(const std::vector<HeaderEdit>& edits, std::string_view text,
                   std::string_view expected) {
  for_each_chopping([&](Chopping& chopping) {
    ASSERT_EQ(edit(edits, text, chopping), expected);
    ASSERT_EQ(edit(edits, text, chopping, 1), expected);
  });
}

HeaderEdit add(std::string name, std::string value, Place place = Place::top) {
  return {What::add, std::move(name), std::move(value), 0, place};
}
HeaderEdit remove(std::string name, int which = 0) {
  return {What::remove, std::move(name), "", which, Place::top};
}
HeaderEdit replace(std::string name, std::string value) {
  return {What::replace, std::move(name), std::move(value), 0, Place::top};
}
HeaderEdit prefix(std::string value) {
  return {What::prefix, "Subject", std::move(value), 0, Place::top};
}

constexpr std::string_view kMessage =
    "Received: one\r\nReceived:\r\n two\r\nSubject: Hello\r\nRECEIVED: three\r\n\r\n"
    "Received: body\r\n\r\nend\r\n";

TEST(HeaderEditor, without_edits_changes_nothing) {
  for (const std::string_view text : {kMessage, std::string_view(""), std::string_view("\r\n"),
                                      std::string_view("x\r\n"), std::string_view(" x\r\n\r\n")}) {
    expect_edited({}, text, text);
  }
}

TEST(HeaderEditor, adds_at_the_top_or_the_end) {
  const std::string message(kMessage);
  const std::size_t end = message.find("\r\n\r\n") + 2;
  expect_edited({add("X-A", "1"), add("X-B", "2")}, message, "X-A: 1\r\nX-B: 2\r\n" + message);
  expect_edited({add("X-A", "1", Place::end)}, message,
                message.substr(0, end) + "X-A: 1\r\n" + message.substr(end));
}

TEST(HeaderEditor, adds_nothing_that_something_could_continue) {
  expect_edited({add("X", "1")}, " forged\r\n folded\r\nA: 1\r\n\r\nbody\r\n",
                " forged\r\n folded\r\nX: 1\r\nA: 1\r\n\r\nbody\r\n");
  expect_edited({add("X", "1")}, "\tforged\r\n\r\nbody\r\n", "\tforged\r\nX: 1\r\n\r\nbody\r\n");
  expect_edited({add("X", "1")}, "From me Mon\r\n folded\r\nA: 1\r\n\r\n",
                "From me Mon\r\n folded\r\nX: 1\r\nA: 1\r\n\r\n");
  expect_edited({add("X", "1"), remove("A", -1)}, "From me\r\n folded\r\nA: 1\r\n\r\n",
                "From me\r\n folded\r\nX: 1\r\n\r\n");
  expect_edited({add("X", "1")}, "From : me\r\n\r\n", "X: 1\r\nFrom : me\r\n\r\n");
  expect_edited({add("X", "1")}, "From: me\r\n\r\n", "X: 1\r\nFrom: me\r\n\r\n");
}

TEST(HeaderEditor, adds_to_messages_without_header_or_body) {
  expect_edited({add("X", "1"), add("Y", "2", Place::end)}, "", "X: 1\r\nY: 2\r\n");
  expect_edited({add("X", "1"), add("Y", "2", Place::end)}, "\r\nA: 1\r\n",
                "X: 1\r\nY: 2\r\n\r\nA: 1\r\n");
  expect_edited({add("X", "1"), add("Y", "2", Place::end)}, "A: 1\r\n", "X: 1\r\nA: 1\r\nY: 2\r\n");
}

TEST(HeaderEditor, removes) {
  expect_edited({remove("received")}, kMessage,
                "Subject: Hello\r\n\r\nReceived: body\r\n\r\nend\r\n");
  expect_edited({remove("received", 2)}, kMessage,
                "Received: one\r\nSubject: Hello\r\nRECEIVED: three\r\n\r\nReceived: "
                "body\r\n\r\nend\r\n");
  expect_edited({remove("Received", -1), remove("Received", -3)}, kMessage,
                "Received:\r\n two\r\nSubject: Hello\r\n\r\nReceived: body\r\n\r\nend\r\n");
  expect_edited({remove("Received", 4), remove("Received", -4), remove("None")}, kMessage,
                kMessage);
}

TEST(HeaderEditor, replaces) {
  expect_edited({replace("RECEIVED", "new")}, kMessage,
                "RECEIVED: new\r\nSubject: Hello\r\n\r\nReceived: body\r\n\r\nend\r\n");
  expect_edited({replace("New", "new")}, "A: 1\r\n\r\n", "New: new\r\nA: 1\r\n\r\n");
}

TEST(HeaderEditor, counts_the_fields_of_the_original) {
  expect_edited({add("Received", "mine"), remove("Received", 1)}, "Received: a\r\n\r\n",
                "Received: mine\r\n\r\n");
}

TEST(HeaderEditor, marks_the_subject) {
  expect_edited({prefix("[spam] ")}, "Subject: x\r\nsubject:y\r\n\r\n",
                "Subject: [spam] x\r\nsubject: [spam] y\r\n\r\n");
  expect_edited({prefix("[spam] ")}, "Subject: =?utf-8?b?w6Q=?=\r\n =?utf-8?b?w6Q=?=\r\n\r\n",
                "Subject: [spam] =?utf-8?b?w6Q=?=\r\n =?utf-8?b?w6Q=?=\r\n\r\n");
  expect_edited({prefix("[spam]")}, "Subject:\r\n x\r\n\r\n", "Subject: [spam]\r\n x\r\n\r\n");
  expect_edited({prefix("[spam]")}, "Subject:\r\n\r\n", "Subject: [spam]\r\n\r\n");
  expect_edited({prefix("[spam]")}, "A: 1\r\n\r\nSubject: x\r\n",
                "A: 1\r\nSubject: [spam]\r\n\r\nSubject: x\r\n");
  const std::string line(70, 'x');
  expect_edited({prefix("[spam]")}, "Subject: " + line + "\r\n\r\n",
                "Subject: [spam]\r\n " + line + "\r\n\r\n");
}

TEST(HeaderEditor, marks_and_encodes) {
  const std::string out = edit({prefix("[Übel]")}, "Subject: =?utf-8?q?=C3=A4?=\r\n\r\n",
                               Chopping(Chopping::Kind::whole));
  EXPECT_EQ(out, "Subject: =?UTF-8?B?W8OcYmVsXSA=?= =?utf-8?q?=C3=A4?=\r\n\r\n");
}

TEST(HeaderEditor, marks_only_once) {
  for (const char* const subject :
       {"[X] Hello", "Re: [X] Hello", "AW: Fwd:[X] Hello",
        "=?utf-8?B?W1hdIEhpIQ==?=", "\r\n =?iso-8859-1?Q?=5BX=5D_?= Hi"}) {
    const std::string text = std::string("Subject: ") + subject + "\r\n\r\n";
    expect_edited({prefix("[X]")}, text, text);
  }
  expect_edited({prefix("[X]")}, "Subject: Hello [X]\r\n\r\n", "Subject: [X] Hello [X]\r\n\r\n");
}

TEST(HeaderEditor, keeps_a_blank_between_two_encoded_words) {
  expect_edited({prefix("[\u00dc]")}, "Subject: =?utf-8?Q?=C3=A4?=\r\n\r\n",
                "Subject: =?UTF-8?B?W8OcXSA=?= =?utf-8?Q?=C3=A4?=\r\n\r\n");
}

TEST(HeaderEditor, renames) {
  expect_edited({{What::rename, "X-Old", "X-New"}},
                "A: 1\r\nx-old: 2\r\n folded\r\nX-Old : 3\r\n\r\nX-Old: body\r\n",
                "A: 1\r\nX-New: 2\r\n folded\r\nX-New: 3\r\n\r\nX-Old: body\r\n");
}

TEST(HeaderEditor, removes_all_that_begin_so) {
  expect_edited({remove("X-Own-*"), add("X-Own-Word", "ours")},
                "x-own-a: 1\r\nX-Own: 2\r\nX-Own-Word: 3\r\n more\r\nB: 4\r\n\r\n",
                "X-Own-Word: ours\r\nX-Own: 2\r\nB: 4\r\n\r\n");
}

TEST(HeaderEditor, makes_edits_inert) {
  const std::string bad("a\r\nX-Evil: 1\n\rb\0c\x80\xff", 19);
  const std::string out = edit({add("X-A", bad), prefix(bad)}, "Subject: x\r\n\r\nbody\r\n",
                               Chopping(Chopping::Kind::whole));
  const test::NaiveMessage message = test::naive_split(out);
  ASSERT_EQ(message.fields.size(), 2U) << out;
  EXPECT_EQ(message.rest, "\r\nbody\r\n");
  EXPECT_TRUE(std::ranges::all_of(
      out, [](char c) { return c == '\r' || c == '\n' || (c >= ' ' && c <= '~'); }));
  const std::string text(kMessage);
  for (const std::string name : {"", "A B", "A:", "A\r\nB", "\xc3\xa4", "A\t"}) {
    EXPECT_FALSE(is_field_name(name));
    expect_edited({add(name, "x"), remove(name), replace(name, "x")}, text, text);
  }
  EXPECT_FALSE(is_field_name(std::string(77, 'x')));
}

TEST(HeaderEditor, writes_no_line_that_is_too_long) {
  for (const std::string& value : {std::string(20'000, 'x'), std::string(5'000, ' '),
                                   std::string("ä") + std::string(20'000, 'x')}) {
    std::string text = write_field(std::string(76, 'N'), value);
    EXPECT_LE(text.size(), 4 * HeaderEditor::kMaxValue);
    EXPECT_TRUE(text.ends_with("\r\n"));
    for (bool first = true; !text.empty(); first = false) {
      const std::size_t end = text.find("\r\n");
      ASSERT_LE(end, 998U);
      ASSERT_TRUE(first || text.front() == ' ');
      ASSERT_NE(text.substr(0, end).find_first_not_of(' '), std::string::npos);
      text.erase(0, end + 2);
    }
  }
}

TEST(HeaderEditor, handles_fields_beyond_what_it_holds) {
  const std::string folded = "\r\n " + std::string(3 * HeaderScanner::kMaxField, 'x') + "\r\n";
  const std::string message = "A: 1\r\nLong:" + folded + "B: 2\r\n\r\nbody\r\n";
  const Chopping whole(Chopping::Kind::whole);
  EXPECT_EQ(edit({remove("Long")}, message, whole), "A: 1\r\nB: 2\r\n\r\nbody\r\n");
  EXPECT_EQ(edit({remove("Long", -1)}, message, whole), "A: 1\r\nB: 2\r\n\r\nbody\r\n");
  EXPECT_EQ(edit({remove("B")}, message, whole), "A: 1\r\nLong:" + folded + "\r\nbody\r\n");
}

TEST(HeaderEditor, holds_a_bounded_header) {
  std::string message;
  while (message.size() <= HeaderEditor::kMaxHeader + 200'000) message += "A: 1\r\nB: 2\r\n";
  message += "\r\nbody\r\n";
  TestPool pool;
  HeaderEditor editor({remove("A", -1)}, pool);
  ByteChain in(pool, message);
  ByteChain out;
  std::size_t most = 0;
  while (editor.step(in, true, out, 10'000) == Progress::need_room) {
    most = std::max(most, editor.held());
  }
  EXPECT_LE(most, HeaderEditor::kMaxHeader + HeaderScanner::kMaxField);
  const std::string text = out.to_string();
  EXPECT_EQ(text.find("A: 1"), std::string::npos);
  EXPECT_TRUE(text.ends_with("B: 2\r\n\r\nbody\r\n"));
}

TEST(HeaderEditor, does_not_copy_the_body) {
  TestPool pool;
  const std::string body = "\r\n" + std::string(50'000, 'x');
  ByteChain in(pool, body);
  const char* const data = in.front().data();
  HeaderEditor editor({add("X", "1")}, pool);
  ByteChain out;
  EXPECT_EQ(editor.step(in, true, out, 100'000), Progress::finished);
  EXPECT_EQ(out.slices().back().view().data(), data);
}

/// The same, of a whole text.
std::string naive_edit(const std::vector<HeaderEdit>& edits, std::string_view text) {
  const test::NaiveMessage message = test::naive_split(text);
  const auto name_of = [](const std::string& field) { return parse_field(field).name; };
  const auto same = [&](const std::string& field, const HeaderEdit& edit) {
    return !name_of(field).empty() && same_name(name_of(field), edit.name);
  };
  std::string top;
  std::string end;
  for (const HeaderEdit& edit : edits) {
    if (edit.what != What::add && edit.what != What::replace) continue;
    (edit.place == Place::top ? top : end) += write_field(edit.name, edit.value);
  }
  std::string out;
  bool top_done = false;
  for (std::size_t i = 0; i < message.fields.size(); ++i) {
    const std::string& field = message.fields[i];
    const bool mbox = i == 0 && field.starts_with("From ");
    if (!top_done && field.front() != ' ' && !mbox) {
      out += top;
      top_done = true;
    }
    bool gone = false;
    for (const HeaderEdit& edit : edits) {
      if (!same(field, edit)) continue;
      const auto counts = [&](const std::string& other) { return same(other, edit); };
      const auto here = message.fields.begin() + static_cast<std::ptrdiff_t>(i);
      const auto before = std::count_if(message.fields.begin(), here, counts);
      const auto after = std::count_if(here, message.fields.end(), counts);
      gone = gone || edit.what == What::replace ||
             (edit.what == What::remove &&
              (edit.which == 0 || edit.which == before + 1 || edit.which == -after));
    }
    if (!gone) out += field;
  }
  if (!top_done) out += top;
  return out + end + message.rest;
}

TEST(HeaderEditor, is_like_the_naive_one_on_random_headers) {
  Random random;
  const std::vector<std::string> lines = {"A: 1\r\n",    "a:2\r\n",    "B : 3\r\n",
                                          " folded\r\n", "From x\r\n", "odd\r\n",
                                          "B:\r\n",      "\r\n",       "C: 1\r\n"};
  const std::vector<std::string> names = {"A", "B", "D"};
  for (int round = 0; round < 500; ++round) {
    const ::testing::ScopedTrace trace(__FILE__, __LINE__, Random::name());
    std::string text;
    for (std::size_t n = random.between(0, 12); n > 0; --n) {
      text += lines[random.between(0, lines.size() - 1)];
    }
    std::vector<HeaderEdit> edits;
    for (std::size_t n = random.between(0, 4); n > 0; --n) {
      const auto what = static_cast<What>(random.between(0, 2));
      const int which = static_cast<int>(random.between(0, 4)) - 2;
      edits.push_back({what, names[random.between(0, 2)], "v", which,
                       random.between(0, 1) == 0 ? Place::top : Place::end});
    }
    const std::string expected = naive_edit(edits, text);
    for (const auto kind : {Chopping::Kind::whole, Chopping::Kind::bytes, Chopping::Kind::random}) {
      ASSERT_EQ(edit(edits, text, Chopping(kind)), expected) << text;
    }
  }
}

}  // namespace
}  // namespace gatepost::filters
