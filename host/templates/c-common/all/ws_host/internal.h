// What the files of this folder share.

#ifndef WS_HOST_INTERNAL_H
#define WS_HOST_INTERNAL_H

#include "imports.h"
#include "ws_host.h"

// Whether the host is about to ask for memory. Otherwise, it is the layer between WASI and the host that
// does, once, and keeps it for the life of the instance.
extern bool ws_host_is_passing;

// What ws_error returns.
extern const char *ws_host_error;

// Returns a text for the host, which ends the instance if it gets one that is not UTF-8: U+FFFD is in place of each byte
// that belongs to no character. All texts for the host pass through here.
ws_string ws_host_utf8(ws_string text);

// Calls a function of the host that returns something in memory.
#define CALL(call) (ws_host_is_passing = true, (call), ws_host_is_passing = false)

#endif
