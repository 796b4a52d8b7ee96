// {{name}}: chat rooms. Each path /room/NAME is a room with an instance of its own. Its last lines are its
// state, which outlives hibernation and reloads.

#include <stdlib.h>
#include <string.h>

#include "ws_host.h"

// How many lines a new client gets.
enum { KEPT = 20 };

typedef struct {
  char *data;
  uint32_t size;
} line;

// The kept lines, oldest first.
static line lines[KEPT];
static size_t line_count;

static void keep_line(const char *data, size_t size) {
  if (line_count == KEPT) {
    free(lines[0].data);
    memmove(lines, lines + 1, sizeof lines - sizeof *lines);
    line_count -= 1;
  }
  char *copy = malloc(size + 1);
  if (!copy) abort();
  memcpy(copy, data, size);
  lines[line_count++] = (line){copy, (uint32_t)size};
}

static bool connected(ws_client client) {
  ws_string room = ws_request_parameter(client, "id");
  size_t here = ws_connected_clients().size;  // with this one
  ws_send_text(client, ws_format("* room %s, %zu here", room.data ? room.data : "", here));
  for (size_t i = 0; i < line_count; i++) ws_send_text(client, (ws_string){lines[i].data, lines[i].size});
  return true;
}

static void received_text(ws_client client, ws_string message) {
  (void)client;
  keep_line(message.data, message.size);
  ws_broadcast(ws_connected_clients(), ws_text_message(message), NULL);
}

static void received_binary(ws_client client, ws_bytes message) {
  (void)message;
  ws_close(client, 1003, ws_text("this is a chat: text only"));
}

// The state: for each line its size, in four bytes, and its bytes.
static ws_bytes suspend(void) {
  size_t size = 0;
  for (size_t i = 0; i < line_count; i++) size += sizeof(uint32_t) + lines[i].size;
  uint8_t *state = ws_alloc(size), *at = state;
  for (size_t i = 0; i < line_count; i++) {
    memcpy(at, &lines[i].size, sizeof(uint32_t));
    memcpy(at + sizeof(uint32_t), lines[i].data, lines[i].size);
    at += sizeof(uint32_t) + lines[i].size;
  }
  return (ws_bytes){state, size};
}

static bool resume(ws_bytes state, ws_string *problem) {
  const uint8_t *at = state.data, *end = at + state.size;
  while (at < end) {
    uint32_t size;
    if ((size_t)(end - at) < sizeof size) break;
    memcpy(&size, at, sizeof size);
    at += sizeof size;
    if (size > (size_t)(end - at)) break;
    keep_line((const char *)at, size);
    at += size;
  }
  if (at != end) *problem = ws_text("this is not the state of a room");
  return at == end;
}

const ws_handler ws_host_handler = {
    .connected = connected,
    .received_text = received_text,
    .received_binary = received_binary,
    .suspend = suspend,
    .resume = resume,
};
