#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// What rules want to know of a header that is there as a whole.
namespace gatepost::filters {

/// Calls `found` with the text behind the colon of each field of that name, in their order.
void for_each_field(std::string_view header, std::string_view name,
                    const std::function<void(std::string_view)>& found);
/// Of the first one; "" if there is none.
[[nodiscard]] std::string_view first_field(std::string_view header, std::string_view name);

/// Domains of all senders that a mail program may show, in lower case: of every address in every
/// From field, without those in names and comments. An address without a domain gives "".
[[nodiscard]] std::vector<std::string> sender_domains(std::string_view header);

/// Whether a domain is `wanted`, which is one, or ".example.org" for it and all below it.
[[nodiscard]] bool is_domain(std::string_view domain, std::string_view wanted);

}  // namespace gatepost::filters
