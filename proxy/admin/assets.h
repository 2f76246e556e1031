#pragma once

#include <string_view>

/// The files of proxy/admin/page/, compiled in.
namespace gatepost::admin::assets {

[[nodiscard]] std::string_view style_css();
[[nodiscard]] std::string_view script_js();
[[nodiscard]] std::string_view icon_svg();

}  // namespace gatepost::admin::assets
