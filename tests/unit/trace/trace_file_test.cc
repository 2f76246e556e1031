#include "proxy/trace/trace_file.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace gatepost::trace {
namespace {

const std::string kHeader = header_line({}, "1.0");
const std::string kBegin = R"({"t":0,"session":"a","event":"begin","beginning":{"tls":"none"}})"
                           "\n";

TEST(TraceFile, OctetsComeBackAsTheyWere) {
  Event event;
  event.kind = Event::Kind::said;
  event.ms = 17;
  event.session = "0-1f";
  event.leg = 2;
  for (int i = 0; i < 256; ++i) event.text += static_cast<char>(i);
  const std::string line = event_line(event);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto back = read_event(std::string_view(line).substr(0, line.size() - 1));
  ASSERT_TRUE(back) << back.error().detail;
  EXPECT_EQ(back->text, event.text);
  EXPECT_EQ(back->ms, 17U);
  EXPECT_EQ(back->session, "0-1f");
  EXPECT_EQ(back->leg, 2U);
  EXPECT_EQ(back->kind, Event::Kind::said);
}

TEST(TraceFile, WhatAReplayNeedsComesBack) {
  auto beginning = std::make_shared<Beginning>();
  beginning->tls = config::ListenerTls::starttls;
  beginning->apop = true;
  beginning->implementation = "Gatepost";
  beginning->client = "111.1.1.1";
  beginning->timeouts.login = Duration(1234);
  beginning->pipeline = 3;
  RouteFacts& route = beginning->route.emplace();
  route.found = true;
  route.form = "{local}\xFF";
  route.attempts = 3;
  route.servers.push_back({.security = upstream::Security::stls, .known = {{"USER\r\n", "hello"}}});
  Event event;
  event.kind = Event::Kind::begin;
  event.session = "a";
  event.beginning = beginning;
  const std::string line = event_line(event);
  const auto back = read_event(line);
  ASSERT_TRUE(back) << back.error().detail;
  const Beginning& told = *back->beginning;
  EXPECT_EQ(told.tls, config::ListenerTls::starttls);
  EXPECT_TRUE(told.apop);
  EXPECT_EQ(told.implementation, "Gatepost");
  EXPECT_EQ(told.timeouts.login, Duration(1234));
  EXPECT_EQ(told.pipeline, 3U);
  ASSERT_TRUE(told.route);
  EXPECT_EQ(told.route->form, "{local}\xFF");
  EXPECT_EQ(told.route->attempts, 3U);
  ASSERT_EQ(told.route->servers.size(), 1U);
  EXPECT_EQ(told.route->servers[0].security, upstream::Security::stls);
  EXPECT_EQ(told.route->servers[0].known->body, "USER\r\n");
  EXPECT_EQ(told.route->servers[0].known->greeting, "hello");
}

TEST(TraceFile, SessionsMayBeMixed) {
  std::string other = kBegin;
  other.replace(other.find("\"a\""), 3, "\"b\"");
  const auto file = parse_trace(kHeader + kBegin + other +
                                R"({"t":1,"session":"a","leg":"client","way":"in","text":"A"})"
                                "\r\n\n"
                                R"({"t":1,"session":"b","leg":"client","way":"in","text":"B"})");
  ASSERT_TRUE(file) << file.error().detail;
  ASSERT_EQ(file->sessions.size(), 2U);
  EXPECT_EQ(file->sessions[0].events.size(), 2U);
  EXPECT_EQ(file->sessions[1].events[1].text, "B");
}

TEST(TraceFile, SaysWhatIsWrongAndWhere) {
  const auto event = [](const std::string& rest) {
    return kHeader + kBegin + R"({"t":5,"session":"a",)" + rest + "}\n";
  };
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "line 1: the file is empty"},
      {"hello\n", "line 1: this is not a trace of Gatepost"},
      {"{}\n", "line 1: this is not a trace of Gatepost"},
      {R"({"gatepost_trace":2})", "line 1: the trace has form 2, known is 1"},
      {R"({"gatepost_trace":"x"})", "line 1: \"gatepost_trace\" of the header is no number"},
      {kHeader + "{\n", "line 2: no JSON"},
      {kHeader + "[1]\n", "line 2: the event is no object"},
      {kHeader + R"([[[[[[[[[[1]]]]]]]]]])", "line 2: "},
      {kHeader + R"({"session":"a","leg":"client","way":"in"})",
       "line 2: the session has no beginning"},
      {kHeader + kBegin + kBegin, "line 3: the session began already"},
      {event(R"("leg":"nobody","way":"in")"), "line 3: \"leg\" of the event is no word"},
      {event(R"("leg":"client","way":"up")"), "line 3: \"way\" of the event is no word"},
      {event(R"("leg":"client")"), "line 3: the event has neither"},
      {event(R"("event":"heard")"), "line 3: \"event\" of the event is no word"},
      {event(R"("event":"dance")"), "line 3: \"event\" of the event is no word"},
      {event(R"("event":"begin")"), "line 3: the event has no \"beginning\""},
      {event(R"("event":"route")"), "line 3: the event has no \"route\""},
      {event(R"("event":"route","route":{"servers":7})"), "line 3: \"servers\" of route"},
      {event(R"("event":"begin","beginning":{"hops":300})"), "line 3: \"hops\" of beginning"},
      {event(R"("leg":"upstream","connection":0,"way":"in")"), "line 3: \"connection\" of"},
      {event(R"("leg":"client","way":"in","text":"\u0100")"), "line 3: \"text\" of the event has"},
      {event(R"("leg":"client","way":"in","text":7)"), "line 3: \"text\" of the event is no text"},
      {event(R"("leg":"client","way":"in","text":")" + std::string(kMaxText + 1, 'a') + "\""),
       "line 3: \"text\" of the event is too long"},
      {kHeader + kBegin + R"({"t":-1,"session":"a","event":"over"})", "line 3: \"t\" of"},
      {kHeader + kBegin +
           R"({"t":2,"session":"a","event":"login"})"
           "\n"
           R"({"t":1,"session":"a","event":"over"})",
       "line 4: it happened before"},
      {kHeader + std::string(kMaxLine, 'a'), "line 2: too long"},
  };
  for (const auto& [text, problem] : cases) {
    const auto file = parse_trace(text);
    if (file) {
      ADD_FAILURE() << "taken: " << text.substr(0, 300);
      continue;
    }
    EXPECT_EQ(file.error().detail.substr(0, problem.size()), problem);
    EXPECT_EQ(file.error().code, ErrorCode::config);
  }
}

TEST(TraceFile, SessionsHaveALimit) {
  std::string text = kHeader;
  for (std::size_t i = 0; i <= TraceFile::kMaxRecorded; ++i) {
    text += R"({"session":")" + std::to_string(i) +
            R"(","event":"begin","beginning":{}})"
            "\n";
  }
  const auto file = parse_trace(text);
  ASSERT_FALSE(file);
  EXPECT_TRUE(file.error().detail.ends_with("too many sessions"));
}

TEST(TraceFile, EventsHaveALimit) {
  std::string text = kHeader + kBegin;
  for (std::size_t i = 0; i < TraceFile::kMaxEvents; ++i) {
    text += "{\"session\":\"a\",\"event\":\"login\"}\n";
  }
  const auto file = parse_trace(text);
  ASSERT_FALSE(file);
  EXPECT_TRUE(file.error().detail.ends_with("too many events"));
}

TEST(TraceFile, FilesHaveALimit) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.file("large");
  std::FILE* const file = std::fopen(path.c_str(), "we");
  ASSERT_NE(file, nullptr);
  std::fclose(file);
  std::filesystem::resize_file(path, TraceFile::kMaxFile + 1);  // of nothing but zeros
  const auto trace = read_trace(path);
  ASSERT_FALSE(trace);
  EXPECT_EQ(trace.error().detail, path + ": the file is too large");
}

TEST(TraceFile, FilesHaveNames) {
  const testing::TemporaryFolder folder;
  const auto missing = read_trace(folder.file("none"));
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().detail.contains("none"));
  const std::string path = folder.file("trace");
  std::FILE* const file = std::fopen(path.c_str(), "we");
  ASSERT_NE(file, nullptr);
  std::fputs((kHeader + kBegin).c_str(), file);
  std::fclose(file);
  const auto trace = read_trace(path);
  ASSERT_TRUE(trace) << trace.error().detail;
  EXPECT_EQ(trace->sessions.size(), 1U);
}

}  // namespace
}  // namespace gatepost::trace
