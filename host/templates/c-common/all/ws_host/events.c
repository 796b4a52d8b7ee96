// The events, as the host calls them, and the memory that they use.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

// ---- Memory that is freed after an event ----

typedef struct large {
  struct large *next;
  _Alignas(16) char bytes[];
} large;

static _Alignas(16) char arena[64 * 1024];
static size_t arena_used;
static size_t arena_kept;  // How much of it stays in use after an event: messages of a burst that follow.
static large *larges;

bool ws_host_is_passing;

void *ws_alloc(size_t size) {
  size_t start = (arena_used + 15) & ~(size_t)15;
  if (size <= sizeof arena && start <= sizeof arena - size) {
    arena_used = start + size;
    return arena + start;
  }
  if (size > SIZE_MAX - sizeof(large)) abort();
  large *block = malloc(sizeof(large) + size);
  if (!block) {
    fprintf(stderr, "no memory left for %zu bytes\n", size);
    abort();
  }
  block->next = larges;
  larges = block;
  return block->bytes;
}

static void release(void) {
  arena_used = arena_kept;
  while (larges) {
    large *block = larges;
    larges = block->next;
    free(block);
  }
}

// The host asks for memory here for what it passes. One byte more makes a text a string of C.
__attribute__((export_name("cabi_realloc"))) void *ws_host_realloc(void *old, size_t old_size, size_t align,
                                                                   size_t size) {
  (void)align;
  char *fresh = ws_host_is_passing ? ws_alloc(size + 1) : malloc(size + 1);
  if (!fresh) abort();
  if (old_size) memcpy(fresh, old, old_size < size ? old_size : size);
  fresh[size] = 0;
  return fresh;
}

// ---- The events ----

// Without this, only the first line that an instance prints would reach the host's log at once: the others would wait
// until they fill a buffer, and would be lost if the instance ends.
__attribute__((constructor)) static void print_each_line(void) { setvbuf(stdout, NULL, _IOLBF, 0); }

#define ON(interface, name) __attribute__((export_name("ws-host:socket/" interface "@0.1.0#" name)))

static void begin(void) { ws_host_is_passing = false; }

static void finish(void) {
  ws_host_error = "";
  release();
  ws_host_is_passing = true;
}

ON("handler", "connected") int32_t ws_host_connected(ws_client client) {
  begin();
  bool accepted = !ws_host_handler.connected || ws_host_handler.connected(client);
  finish();
  return accepted;
}

static void received(ws_client client, bool is_binary, const char *data, size_t size) {
  begin();
  if (is_binary && ws_host_handler.received_binary)
    ws_host_handler.received_binary(client, (ws_bytes){(const uint8_t *)data, size});
  else if (!is_binary && ws_host_handler.received_text)
    ws_host_handler.received_text(client, (ws_string){data, size});
  else
    ws_close(client, 1003,
             ws_text(is_binary ? "this resource takes no binary messages" : "this resource takes no text"));
  finish();
}

ON("handler", "received-text") void ws_host_received_text(ws_client client, const char *data, size_t size) {
  received(client, false, data, size);
}

ON("handler", "received-binary")
void ws_host_received_binary(ws_client client, const char *data, size_t size) {
  received(client, true, data, size);
}

typedef struct {
  uint8_t is_some, padding[3], is_binary;
  ws_string contents;
  const uint32_t *ends;
  size_t count;
} burst;

// The host has begun the first message, and begins each later one if it may be handled now. False if not.
static bool received_each(ws_client client, const burst *messages) {
  size_t start = 0;
  for (size_t i = 0; i < messages->count; i++) {
    if (i > 0 && !ws_imported_advance_burst()) return false;
    size_t size = messages->ends[i] - start;
    char *message = ws_alloc(size + 1);
    memcpy(message, messages->contents.data + start, size);
    message[size] = 0;
    received(client, messages->is_binary, message, size);
    start = messages->ends[i];
  }
  return true;
}

ON("burst-listener", "received-burst") void ws_host_received_burst(ws_client client) {
  for (bool more = true; more;) {
    burst messages;
    CALL(ws_imported_next_of_burst(&messages));
    arena_kept = arena_used;
    more = messages.is_some && received_each(client, &messages);
    arena_kept = 0;
    finish();
  }
}

ON("handler", "received-pong")
void ws_host_received_pong(ws_client client, const uint8_t *data, size_t size) {
  begin();
  if (ws_host_handler.received_pong) ws_host_handler.received_pong(client, (ws_bytes){data, size});
  finish();
}

#define CLIENT_EVENT(interface, export, name)                   \
  ON(interface, export) void ws_host_##name(ws_client client) { \
    begin();                                                    \
    if (ws_host_handler.name) ws_host_handler.name(client);     \
    finish();                                                   \
  }
CLIENT_EVENT("handler", "disconnected", disconnected)
CLIENT_EVENT("drained-listener", "drained", drained)
CLIENT_EVENT("expiry-listener", "expiring", expiring)
CLIENT_EVENT("timers-listener", "fired", fired)

ON("stop-listener", "stopping") void ws_host_stopping(void) {
  begin();
  if (ws_host_handler.stopping) ws_host_handler.stopping();
  finish();
}

// What an event returns. The host has read it before the next event begins.
static struct {
  uint32_t tag;
  void *data;
  size_t size;
} returned;

static void *return_bytes(uint32_t tag, ws_bytes bytes) {
  free(returned.data);
  returned.data = malloc(bytes.size + 1);
  if (!returned.data) abort();
  if (bytes.size) memcpy(returned.data, bytes.data, bytes.size);
  returned.size = bytes.size;
  returned.tag = tag;
  finish();
  return &returned;
}

ON("lifecycle", "suspend") void *ws_host_suspend(void) {
  begin();
  ws_bytes state = ws_host_handler.suspend ? ws_host_handler.suspend() : (ws_bytes){0};
  return return_bytes(state.data != NULL, state);
}

ON("lifecycle", "resume") void *ws_host_resume(int32_t is_some, uint8_t *data, size_t size) {
  // In the first event of an instance, nothing of this file has run before the host asked for memory.
  uint8_t *first = is_some && size && !ws_host_is_passing ? data : NULL;
  begin();
  ws_string problem = {0};
  bool resumed = !ws_host_handler.resume ||
                 ws_host_handler.resume(is_some ? (ws_bytes){data, size} : (ws_bytes){0}, &problem);
  void *answer = return_bytes(!resumed, ws_bytes_of(ws_host_utf8(problem)));
  free(first);
  return answer;
}

ON("custom-listener", "received-custom") void *ws_host_received_custom(const uint8_t *data, size_t size) {
  begin();
  ws_bytes reply = {0};
  if (!ws_host_handler.received_custom)
    return return_bytes(1, ws_bytes_of(ws_text("this handler takes no custom messages")));
  bool is_taken = ws_host_handler.received_custom((ws_bytes){data, size}, &reply);
  // The reason of a failure is a text.
  if (!is_taken) reply = ws_bytes_of(ws_host_utf8((ws_string){(const char *)reply.data, reply.size}));
  return return_bytes(!is_taken, reply);
}
