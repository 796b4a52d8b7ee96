// Names of people in the chat.

#ifndef NAMES_HPP
#define NAMES_HPP

#include <optional>
#include <string_view>

// Returns why a text cannot be a name. Whether it is taken is another question.
std::optional<std::string_view> name_problem(std::string_view name);

// Whether two names differ only in upper and lower case, or not at all.
bool same_name(std::string_view one, std::string_view other);

std::string_view trimmed(std::string_view text);

#endif
