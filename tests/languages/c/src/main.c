// A handler that fails in each way in which handlers fail. It replaces src/main.c in a project named faults.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "everything.h"
#include "ws_host.h"

static unsigned count;
static char failing[16];  // The event that aborts.

static const char unusable[] = "unusable";  // A saved state that cannot be resumed.

// C has no exceptions: what goes wrong ends the instance.
__attribute__((noinline)) static void throw_now(void) { abort(); }

static void throw_if_asked(const char *event) {
  if (!strcmp(failing, event)) throw_now();
}

// Each call needs the variable of its caller, so the compiler cannot make a loop of them.
static unsigned recurse(const volatile unsigned *depth) {
  volatile unsigned here = *depth + 1;
  return here + recurse(&here);
}

// Ends with a byte that is not UTF-8.
static const char invalid[] = "half: \xff";

static void use_invalid_text_elsewhere(ws_client client) {
  ws_string text = ws_text(invalid);
  ws_message message = ws_text_message(text);
  ws_unsubscribe(client, text);
  ws_subscribers(text);
  ws_publish(text, message, NULL);
  ws_untag(client, text);
  ws_clients_of(text);
  ws_send_tagged(text, message, NULL);
  ws_close_tagged(text, 1000, text);
  ws_send(client, message, &(ws_send_options){.compression = invalid});
  ws_request_parameter(client, invalid);
  ws_request_header(client, invalid);
  ws_log_enabled(text);
  ws_add_header(client, text, text);
  ws_choose_subprotocol(client, text);
  ws_set_body(client, text, ws_bytes_of(text));
  ws_send_text(client, ws_text("done"));
}

static void use_invalid_text(ws_client client, const char *where) {
  ws_string text = ws_text(invalid);
  ws_message message = ws_text_message(text);
  if (!strcmp(where, "send")) {
    ws_send_text(client, text);
  } else if (!strcmp(where, "options")) {
    ws_send(client, message, &(ws_send_options){.compression = "never"});
  } else if (!strcmp(where, "broadcast")) {
    ws_broadcast((ws_clients){&client, 1}, message, NULL);
  } else if (!strcmp(where, "publish")) {
    ws_subscribe(client, ws_text("news"));
    ws_publish(ws_text("news"), message, NULL);
  } else if (!strcmp(where, "topic")) {
    ws_subscribe(client, text);
    ws_send_text(client, ws_topics_of(client).data[0]);
  } else if (!strcmp(where, "tag")) {
    ws_tag(client, text);
    ws_send_text(client, ws_tags_of(client).data[0]);
  } else if (!strcmp(where, "log")) {
    ws_log(ws_text("info"), text);
    ws_log(text, ws_text("of an unknown level"));
    ws_send_text(client, ws_text("logged"));
  } else if (!strcmp(where, "close")) {
    ws_close(client, 4000, text);
  } else {
    use_invalid_text_elsewhere(client);
  }
}

static bool connected(ws_client client) {
  ws_add_header(client, ws_text("x-handler"), ws_text("faults"));
  ws_string query = ws_request_query(client);
  if (query.data && !strcmp(query.data, "throw")) throw_now();
  return true;
}

static void close_with(ws_client client, const char *arguments) {
  char *reason;
  unsigned long code = strtoul(arguments, &reason, 10);
  if (*reason == ' ') reason++;
  if (code > UINT16_MAX)
    ws_fail(client, "%lu is no close code", code);
  else if (!ws_close(client, (uint16_t)code, ws_text(reason))) ws_fail(client, "close: %s", ws_error());
}

static void received_text(ws_client client, ws_string message) {
  count += 1;
  if (ws_equal(message, ws_text("throw"))) {
    throw_now();
  } else if (!strncmp(message.data, "invalid ", 8)) {
    use_invalid_text(client, message.data + 8);
  } else if (ws_equal(message, ws_text("everything"))) {
    everything(client);
  } else if (ws_equal(message, ws_text("expire"))) {
    ws_expire(client, 60000, 59990);
  } else if (ws_equal(message, ws_text("fail"))) {
    ws_fail(client, "failed with %d", 7);
  } else if (!strncmp(message.data, "throw-in ", 9)) {
    strncpy(failing, message.data + 9, sizeof failing - 1);
    ws_send_text(client, ws_text("noted"));
  } else if (ws_equal(message, ws_text("fill"))) {
    ws_string chunk = {memset(ws_alloc(60000), 'x', 60000), 60000};
    while (ws_send_text(client, chunk)) {
    }
  } else if (ws_equal(message, ws_text("recurse"))) {
    const volatile unsigned depth = 0;
    recurse(&depth);
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
  throw_if_asked("disconnected");
  printf("ended: %s %u %u %s %s\n", ws_disconnection_cause(client).data, ws_disconnection_code(client),
         ws_disconnection_sent_code(client), ws_disconnection_clean(client) ? "true" : "false",
         ws_disconnection_reason(client).data);
}

static void fired(uint64_t timer) {
  (void)timer;
  throw_now();
}

static void drained(ws_client client) {
  (void)client;
  throw_if_asked("drained");
}

static void expiring(ws_client client) {
  throw_if_asked("expiring");
  ws_keep(client);
  ws_send_text(client, ws_text("expiring"));
}

static void stopping(void) {
  throw_if_asked("stopping");
  ws_broadcast(ws_connected_clients(), ws_text_message(ws_text("stopping")), NULL);
}

static bool received_custom(ws_bytes message, ws_bytes *reply) {
  // A zero byte follows what comes from the host.
  const char *text = (const char *)message.data;
  if (!strcmp(text, "throw")) throw_now();
  ws_string kind = ws_custom_kind(), sender = ws_custom_sender();
  *reply = ws_bytes_of(
      ws_format("%s of %s: %s", kind.data ? kind.data : "", sender.data ? sender.data : "", text));
  return strcmp(text, "fail");
}

static ws_bytes suspend(void) {
  throw_if_asked("suspend");
  if (!strcmp(failing, "resume")) {
    puts("the state is unusable");
    return ws_bytes_of(ws_text(unusable));
  }
  return ws_bytes_of(ws_format("%u", count));
}

static bool resume(ws_bytes state, ws_string *problem) {
  (void)problem;
  if (!state.data) return true;
  if (!strcmp((const char *)state.data, unusable)) throw_now();
  count = (unsigned)atoi((const char *)state.data);
  return true;
}

const ws_handler ws_host_handler = {
    .connected = connected,
    .received_text = received_text,
    .received_binary = received_binary,
    .received_pong = received_pong,
    .disconnected = disconnected,
    .fired = fired,
    .suspend = suspend,
    .resume = resume,
    .drained = drained,
    .expiring = expiring,
    .stopping = stopping,
    .received_custom = received_custom,
};
