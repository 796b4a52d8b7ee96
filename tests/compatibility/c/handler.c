// A handler that uses every part of the contract. There is an equivalent one in each language.

#include "complete_handler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef complete_handler_string_t string;
typedef complete_handler_list_u8_t bytes;
typedef ws_host_socket_types_message_t message;

static uint64_t count;
static char last_cause[64];

static string text(const char *words) { return (string){(uint8_t *)words, strlen(words)}; }

static bool is(const string *one, const char *other) {
  return one->len == strlen(other) && !memcmp(one->ptr, other, one->len);
}

// An error is a word. The caller owns it and must free it.
static void done(bool is_done, string *error) {
  if (is_done) return;
  fprintf(stderr, "not done: %.*s\n", (int)error->len, (char *)error->ptr);
  complete_handler_string_free(error);
}

static void say(uint64_t to, const char *words) {
  string error, line = text(words);
  done(ws_host_socket_clients_send_text(to, &line, &error), &error);
}

static message as_text(string words) {
  message it = {.tag = WS_HOST_SOCKET_TYPES_MESSAGE_TEXT};
  it.val.text = words;
  return it;
}

static bool is_refused(uint64_t client) {
  string query;
  if (!ws_host_socket_requests_query(client, &query)) return false;
  bool refused = is(&query, "refused");
  complete_handler_string_free(&query);
  return refused;
}

bool exports_ws_host_socket_handler_connected(uint64_t client) {
  string error;
  if (is_refused(client)) {
    string name = text("www-authenticate"), value = text("Test"), type = text("text/plain; charset=utf-8");
    string words = text("who are you?\n");
    bytes body = {words.ptr, words.len};
    done(ws_host_socket_handshake_set_status(client, 401, &error), &error);
    done(ws_host_socket_handshake_add_header(client, &name, &value, &error), &error);
    done(ws_host_socket_handshake_set_body(client, &type, &body, &error), &error);
    return false;
  }
  complete_handler_list_string_t offered;
  ws_host_socket_requests_offered_subprotocols(client, &offered);
  for (size_t i = 0; i < offered.len; i++)
    if (is(&offered.ptr[i], "second"))
      done(ws_host_socket_handshake_choose_subprotocol(client, &offered.ptr[i], &error), &error);
  complete_handler_list_string_free(&offered);
  string name = text("x-written-in"), value = text("c"), topic = text("all");
  done(ws_host_socket_handshake_add_header(client, &name, &value, &error), &error);
  done(ws_host_socket_topics_subscribe(client, &topic, &error), &error);
  return true;
}

static void send_in_fragments(uint64_t client, string rest) {
  string error, never = text("never");
  uint32_t longest = 4;
  ws_host_socket_clients_own_send_options_t own = ws_host_socket_clients_constructor_send_options();
  ws_host_socket_clients_borrow_send_options_t options = ws_host_socket_clients_borrow_send_options(own);
  done(ws_host_socket_clients_method_send_options_set_compression(options, &never, &error), &error);
  done(ws_host_socket_clients_method_send_options_set_max_frame(options, &longest, &error), &error);
  message it = as_text(rest);
  done(ws_host_socket_clients_send(client, &it, &options, &error), &error);
  ws_host_socket_clients_send_options_drop_own(own);
}

static void send_to_others(uint64_t client, string rest) {
  string error;
  ws_host_socket_clients_own_send_options_t own = ws_host_socket_clients_constructor_send_options();
  ws_host_socket_clients_borrow_send_options_t options = ws_host_socket_clients_borrow_send_options(own);
  ws_host_socket_clients_list_client_id_t except = {&client, 1}, all, missed;
  done(ws_host_socket_clients_method_send_options_set_except(options, &except, &error), &error);
  message it = as_text(rest);
  ws_host_socket_clients_connected_clients(&all);
  ws_host_socket_clients_broadcast(&all, &it, &options, &missed);
  char line[64];
  snprintf(line, sizeof line, "missed: %zu", missed.len);
  say(client, line);
  ws_host_socket_clients_list_client_id_free(&all);
  ws_host_socket_clients_list_client_id_free(&missed);
  ws_host_socket_clients_send_options_drop_own(own);
}

static void tag(uint64_t client, string rest) {
  string error;
  done(ws_host_socket_tags_tag(client, &rest, &error), &error);
  complete_handler_list_string_t all;
  ws_host_socket_tags_tags_of(client, &all);
  char line[1024] = "tags: ";
  for (size_t i = 0; i < all.len; i++) {
    if (i > 0) strncat(line, ",", sizeof line - strlen(line) - 1);
    size_t room = sizeof line - strlen(line) - 1;
    strncat(line, (char *)all.ptr[i].ptr, all.ptr[i].len < room ? all.ptr[i].len : room);
  }
  say(client, line);
  complete_handler_list_string_free(&all);
}

static void close_with(uint64_t client, string rest) {
  char number[8] = {0}, line[64];
  memcpy(number, rest.ptr, rest.len < 7 ? rest.len : 7);
  string error, reason = text("as you like");
  if (ws_host_socket_clients_close(client, atoi(number), &reason, &error)) return;
  snprintf(line, sizeof line, "not closed: %.*s", (int)error.len, (char *)error.ptr);
  complete_handler_string_free(&error);
  say(client, line);
}

static void about(uint64_t client) {
  string path = {0}, header = {0}, name = text("x-test");
  char line[256];
  bool has_path = ws_host_socket_requests_path(client, &path);
  bool has_header = ws_host_socket_requests_header(client, &name, &header);
  snprintf(line, sizeof line, "%.*s %.*s", (int)path.len, (char *)path.ptr, (int)header.len, (char *)header.ptr);
  say(client, line);
  if (has_path) complete_handler_string_free(&path);
  if (has_header) complete_handler_string_free(&header);
}

void exports_ws_host_socket_handler_received_text(uint64_t client, string *whole) {
  count += 1;
  string error, command = *whole, rest = {whole->ptr + whole->len, 0};
  uint8_t *space = whole->len ? memchr(whole->ptr, ' ', whole->len) : NULL;
  if (space) {
    command.len = space - whole->ptr;
    rest = (string){space + 1, whole->len - command.len - 1};
  }
  if (is(&command, "fragments")) {
    send_in_fragments(client, rest);
  } else if (is(&command, "others")) {
    send_to_others(client, rest);
  } else if (is(&command, "publish")) {
    string topic = text("all");
    message it = {.tag = WS_HOST_SOCKET_TYPES_MESSAGE_BINARY};
    it.val.binary = (bytes){rest.ptr, rest.len};
    done(ws_host_socket_topics_publish(&topic, &it, NULL, &error), &error);
  } else if (is(&command, "timer")) {
    done(ws_host_socket_timers_set(client, 1, &error), &error);
  } else if (is(&command, "tag")) {
    tag(client, rest);
  } else if (is(&command, "close")) {
    close_with(client, rest);
  } else if (is(&command, "about")) {
    about(client);
  } else if (is(&command, "cause")) {
    say(client, last_cause);
  } else if (is(&command, "count")) {
    char line[32];
    snprintf(line, sizeof line, "%llu", (unsigned long long)count);
    say(client, line);
  } else {
    done(ws_host_socket_clients_send_text(client, whole, &error), &error);
  }
  complete_handler_string_free(whole);
}

void exports_ws_host_socket_handler_received_binary(uint64_t client, bytes *whole) {
  string error;
  done(ws_host_socket_clients_send_binary(client, whole, &error), &error);
  complete_handler_list_u8_free(whole);
}

void exports_ws_host_socket_handler_received_pong(uint64_t client, bytes *payload) {
  complete_handler_list_u8_free(payload);
  say(client, "pong");
}

void exports_ws_host_socket_handler_disconnected(uint64_t client) {
  string cause;
  uint16_t code = 0;
  if (!ws_host_socket_disconnection_cause(client, &cause)) return;
  ws_host_socket_disconnection_code(client, &code);
  snprintf(last_cause, sizeof last_cause, "%.*s %u", (int)cause.len, (char *)cause.ptr, code);
  complete_handler_string_free(&cause);
}

// Returns a new buffer, which the bindings free after the call.
static bytes concatenated(const char *first, const char *second, const bytes *third) {
  size_t one = strlen(first), two = strlen(second), length = one + two + (third ? third->len : 0);
  bytes all = {malloc(length ? length : 1), length};
  if (!all.ptr) abort();
  memcpy(all.ptr, first, one);
  memcpy(all.ptr + one, second, two);
  if (third) memcpy(all.ptr + one + two, third->ptr, third->len);
  return all;
}

bool exports_ws_host_socket_lifecycle_suspend(bytes *state) {
  char number[32];
  snprintf(number, sizeof number, "%llu", (unsigned long long)count);
  *state = concatenated(number, "", NULL);
  return true;
}

bool exports_ws_host_socket_lifecycle_resume(bytes *state, string *error) {
  if (!state) return true;
  char number[32] = {0}, *end;
  memcpy(number, state->ptr, state->len < 31 ? state->len : 31);
  complete_handler_list_u8_free(state);
  count = strtoull(number, &end, 10);
  if (!*end) return true;
  complete_handler_string_dup(error, "the state is no number");
  return false;
}

void exports_ws_host_socket_timers_listener_fired(uint64_t timer) { say(timer, "fired"); }

bool exports_ws_host_socket_custom_listener_received_custom(bytes *said, bytes *answer, string *error) {
  if (said->len == 0) {
    complete_handler_list_u8_free(said);
    complete_handler_string_dup(error, "nothing was said");
    return false;
  }
  string kind;
  char words[256] = {0};
  if (ws_host_socket_custom_kind(&kind)) {
    memcpy(words, kind.ptr, kind.len < 255 ? kind.len : 255);
    complete_handler_string_free(&kind);
  }
  *answer = concatenated(words, ": ", said);
  complete_handler_list_u8_free(said);
  return true;
}

void exports_ws_host_socket_burst_listener_received_burst(uint64_t client) {
  for (message it; ws_host_socket_burst_next(&it);) {
    if (it.tag == WS_HOST_SOCKET_TYPES_MESSAGE_TEXT)
      exports_ws_host_socket_handler_received_text(client, &it.val.text);
    else
      exports_ws_host_socket_handler_received_binary(client, &it.val.binary);
  }
}

void exports_ws_host_socket_drained_listener_drained(uint64_t client) { say(client, "drained"); }

void exports_ws_host_socket_expiry_listener_expiring(uint64_t client) { say(client, "expiring"); }

void exports_ws_host_socket_stop_listener_stopping(void) {
  ws_host_socket_clients_list_client_id_t all, missed;
  message it = as_text(text("stopping"));
  ws_host_socket_clients_connected_clients(&all);
  ws_host_socket_clients_broadcast(&all, &it, NULL, &missed);
  ws_host_socket_clients_list_client_id_free(&all);
  ws_host_socket_clients_list_client_id_free(&missed);
}
