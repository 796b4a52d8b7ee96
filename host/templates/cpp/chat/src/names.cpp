#include "names.hpp"

#include <cwctype>
#include <string>

namespace {

// Returns the characters of a valid text in UTF-8.
std::u32string characters_of(std::string_view text) {
  std::u32string all;
  for (unsigned char byte : text) {
    if ((byte & 0xc0) == 0x80)
      all.back() = all.back() << 6 | (byte & 0x3f);
    else
      all.push_back(byte < 0x80 ? byte : byte < 0xe0 ? byte & 0x1f : byte < 0xf0 ? byte & 0x0f : byte & 0x07);
  }
  return all;
}

bool is_confusing(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == ':' || c == ',' || c == '*' || c == '!';
}

}  // namespace

std::optional<std::string_view> name_problem(std::string_view name) {
  std::u32string characters = characters_of(name);
  if (characters.empty()) return "a name must not be empty";
  if (characters.size() > 24) return "a name has at most 24 characters";
  for (char32_t c : characters)
    if (is_confusing(c)) return "a name cannot contain : , * ! or control characters";
  return std::nullopt;
}

bool same_name(std::string_view one, std::string_view other) {
  std::u32string a = characters_of(one), b = characters_of(other);
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); i++)
    if (std::towlower(a[i]) != std::towlower(b[i])) return false;
  return true;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\n\v\f";
  std::size_t first = text.find_first_not_of(space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}
