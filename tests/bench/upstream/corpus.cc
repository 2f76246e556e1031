#include "tests/bench/upstream/corpus.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include "tests/bench/common/crc32c.h"
#include "tests/bench/common/process.h"

namespace gatepost::bench {
namespace {

/// SplitMix64.
std::uint64_t next_random(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

std::string header(const std::string& mailbox, std::size_t number, std::size_t size) {
  return fmt::format(
      "Return-Path: <sender@example.org>\r\n"
      "Received: from mx.example.org by mail.example.net; Sat, 21 Nov 2026 12:00:00 +0000\r\n"
      "From: Sender <sender@example.org>\r\nTo: {0}@example.net\r\n"
      "Subject: synthetic message {1} of {2} octets\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
      "Message-ID: <{0}.{1}@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n",
      mailbox, number, size);
}

/// One in 40 lines starts with dots, a quarter of those consists of nothing else.
std::string random_line(std::uint64_t& state, std::size_t left) {
  static constexpr std::string_view kAlphabet =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";
  const std::uint64_t random = next_random(state);
  std::size_t length = 20 + random % 57;
  if (left <= length + 4)
    length = left - 2;  // the last line fills exactly
  else if (left - (length + 2) < 3)
    length -= 3;  // and there is never too little left for it
  std::string line;
  if ((random >> 16) % 40 == 0 && length > 0) {
    line.assign(std::min<std::size_t>(1 + (random >> 24) % 3, length), '.');
    if ((random >> 32) % 4 == 0 && left > 200) return line;
  }
  while (line.size() < length) {
    std::uint64_t bits = next_random(state);
    for (int i = 0; i < 10 && line.size() < length; i++, bits >>= 6) line += kAlphabet[bits & 63];
  }
  return line;
}

/// A message of exactly `size` octets, or a little more when that is less than a header.
std::string make_message(const std::string& mailbox, std::size_t number, std::size_t size) {
  std::uint64_t state = crc32c(0, mailbox.data(), mailbox.size()) + number * 0x51ed2701ULL;
  std::string message = header(mailbox, number, size);
  size = std::max(size, message.size() + 2);
  while (message.size() < size) message += random_line(state, size - message.size()) + "\r\n";
  if (message.size() != size) die("the generator of messages is wrong");
  return message;
}

std::string stuffed(std::string_view message) {
  std::string text;
  text.reserve(message.size() + message.size() / 64);
  bool line_start = true;
  for (const char c : message) {
    if (line_start && c == '.') text += '.';
    text += c;
    line_start = c == '\n';
  }
  return text;
}

StoredMessage store(const std::string& message, std::size_t number) {
  StoredMessage stored;
  stored.octets = message.size();
  stored.crc = crc32c(0, message.data(), message.size());
  stored.uidl = fmt::format("{:08x}{:08x}", stored.crc, number);
  const std::string status = fmt::format("+OK {} octets\r\n", stored.octets);
  stored.status_size = status.size();
  stored.reply = status + stuffed(message) + ".\r\n";
  return stored;
}

}  // namespace

void Corpus::add(const std::string& specification) {
  const std::size_t equals = specification.find('=');
  std::size_t count = 0;
  std::size_t size = 0;
  if (equals == std::string::npos ||
      std::sscanf(specification.c_str() + equals + 1, "%zux%zu", &count, &size) != 2)
    die("not NAME=COUNTxSIZE: " + specification);
  auto mailbox = std::make_unique<StoredMailbox>();
  mailbox->name = specification.substr(0, equals);
  std::uint64_t total = 0;
  mailbox->list = fmt::format("+OK {} messages\r\n", count);
  mailbox->uidl = "+OK\r\n";
  for (std::size_t number = 1; number <= count; number++) {
    const StoredMessage& message =
        mailbox->messages.emplace_back(store(make_message(mailbox->name, number, size), number));
    total += message.octets;
    mailbox->list += fmt::format("{} {}\r\n", number, message.octets);
    mailbox->uidl += fmt::format("{} {}\r\n", number, message.uidl);
  }
  mailbox->list += ".\r\n";
  mailbox->uidl += ".\r\n";
  mailbox->stat = fmt::format("+OK {} {}\r\n", count, total);
  by_name_[mailbox->name] = mailbox.get();
  mailboxes_.push_back(std::move(mailbox));
}

const StoredMailbox& Corpus::of_user(std::string_view user) const {
  const auto found = by_name_.find(user.substr(0, user.find_first_of("-@")));
  return found == by_name_.end() ? *mailboxes_.front() : *found->second;
}

void Corpus::write_manifest(const std::string& path) const {
  std::ofstream file(path + ".new");
  for (const auto& mailbox : mailboxes_)
    for (std::size_t i = 0; i < mailbox->messages.size(); i++) {
      const StoredMessage& message = mailbox->messages[i];
      file << fmt::format("{} {} {} {:x} {}\n", mailbox->name, i + 1, message.octets, message.crc,
                          message.uidl);
    }
  file.close();
  if (!file) die("cannot write " + path);
  std::filesystem::rename(path + ".new", path);
}

}  // namespace gatepost::bench
