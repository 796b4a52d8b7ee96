// Names of people in the chat.

#ifndef NAMES_H
#define NAMES_H

#include "ws_host.h"

// A name has at most 24 characters, and a character at most four bytes.
enum { NAME_SIZE = 24 * 4 + 1 };

// Returns why a text cannot be a name, or NULL. Whether it is taken is another question.
const char *name_problem(ws_string name);

// Whether two names differ only in upper and lower case, or not at all.
bool same_name(const char *one, const char *other);

#endif
