#include "tests/bench/common/manifest.h"

#include <cstddef>
#include <fstream>
#include <ios>
#include <sstream>
#include <utility>

#include "tests/bench/common/process.h"

namespace gatepost::bench {

std::map<std::string, Mailbox> read_manifest(const std::string& path) {
  std::ifstream file(path);
  if (!file) die("cannot read the manifest " + path);
  std::map<std::string, Mailbox> mailboxes;
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string name;
    std::size_t number = 0;
    Message message;
    if (!(words >> name >> number >> message.octets >> std::hex >> message.crc >> message.uidl))
      die("bad line in the manifest: " + line);
    Mailbox& mailbox = mailboxes[name];
    if (number != mailbox.size() + 1) die("the manifest is out of order");
    mailbox.push_back(std::move(message));
  }
  return mailboxes;
}

}  // namespace gatepost::bench
