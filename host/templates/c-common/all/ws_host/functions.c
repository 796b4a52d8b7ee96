// What a handler calls. Each function passes its arguments to the one of the host, and reads the result.

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

// ---- What functions of the host return ----

// Where a function writes a result that is more than a number.
static union {
  uint8_t tag;
  struct {
    uint32_t tag;
    ws_string text;
  } optional;
  struct {
    uint16_t tag, value;
  } number;
  struct {
    uint64_t tag, value;
  } wide;
  ws_clients clients;
  ws_strings strings;
  ws_pairs pairs;
} result;

const char *ws_host_error = "";

const char *ws_error(void) { return ws_host_error; }

static bool is_done(void) {
  if (!result.tag) return true;
  ws_host_error = result.optional.text.data;
  return false;
}

static ws_string optional(void) { return result.tag ? result.optional.text : (ws_string){0}; }

static uint16_t number(void) { return result.tag ? result.number.value : 0; }

static bool wide(uint64_t *value) {
  if (result.tag) *value = result.wide.value;
  return result.tag;
}

// ---- Text ----

ws_string ws_text(const char *string) { return (ws_string){string, strlen(string)}; }

// Returns the size of the character that begins here, or 0 if these bytes are none.
static size_t character_size(const uint8_t *at, size_t left) {
  uint8_t first = at[0];
  if (first < 0x80) return 1;
  size_t size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (!size || size > left) return 0;
  // After these, the second byte has a smaller range: no overlong forms, no surrogates, nothing above U+10FFFF.
  uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (at[1] < low || at[1] > high) return 0;
  for (size_t i = 2; i < size; i++)
    if ((at[i] & 0xc0) != 0x80) return 0;
  return size;
}

// Returns how many bytes at the beginning of a text are UTF-8.
static size_t valid_size(const uint8_t *data, size_t size) {
  size_t at = 0;
  while (at < size) {
    uint64_t eight = UINT64_MAX;
    if (size - at >= sizeof eight) memcpy(&eight, data + at, sizeof eight);
    // Usually all of them are ASCII.
    size_t step = eight & 0x8080808080808080 ? character_size(data + at, size - at) : sizeof eight;
    if (!step) break;
    at += step;
  }
  return at;
}

ws_string ws_host_utf8(ws_string text) {
  const uint8_t *data = (const uint8_t *)text.data;
  size_t at = valid_size(data, text.size);
  if (at == text.size) return text;
  // Each byte becomes three at most.
  if (text.size > (SIZE_MAX - 1) / 3) abort();
  char *replaced = ws_alloc(3 * text.size + 1);
  memcpy(replaced, data, at);
  size_t end = at;
  while (at < text.size) {
    memcpy(replaced + end, "\xef\xbf\xbd", 3);
    size_t valid = valid_size(data + at + 1, text.size - at - 1);
    memcpy(replaced + end + 3, data + at + 1, valid);
    end += 3 + valid;
    at += 1 + valid;
  }
  replaced[end] = 0;
  return (ws_string){replaced, end};
}

ws_bytes ws_bytes_of(ws_string text) { return (ws_bytes){(const uint8_t *)text.data, text.size}; }

bool ws_equal(ws_string one, ws_string other) {
  return one.size == other.size && (one.size == 0 || !memcmp(one.data, other.data, one.size));
}

static ws_string format_list(const char *format, va_list list) {
  va_list again;
  va_copy(again, list);
  int size = vsnprintf(NULL, 0, format, list);
  if (size < 0) abort();
  char *text = ws_alloc((size_t)size + 1);
  vsnprintf(text, (size_t)size + 1, format, again);
  va_end(again);
  return (ws_string){text, (size_t)size};
}

ws_string ws_format(const char *format, ...) {
  va_list list;
  va_start(list, format);
  ws_string text = format_list(format, list);
  va_end(list);
  return text;
}

void ws_fail(ws_client client, const char *format, ...) {
  va_list list;
  va_start(list, format);
  ws_string reason = format_list(format, list);
  va_end(list);
  fprintf(stderr, "client %llu: %s\n", (unsigned long long)client, reason.data);
  reason = getenv("WS_HOST_DEV") ? ws_host_utf8(reason) : ws_text("the handler failed");
  if (reason.size > 123) {
    reason.size = 123;
    // Not in the middle of a character.
    while (reason.size && (reason.data[reason.size] & 0xc0) == 0x80) reason.size -= 1;
  }
  ws_close(client, 1011, reason);
}

// ---- Clients ----

ws_message ws_text_message(ws_string text) { return (ws_message){false, ws_bytes_of(text)}; }

ws_message ws_binary_message(ws_bytes bytes) { return (ws_message){true, bytes}; }

// Options in the host: whether there are any, and their number.
typedef struct {
  int32_t is_some, handle;
} options;

static bool open_options(const ws_send_options *wanted, options *made) {
  *made = (options){0};
  if (!wanted) return true;
  made->handle = ws_imported_new_send_options();
  made->is_some = 1;
  bool ok = true;
  if (wanted->compression) {
    ws_string how = ws_host_utf8(ws_text(wanted->compression));
    CALL(ws_imported_set_compression(made->handle, how.data, how.size, &result));
    ok = is_done();
  }
  if (ok && wanted->max_frame) {
    CALL(ws_imported_set_max_frame(made->handle, 1, (int32_t)wanted->max_frame, &result));
    ok = is_done();
  }
  if (ok && wanted->except.size) {
    CALL(ws_imported_set_except(made->handle, wanted->except.data, wanted->except.size, &result));
    ok = is_done();
  }
  if (!ok) ws_imported_drop_send_options(made->handle);
  return ok;
}

// Returns what the host gets of a message.
static ws_bytes content_of(ws_message message) {
  if (message.is_binary) return message.content;
  return ws_bytes_of(ws_host_utf8((ws_string){(const char *)message.content.data, message.content.size}));
}

static void close_options(options made) {
  if (made.is_some) ws_imported_drop_send_options(made.handle);
}

bool ws_send_text(ws_client to, ws_string message) {
  message = ws_host_utf8(message);
  CALL(ws_imported_send_text(to, message.data, message.size, &result));
  return is_done();
}

bool ws_send_binary(ws_client to, ws_bytes message) {
  CALL(ws_imported_send_binary(to, message.data, message.size, &result));
  return is_done();
}

bool ws_send(ws_client to, ws_message message, const ws_send_options *wanted) {
  options made;
  ws_bytes content = content_of(message);
  if (!open_options(wanted, &made)) return false;
  CALL(ws_imported_send_message(to, message.is_binary, content.data, content.size,
                                made.is_some, made.handle, &result));
  close_options(made);
  return is_done();
}

ws_clients ws_broadcast(ws_clients to, ws_message message, const ws_send_options *wanted) {
  options made;
  ws_bytes content = content_of(message);
  if (!open_options(wanted, &made)) return to;
  CALL(ws_imported_broadcast(to.data, to.size, message.is_binary, content.data, content.size,
                             made.is_some, made.handle, &result));
  close_options(made);
  return result.clients;
}

bool ws_ping(ws_client to, ws_bytes payload) {
  CALL(ws_imported_ping(to, payload.data, payload.size, &result));
  return is_done();
}

bool ws_pong(ws_client to, ws_bytes payload) {
  CALL(ws_imported_pong(to, payload.data, payload.size, &result));
  return is_done();
}

bool ws_close(ws_client client, uint16_t code, ws_string reason) {
  reason = ws_host_utf8(reason);
  CALL(ws_imported_close_client(client, code, reason.data, reason.size, &result));
  return is_done();
}

bool ws_abort(ws_client client) { return ws_imported_abort_client(client); }

ws_clients ws_connected_clients(void) {
  CALL(ws_imported_connected_clients(&result));
  return result.clients;
}

bool ws_buffered(ws_client client, uint64_t *bytes) {
  CALL(ws_imported_buffered(client, &result));
  return wide(bytes);
}

bool ws_attach(ws_client client, ws_bytes attachment) {
  CALL(ws_imported_attach(client, attachment.data, attachment.size, &result));
  return is_done();
}

ws_bytes ws_attachment(ws_client client) {
  CALL(ws_imported_attachment_of(client, &result));
  return ws_bytes_of(optional());
}

// ---- The request and the response ----

#define REQUEST_TEXT(name)                             \
  ws_string ws_request_##name(ws_client client) {      \
    CALL(ws_imported_request_##name(client, &result)); \
    return optional();                                 \
  }
REQUEST_TEXT(resource_name)
REQUEST_TEXT(path)
REQUEST_TEXT(query)
REQUEST_TEXT(subprotocol)
REQUEST_TEXT(origin)
REQUEST_TEXT(http_version)
REQUEST_TEXT(client_address)
REQUEST_TEXT(peer_address)
REQUEST_TEXT(local_address)
REQUEST_TEXT(server_name)
REQUEST_TEXT(certificate_fingerprint)
REQUEST_TEXT(certificate_subject)

#define REQUEST_NUMBER(name)                           \
  uint16_t ws_request_##name(ws_client client) {       \
    CALL(ws_imported_request_##name(client, &result)); \
    return number();                                   \
  }
REQUEST_NUMBER(protocol_version)
REQUEST_NUMBER(peer_port)
REQUEST_NUMBER(local_port)

#define REQUEST_LIST(type, kind, name)                 \
  type ws_request_##name(ws_client client) {           \
    CALL(ws_imported_request_##name(client, &result)); \
    return result.kind;                                \
  }
REQUEST_LIST(ws_pairs, pairs, parameters)
REQUEST_LIST(ws_pairs, pairs, headers)
REQUEST_LIST(ws_strings, strings, offered_subprotocols)
REQUEST_LIST(ws_strings, strings, certificate_names)

ws_bytes ws_request_certificate(ws_client client) {
  CALL(ws_imported_request_certificate(client, &result));
  return ws_bytes_of(optional());
}

bool ws_request_secure(ws_client client) { return ws_imported_request_secure(client); }

ws_string ws_request_parameter(ws_client client, const char *name) {
  ws_string text = ws_host_utf8(ws_text(name));
  CALL(ws_imported_request_parameter(client, text.data, text.size, &result));
  return optional();
}

ws_string ws_request_header(ws_client client, const char *name) {
  ws_string text = ws_host_utf8(ws_text(name));
  CALL(ws_imported_request_header(client, text.data, text.size, &result));
  return optional();
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Decodes `+` and `%41`.
static ws_string decode(const char *from, size_t size) {
  char *text = ws_alloc(size + 1);
  size_t length = 0;
  for (size_t i = 0; i < size; i++) {
    char c = from[i];
    if (c == '+') c = ' ';
    if (c == '%' && i + 2 < size && hex_digit(from[i + 1]) >= 0 && hex_digit(from[i + 2]) >= 0) {
      c = (char)(hex_digit(from[i + 1]) << 4 | hex_digit(from[i + 2]));
      i += 2;
    }
    text[length++] = c;
  }
  text[length] = 0;
  return (ws_string){text, length};
}

ws_string ws_request_query_value(ws_client client, const char *name) {
  ws_string query = ws_request_query(client);
  const char *at = query.data, *end = at + query.size;
  while (at && at < end) {
    const char *next = memchr(at, '&', (size_t)(end - at));
    if (!next) next = end;
    const char *equals = memchr(at, '=', (size_t)(next - at));
    const char *name_end = equals ? equals : next;
    if (ws_equal(decode(at, (size_t)(name_end - at)), ws_text(name)))
      return equals ? decode(equals + 1, (size_t)(next - equals - 1)) : ws_text("");
    at = next + 1;
  }
  return (ws_string){0};
}

bool ws_choose_subprotocol(ws_client client, ws_string name) {
  name = ws_host_utf8(name);
  CALL(ws_imported_choose_subprotocol(client, name.data, name.size, &result));
  return is_done();
}

bool ws_add_header(ws_client client, ws_string name, ws_string value) {
  name = ws_host_utf8(name);
  value = ws_host_utf8(value);
  CALL(ws_imported_add_header(client, name.data, name.size, value.data, value.size, &result));
  return is_done();
}

bool ws_set_status(ws_client client, uint16_t status) {
  CALL(ws_imported_set_status(client, status, &result));
  return is_done();
}

bool ws_set_body(ws_client client, ws_string type, ws_bytes body) {
  type = ws_host_utf8(type);
  CALL(ws_imported_set_body(client, type.data, type.size, body.data, body.size, &result));
  return is_done();
}

bool ws_refuse(ws_client client, uint16_t status, ws_string text) {
  if (!ws_set_status(client, status) ||
      !ws_set_body(client, ws_text("text/plain; charset=utf-8"), ws_bytes_of(text))) {
    fprintf(stderr, "client %llu: refused with 500, as the refusal is not valid: %s\n",
            (unsigned long long)client, ws_error());
    ws_set_status(client, 500);
  }
  return false;
}

// ---- The end of a connection, time, state ----

ws_string ws_disconnection_cause(ws_client client) {
  CALL(ws_imported_disconnection_cause(client, &result));
  return optional();
}

ws_string ws_disconnection_reason(ws_client client) {
  CALL(ws_imported_disconnection_reason(client, &result));
  return optional();
}

uint16_t ws_disconnection_code(ws_client client) {
  CALL(ws_imported_disconnection_code(client, &result));
  return result.tag ? result.number.value : 1006;
}

uint16_t ws_disconnection_sent_code(ws_client client) {
  CALL(ws_imported_disconnection_sent_code(client, &result));
  return number();
}

bool ws_disconnection_clean(ws_client client) { return ws_imported_disconnection_clean(client); }

bool ws_set_timer(uint64_t timer, uint64_t milliseconds) {
  CALL(ws_imported_set_timer(timer, milliseconds, &result));
  return is_done();
}

bool ws_set_durable_timer(uint64_t timer, uint64_t milliseconds) {
  CALL(ws_imported_set_durable_timer(timer, milliseconds, &result));
  return is_done();
}

bool ws_cancel_timer(uint64_t timer) { return ws_imported_cancel_timer(timer); }

bool ws_expire(ws_client client, uint64_t milliseconds, uint64_t notice) {
  CALL(ws_imported_expire(client, milliseconds, notice, &result));
  return is_done();
}

bool ws_keep(ws_client client) { return ws_imported_keep(client); }

bool ws_remaining(ws_client client, uint64_t *milliseconds) {
  CALL(ws_imported_remaining(client, &result));
  return wide(milliseconds);
}

ws_string ws_state_reason(void) {
  CALL(ws_imported_state_reason(&result));
  return optional();
}

bool ws_state_age(uint64_t *milliseconds) {
  CALL(ws_imported_state_age(&result));
  return wide(milliseconds);
}

ws_string ws_custom_kind(void) {
  CALL(ws_imported_custom_kind(&result));
  return optional();
}

ws_string ws_custom_sender(void) {
  CALL(ws_imported_custom_sender(&result));
  return optional();
}

// ---- Topics and tags ----

bool ws_subscribe(ws_client client, ws_string topic) {
  topic = ws_host_utf8(topic);
  CALL(ws_imported_subscribe(client, topic.data, topic.size, &result));
  return is_done();
}

bool ws_unsubscribe(ws_client client, ws_string topic) {
  topic = ws_host_utf8(topic);
  return ws_imported_unsubscribe(client, topic.data, topic.size);
}

uint32_t ws_unsubscribe_all(ws_client client) { return (uint32_t)ws_imported_unsubscribe_all(client); }

ws_strings ws_topics_of(ws_client client) {
  CALL(ws_imported_topics_of(client, &result));
  return result.strings;
}

void ws_log(ws_string level, ws_string message) {
  level = ws_host_utf8(level);
  message = ws_host_utf8(message);
  ws_imported_log_write(level.data, level.size, message.data, message.size);
}

bool ws_log_enabled(ws_string level) {
  level = ws_host_utf8(level);
  return ws_imported_log_enabled(level.data, level.size) != 0;
}

uint32_t ws_subscribers(ws_string topic) {
  topic = ws_host_utf8(topic);
  return (uint32_t)ws_imported_subscribers(topic.data, topic.size);
}

bool ws_publish(ws_string topic, ws_message message, const ws_send_options *wanted) {
  topic = ws_host_utf8(topic);
  options made;
  ws_bytes content = content_of(message);
  if (!open_options(wanted, &made)) return false;
  CALL(ws_imported_publish(topic.data, topic.size, message.is_binary, content.data,
                           content.size, made.is_some, made.handle, &result));
  close_options(made);
  return is_done();
}

bool ws_tag(ws_client client, ws_string tag) {
  tag = ws_host_utf8(tag);
  CALL(ws_imported_add_tag(client, tag.data, tag.size, &result));
  return is_done();
}

bool ws_untag(ws_client client, ws_string tag) {
  tag = ws_host_utf8(tag);
  return ws_imported_remove_tag(client, tag.data, tag.size);
}

ws_strings ws_tags_of(ws_client client) {
  CALL(ws_imported_tags_of(client, &result));
  return result.strings;
}

ws_clients ws_clients_of(ws_string tag) {
  tag = ws_host_utf8(tag);
  CALL(ws_imported_clients_of(tag.data, tag.size, &result));
  return result.clients;
}

bool ws_send_tagged(ws_string tag, ws_message message, const ws_send_options *wanted) {
  tag = ws_host_utf8(tag);
  options made;
  ws_bytes content = content_of(message);
  if (!open_options(wanted, &made)) return false;
  CALL(ws_imported_send_tagged(tag.data, tag.size, message.is_binary, content.data,
                               content.size, made.is_some, made.handle, &result));
  close_options(made);
  return is_done();
}

bool ws_close_tagged(ws_string tag, uint16_t code, ws_string reason) {
  tag = ws_host_utf8(tag);
  reason = ws_host_utf8(reason);
  CALL(ws_imported_close_tagged(tag.data, tag.size, code, reason.data, reason.size, &result));
  return is_done();
}
