#include "proxy/store/redis_reply.h"

#include <hiredis/hiredis.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

namespace gatepost::store {

namespace {

struct FreeReader {
  void operator()(redisReader* reader) const { redisReaderFree(reader); }
};

constexpr std::size_t kMaxErrorShown = 160;

}  // namespace

std::string_view RedisReply::error_word() const {
  if (!is_error()) return {};
  return std::string_view(text).substr(0, text.find(' '));
}

struct RedisReader::State {
  State(std::size_t most_octets, std::size_t most_items)
      : max_reply(most_octets), max_items(most_items) {
    reader.reset(redisReaderCreateWithFunctions(&kMakers));
    if (reader) reader->privdata = this;
  }

  const std::size_t max_reply;
  const std::size_t max_items;
  std::unique_ptr<redisReader, FreeReader> reader;
  std::size_t fed = 0;
  std::size_t begun_at = 0;  // where in all that was fed the current reply begins
  std::size_t items = 0;     // of the current reply
  bool too_many = false;

  /// A place for what hiredis has read: in the list it belongs to. Null: there may be no more.
  static RedisReply* place(const redisReadTask* task, RedisReply::Kind kind) {
    auto& state = *static_cast<State*>(task->privdata);
    state.too_many = state.items >= state.max_items;
    if (state.too_many) return nullptr;
    ++state.items;
    RedisReply* made = nullptr;
    if (task->parent == nullptr) {
      made = new RedisReply;  // hiredis gives it back, or calls drop()
    } else {
      // Moves its siblings, and not those that are still being filled: they are its ancestors.
      made = &static_cast<RedisReply*>(task->parent->obj)->items.emplace_back();
    }
    made->kind = kind;
    return made;
  }
  static void* make_text(const redisReadTask* task, char* text, std::size_t size) {
    auto kind = RedisReply::Kind::text;
    if (task->type == REDIS_REPLY_STATUS) kind = RedisReply::Kind::status;
    if (task->type == REDIS_REPLY_ERROR) kind = RedisReply::Kind::error;
    RedisReply* const made = place(task, kind);
    if (made != nullptr) made->text.assign(text, size);
    return made;
  }
  // No room for so many items beforehand: they have not come yet.
  static void* make_list(const redisReadTask* task, int /*size*/) {
    return place(task, RedisReply::Kind::list);
  }
  static void* make_number(const redisReadTask* task, long long number) {
    RedisReply* const made = place(task, RedisReply::Kind::number);
    if (made != nullptr) made->number = number;
    return made;
  }
  static void* make_nothing(const redisReadTask* task) {
    return place(task, RedisReply::Kind::nothing);
  }
  static void drop(void* reply) { delete static_cast<RedisReply*>(reply); }

  static redisReplyObjectFunctions kMakers;
};

redisReplyObjectFunctions RedisReader::State::kMakers = {
    &State::make_text, &State::make_list, &State::make_number, &State::make_nothing, &State::drop};

RedisReader::RedisReader(std::size_t max_reply, std::size_t max_items)
    : state_(std::make_unique<State>(max_reply, max_items)) {}
RedisReader::~RedisReader() = default;
RedisReader::RedisReader(RedisReader&&) noexcept = default;
RedisReader& RedisReader::operator=(RedisReader&&) noexcept = default;

void RedisReader::feed(std::string_view octets) {
  if (!state_->reader || octets.empty()) return;
  redisReaderFeed(state_->reader.get(), octets.data(), octets.size());
  state_->fed += octets.size();
}

Result<std::optional<RedisReply>> RedisReader::next() {
  State& state = *state_;
  if (!state.reader) return fail(ErrorCode::system, "no memory");
  void* raw = nullptr;
  const int status = redisReaderGetReply(state.reader.get(), &raw);
  const std::unique_ptr<RedisReply> reply(static_cast<RedisReply*>(raw));
  if (state.too_many) {
    return fail(ErrorCode::limit, fmt::format("a reply of more than {} parts", state.max_items));
  }
  if (status != REDIS_OK) {
    return fail(ErrorCode::protocol, "what it says is not the Redis protocol");
  }
  const std::size_t end = state.fed - (state.reader->len - state.reader->pos);
  if ((reply ? end : state.fed) - state.begun_at > state.max_reply) {
    return fail(ErrorCode::limit, fmt::format("a reply of more than {} octets", state.max_reply));
  }
  if (!reply) return std::nullopt;
  state.begun_at = end;
  state.items = 0;
  return std::move(*reply);
}

std::string redis_command(const std::vector<std::string_view>& words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  texts.reserve(words.size());
  sizes.reserve(words.size());
  for (const std::string_view word : words) {
    texts.push_back(word.data() == nullptr ? "" : word.data());
    sizes.push_back(word.size());
  }
  char* made = nullptr;
  const int size =
      redisFormatCommandArgv(&made, static_cast<int>(words.size()), texts.data(), sizes.data());
  if (size < 0) return {};
  std::string command(made, static_cast<std::size_t>(size));
  explicit_bzero(made, command.size());  // may hold a password
  std::free(made);
  return command;
}

Error error_of(const RedisReply& reply) {
  const std::string_view word = reply.error_word();
  // "ERR unknown command `AUTH`, with args beginning with: `joe` `secret`"
  std::string_view shown = reply.text;
  shown = shown.substr(0, std::min(shown.find(", with args"), kMaxErrorShown));
  std::string detail = fmt::format("Redis: {}", shown);
  constexpr std::array kCannotServe = {"NOAUTH",  "WRONGPASS", "NOPERM",     "DENIED",  "OOM",
                                       "MISCONF", "BUSY",      "NOREPLICAS", "TRYAGAIN"};
  if (means_another_server(reply)) return {ErrorCode::closed, std::move(detail)};
  if (std::ranges::find(kCannotServe, word) != kCannotServe.end()) {
    return {ErrorCode::system, std::move(detail)};
  }
  if (word == "MOVED" || word == "ASK" || word == "CROSSSLOT") {
    detail = "Redis Cluster is not supported";
  }
  return {ErrorCode::protocol, std::move(detail)};
}

std::unexpected<Error> not_an_answer(std::string_view question) {
  return fail(ErrorCode::protocol, fmt::format("Redis: not an answer to {}", question));
}

bool means_another_server(const RedisReply& reply) {
  const std::string_view word = reply.error_word();
  return word == "READONLY" || word == "LOADING" || word == "MASTERDOWN" || word == "CLUSTERDOWN";
}

}  // namespace gatepost::store
