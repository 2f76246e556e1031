#include "tests/unit/filters/message/gmime_reader.h"

#include <gmime/gmime.h>

#include <memory>

namespace gatepost::filters::test {

namespace {

struct Unref {
  void operator()(void* object) const { g_object_unref(object); }
};
template <class Object>
using Owned = std::unique_ptr<Object, Unref>;

std::string content_of(GMimePart* part) {
  GMimeDataWrapper* const wrapper = g_mime_part_get_content(part);
  if (wrapper == nullptr) return "";
  const Owned<GMimeStream> stream(g_mime_stream_mem_new());
  g_mime_data_wrapper_write_to_stream(wrapper, stream.get());
  const GByteArray* const octets = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream.get()));
  return {reinterpret_cast<const char*>(octets->data), octets->len};
}

std::string type_of(GMimeObject* object) {
  char* const text = g_mime_content_type_get_mime_type(g_mime_object_get_content_type(object));
  char* const lower = g_ascii_strdown(text, -1);
  std::string type(lower);
  g_free(lower);
  g_free(text);
  return type;
}

void walk(GMimeObject* object, unsigned depth, std::vector<ReadPart>& parts) {
  if (object == nullptr) return;
  ReadPart& part = parts.emplace_back();
  part.depth = depth;
  part.type = type_of(object);
  if (GMIME_IS_MULTIPART(object)) {
    auto* const multipart = reinterpret_cast<GMimeMultipart*>(object);
    for (int i = 0; i < g_mime_multipart_get_count(multipart); ++i) {
      walk(g_mime_multipart_get_part(multipart, i), depth + 1, parts);
    }
  } else if (GMIME_IS_MESSAGE_PART(object)) {
    auto* const message = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
    if (message != nullptr) walk(g_mime_message_get_mime_part(message), depth + 1, parts);
  } else if (GMIME_IS_PART(object)) {
    const char* const name = g_mime_part_get_filename(GMIME_PART(object));
    if (name != nullptr) part.name = name;
    part.content = content_of(GMIME_PART(object));
  }
}

}  // namespace

std::vector<ReadPart> read_with_gmime(std::string_view message) {
  static const bool started = [] {
    g_mime_init();
    return true;
  }();
  std::vector<ReadPart> parts;
  const Owned<GMimeStream> stream(
      g_mime_stream_mem_new_with_buffer(message.data(), message.size()));
  const Owned<GMimeParser> parser(g_mime_parser_new_with_stream(stream.get()));
  const Owned<GMimeMessage> read(g_mime_parser_construct_message(parser.get(), nullptr));
  if (started && read) walk(g_mime_message_get_mime_part(read.get()), 0, parts);
  return parts;
}

}  // namespace gatepost::filters::test
