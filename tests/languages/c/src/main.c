// A handler that fails in each way in which handlers fail. It replaces src/main.c in a project named faults.

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "everything.h"
#include "ws_host.h"

static unsigned count;
static bool throw_on_leave;

// C has no exceptions: what goes wrong ends the instance.
__attribute__((noinline)) static void throw_now(void) { abort(); }

static bool connected(ws_client client) {
  ws_string query = ws_request_query(client);
  if (query.data && !strcmp(query.data, "throw")) throw_now();
  return true;
}

static void close_with(ws_client client, const char *arguments) {
  char *reason;
  unsigned long code = strtoul(arguments, &reason, 10);
  if (*reason == ' ') reason++;
  if (!ws_close(client, (uint16_t)code, ws_text(reason))) ws_fail(client, "close: %s", ws_error());
}

static void received_text(ws_client client, ws_string message) {
  count += 1;
  if (ws_equal(message, ws_text("throw"))) {
    throw_now();
  } else if (ws_equal(message, ws_text("everything"))) {
    everything(client);
  } else if (ws_equal(message, ws_text("expire"))) {
    ws_expire(client, 60000, 59990);
  } else if (ws_equal(message, ws_text("fail"))) {
    ws_fail(client, "failed with %d", 7);
  } else if (ws_equal(message, ws_text("/throw-on-leave"))) {
    throw_on_leave = true;
  } else if (ws_equal(message, ws_text("timer"))) {
    ws_set_timer(1, 0);
  } else if (ws_equal(message, ws_text("loop"))) {
    for (volatile int i = 0;; i = !i) {
    }
  } else if (ws_equal(message, ws_text("memory"))) {
    for (;;) memset(ws_alloc(1 << 20), 1, 1 << 20);
  } else if (!strncmp(message.data, "close ", 6)) {
    close_with(client, message.data + 6);
  } else if (ws_equal(message, ws_text("gone"))) {
    bool sent = ws_send_text(client + 1000000, ws_text("nobody"));
    ws_send_text(client, ws_text(sent ? "true" : "false"));
  } else if (ws_equal(message, ws_text("id"))) {
    ws_send_text(client, ws_format("%" PRIu64, client));
  } else if (ws_equal(message, ws_text("count"))) {
    ws_send_text(client, ws_format("%u", count));
  }
}

static void received_binary(ws_client client, ws_bytes message) {
  (void)client, (void)message;
  throw_now();
}

static void received_pong(ws_client client, ws_bytes payload) {
  (void)client;
  if (payload.size == 5 && !memcmp(payload.data, "throw", 5)) throw_now();
}

static void disconnected(ws_client client) {
  (void)client;
  if (throw_on_leave) throw_now();
}

static void fired(uint64_t timer) {
  (void)timer;
  throw_now();
}

static void expiring(ws_client client) {
  ws_keep(client);
  ws_send_text(client, ws_text("expiring"));
}

static void stopping(void) {
  ws_broadcast(ws_connected_clients(), ws_text_message(ws_text("stopping")), NULL);
}

static bool received_custom(ws_bytes message, ws_bytes *reply) {
  // A zero byte follows what comes from the host.
  const char *text = (const char *)message.data;
  ws_string kind = ws_custom_kind(), sender = ws_custom_sender();
  *reply = ws_bytes_of(
      ws_format("%s of %s: %s", kind.data ? kind.data : "", sender.data ? sender.data : "", text));
  return strcmp(text, "fail");
}

const ws_handler ws_host_handler = {
    .connected = connected,
    .received_text = received_text,
    .received_binary = received_binary,
    .received_pong = received_pong,
    .disconnected = disconnected,
    .fired = fired,
    .expiring = expiring,
    .stopping = stopping,
    .received_custom = received_custom,
};
