#include "proxy/upstream/router.h"

namespace gatepost::upstream {

const Server& Router::route(std::string_view /*user*/) const { return server_; }

}  // namespace gatepost::upstream
