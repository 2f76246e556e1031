#include "filters/utf8_downgrade/chain.h"

#include "filters/utf8_downgrade/downgrade.h"

namespace gatepost::filters {

std::shared_ptr<const Chain> with_downgrade(const Chain* chain) {
  auto made = chain != nullptr ? std::make_shared<Chain>(*chain) : std::make_shared<Chain>();
  if (chain == nullptr) made->config.name = "none";
  made->filters.insert(made->filters.begin(), utf8_downgrade());
  if (made->shadow) made->shadow = with_downgrade(made->shadow.get());  // sees what that one sees
  made->fingerprint += "utf8 downgrade;";
  return made;
}

}  // namespace gatepost::filters
