#include "names.h"

#include <string.h>
#include <wctype.h>

// Reads a character of a valid text in UTF-8, and moves behind it.
static wint_t next_character(const char **at) {
  const unsigned char *byte = (const unsigned char *)*at;
  int more = *byte < 0x80 ? 0 : *byte < 0xe0 ? 1 : *byte < 0xf0 ? 2 : 3;
  wint_t character = more ? *byte & (0x3f >> more) : *byte;
  for (int i = 0; i < more; i++) character = character << 6 | (*++byte & 0x3f);
  *at = (const char *)byte + 1;
  return character;
}

const char *name_problem(ws_string name) {
  if (name.size == 0) return "a name must not be empty";
  int length = 0;
  bool is_confusing = false;
  for (const char *at = name.data; at < name.data + name.size; length++) {
    wint_t c = next_character(&at);
    if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c < 0x80 && strchr(":,*!", (int)c))) is_confusing = true;
  }
  if (length > 24) return "a name has at most 24 characters";
  if (is_confusing) return "a name cannot contain : , * ! or control characters";
  return NULL;
}

bool same_name(const char *one, const char *other) {
  while (*one && *other)
    if (towlower(next_character(&one)) != towlower(next_character(&other))) return false;
  return *one == *other;
}
