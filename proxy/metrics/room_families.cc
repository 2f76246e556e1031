#include "proxy/metrics/room_families.h"

#include <utility>

namespace gatepost::metrics {

void add_room(std::vector<MetricFamily>& out, const ProcessFacts& facts) {
  const auto add = [&out](MetricFamily to, std::uint64_t value) {
    out.push_back(with(std::move(to), static_cast<double>(value)));
  };
  const RoomFacts& room = facts.room;
  add(gauge("connections_limit", "Client connections that are let in, all workers together."),
      room.connections_limit);
  add(gauge("io_blocks_limit", "I/O blocks at which workers stop accepting, all of them together."),
      room.io_blocks_limit);
  add(gauge("spool_limit_bytes", "Octets that may be spooled at the same time."), room.spool_limit);
  add(gauge("quarantine_bytes",
            "Octets of the files in quarantine, when this process changed it last."),
      room.quarantine_octets);
  add(gauge("quarantine_limit_bytes",
            "Octets at which the oldest message in quarantine goes; 0: there is no quarantine."),
      room.quarantine_limit);

  const ProcessUsage& usage = facts.usage;
  add(gauge("process_resident_bytes", "Octets of memory that the process takes now."),
      usage.resident_octets);
  add(gauge("process_memory_limit_bytes",
            "Octets of memory that it may take: the limit of its control group, or what the "
            "machine has."),
      usage.memory_limit);
  out.push_back(with(counter("process_cpu_seconds_total", "CPU time of all threads."),
                     static_cast<double>(usage.cpu_milliseconds) / 1000));
  add(gauge("process_open_descriptors", "Descriptors that are open now."), usage.open_descriptors);
  add(gauge("process_descriptors_limit", "Descriptors that the process may open."),
      usage.descriptors_limit);
}

}  // namespace gatepost::metrics
