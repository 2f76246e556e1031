// What a retention store holds: it is read whole or not at all, and what was read is written as it
// stood there.

#include "filters/retention/record.h"
#include "tests/fuzz/fuzz.h"

using namespace gatepost;
using namespace gatepost::filters;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::Input(data, size).rest();
  auto record = parse_record(text);
  if (!record) return 0;
  require(text.size() <= store::RecordStore::kMaxValue);
  require(record->devices.size() <= Record::kMaxDevices);
  require(format_record(*record) == text);

  // Whatever happens to it, it can be read again.
  for (std::uint64_t device = 0; device < 3; ++device) record->add_device(device);
  require(parse_record(format_record(*record)) == *record);
  record->undelete(Record::kMaxTime);
  require(parse_record(format_record(*record)) == *record);
  return 0;
}
