// WebSocket handlers for ws-host, in C.
//
//     #include "ws_host.h"
//
//     static void received_text(ws_client client, ws_string message) { ws_send_text(client, message); }
//
//     const ws_handler ws_host_handler = {.received_text = received_text};
//
// The static variables of the handler are the state of one instance. Events arrive one at a time, so they
// need no locks. What is printed to stdout or stderr appears in the host's log.
//
// Memory: what the functions here return, and what an event gets, stays valid until the event ends, and is
// freed then. Copy what must live longer.
//
// Failures: functions that can fail return false, and `ws_error()` says why. An event that failed calls
// `ws_fail`, which logs a line and closes its client with 1011. A trap (abort, assert, a null function, too
// little memory) ends the instance: the client of the event is closed with 1011, and the next event goes to a
// fresh instance.

#ifndef WS_HOST_H
#define WS_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Text in UTF-8. A text that comes from the host has a zero byte behind it, so that it is also a string of C.
// In a text for the host, U+FFFD replaces each byte that is not UTF-8.
// A text that is not there (a header that was not sent, for example) has the data NULL.
typedef struct {
  const char *data;
  size_t size;
} ws_string;

// Bytes.
typedef struct {
  const uint8_t *data;
  size_t size;
} ws_bytes;

// A client: one WebSocket connection. The number is never used for another client. It is below 2^53.
typedef uint64_t ws_client;

// A list of clients.
typedef struct {
  const ws_client *data;
  size_t size;
} ws_clients;

// A list of texts.
typedef struct {
  const ws_string *data;
  size_t size;
} ws_strings;

// A name and a value. A value of a header need not be text.
typedef struct {
  ws_string name;
  ws_string value;
} ws_pair;

// A list of pairs.
typedef struct {
  const ws_pair *data;
  size_t size;
} ws_pairs;

// ---- The handler ----

// The events of a handler. Leave out those that you do not need.
typedef struct {
  // A client asks to connect. True accepts it; `return ws_refuse(…)` refuses it. What is sent to it here
  // follows right after the handshake. By default, each client is accepted.
  bool (*connected)(ws_client client);

  // A message. By default, the client is closed with 1003.
  void (*received_text)(ws_client client, ws_string message);
  void (*received_binary)(ws_client client, ws_bytes message);

  // A pong, whether it answers a ping or is unsolicited.
  void (*received_pong)(ws_client client, ws_bytes payload);

  // The last event of a client. The functions `ws_disconnection_…` say how the connection ended.
  void (*disconnected)(ws_client client);

  // A timer is due. It may be set again here.
  void (*fired)(uint64_t timer);

  // The state for the instance that takes over: at a reload, at hibernation, and, with `checkpoint` in the
  // configuration, after a fault. With the data NULL there is none.
  ws_bytes (*suspend)(void);

  // Takes over from an earlier instance: the first event of each instance that replaces another. The state's
  // data is NULL if there is none. False refuses the state, with the reason in `problem`; the code that made
  // it then continues.
  bool (*resume)(ws_bytes state, ws_string *problem);

  // There is room again for a client after sending to it failed with "full".
  void (*drained)(ws_client client);

  // A client is about to reach the time that ws_expire set.
  void (*expiring)(ws_client client);

  // The server stops. The clients are still open, and are closed when this returns.
  void (*stopping)(void);

  // A message of the operator, or of the program that embeds the host. True returns `reply` to the sender, false
  // returns it as the reason of a failure.
  bool (*received_custom)(ws_bytes message, ws_bytes *reply);
} ws_handler;

// The handler of this component. Define it in one file.
extern const ws_handler ws_host_handler;

// ---- Text, memory, errors ----

// A string of C as a text.
ws_string ws_text(const char *string);

// The bytes of a text.
ws_bytes ws_bytes_of(ws_string text);

// A formatted text, as of printf, that is freed when the event ends.
ws_string ws_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Whether two texts are the same.
bool ws_equal(ws_string one, ws_string other);

// Memory that is freed when the event ends.
void *ws_alloc(size_t size);

// Why the last function that returned false failed: a word of the contract, such as "closed" or "full".
const char *ws_error(void);

// Logs a formatted line, and closes the client with 1011. With `ws-host dev`, the client gets the line as the
// reason.
void ws_fail(ws_client client, const char *format, ...) __attribute__((format(printf, 2, 3)));

// ---- Sending ----

// A message of either kind.
typedef struct {
  bool is_binary;
  ws_bytes content;
} ws_message;

ws_message ws_text_message(ws_string text);
ws_message ws_binary_message(ws_bytes bytes);

// How messages are sent. Zero is the default of each.
typedef struct {
  // "by-length", "always" or "never". Use "never" for data that is already compressed, and for a message with
  // both a secret and text of somebody else.
  const char *compression;
  // The longest payload of a frame. A longer message goes out in fragments.
  uint32_t max_frame;
  // Up to 1,000 clients that do not get a message that goes to many.
  ws_clients except;
} ws_send_options;

// These never wait. They return false with "closed" (the client has gone, or is not one of this instance),
// "full" (it has not read earlier messages; `drained` follows), "too-long" or "unsupported".
bool ws_send_text(ws_client to, ws_string message);
bool ws_send_binary(ws_client to, ws_bytes message);
bool ws_send(ws_client to, ws_message message, const ws_send_options *options);
bool ws_ping(ws_client to, ws_bytes payload);
bool ws_pong(ws_client to, ws_bytes payload);

// Sends one message to many clients of this instance. Returns those that did not get it. The options may be
// NULL.
ws_clients ws_broadcast(ws_clients to, ws_message message, const ws_send_options *options);

// Starts the closing handshake, after everything that was sent before. Codes are 1000 to 1003, 1007 to 1014
// and 3000 to 4999; a reason has at most 123 bytes.
bool ws_close(ws_client client, uint16_t code, ws_string reason);

// Drops the connection without a closing handshake. Returns whether there was one.
bool ws_abort(ws_client client);

// The open clients of this instance, in the order in which they connected.
ws_clients ws_connected_clients(void);

// How many bytes wait to be written to the client. False if it is closed.
bool ws_buffered(ws_client client, uint64_t *bytes);

// Stores up to 16 KiB with the client, which outlive a reload, a fault and hibernation; and returns what was
// stored.
bool ws_attach(ws_client client, ws_bytes attachment);
ws_bytes ws_attachment(ws_client client);

// ---- The request and the handshake's response ----

// From `connected` to the end of `disconnected`.
ws_string ws_request_resource_name(ws_client client);
ws_string ws_request_path(ws_client client);
ws_string ws_request_query(ws_client client);
ws_string ws_request_query_value(ws_client client, const char *name);  // decoded as a form
ws_string ws_request_parameter(ws_client client, const char *name);    // of the path pattern: /room/{name}
ws_pairs ws_request_parameters(ws_client client);
ws_string ws_request_header(ws_client client, const char *name);
ws_pairs ws_request_headers(ws_client client);
ws_strings ws_request_offered_subprotocols(ws_client client);
ws_string ws_request_subprotocol(ws_client client);
ws_string ws_request_origin(ws_client client);
ws_string ws_request_http_version(ws_client client);
ws_string ws_request_client_address(ws_client client);
ws_string ws_request_peer_address(ws_client client);
ws_string ws_request_local_address(ws_client client);
ws_string ws_request_server_name(ws_client client);
ws_string ws_request_certificate_fingerprint(ws_client client);
ws_string ws_request_certificate_subject(ws_client client);
ws_strings ws_request_certificate_names(ws_client client);
ws_bytes ws_request_certificate(ws_client client);
uint16_t ws_request_protocol_version(ws_client client);
uint16_t ws_request_peer_port(ws_client client);
uint16_t ws_request_local_port(ws_client client);
bool ws_request_secure(ws_client client);

// Only in `connected`.
bool ws_choose_subprotocol(ws_client client, ws_string name);
bool ws_add_header(ws_client client, ws_string name, ws_string value);
bool ws_set_status(ws_client client, uint16_t status);
bool ws_set_body(ws_client client, ws_string content_type, ws_bytes body);

// Responds with a status and a text. Always false, to write `return ws_refuse(client, 403, ws_text("not
// you\n"));`.
bool ws_refuse(ws_client client, uint16_t status, ws_string text);

// ---- The end of a connection ----

// Only in `disconnected`. The cause is "client", "handler", "operator", "lost", "silent", "slow",
// "protocol-error", "too-long", "handler-failed", "no-room", "expired", "moved", "stopping", or "not-opened" for a
// connection of ws_connect; there may be more.
ws_string ws_disconnection_cause(ws_client client);
ws_string ws_disconnection_reason(ws_client client);
uint16_t ws_disconnection_code(ws_client client);  // 1005: a close frame without a code; 1006: no close frame
uint16_t ws_disconnection_sent_code(ws_client client);  // 0: none was sent
bool ws_disconnection_clean(ws_client client);

// ---- Timers, expiry, the state ----

// Calls `fired` once, after some milliseconds. The handler chooses the number. At most 1,024 in an instance.
bool ws_set_timer(uint64_t timer, uint64_t milliseconds);
// A timer that a restart of the host does not lose. Returns when it is on the disk. The configuration must grant the
// file: grant = ["timers:FILE"].
bool ws_set_durable_timer(uint64_t timer, uint64_t milliseconds);
bool ws_cancel_timer(uint64_t timer);

// Closes the client with 1008 after some milliseconds. Calls `expiring` `notice` milliseconds before that.
bool ws_expire(ws_client client, uint64_t milliseconds, uint64_t notice);
bool ws_keep(ws_client client);
bool ws_remaining(ws_client client, uint64_t *milliseconds);

// Only in `suspend` and `resume`. The reason is "reload", "hibernation", "checkpoint", "fault" or "rollback".
// A state has an age if it lacks later events; false if it lacks none.
ws_string ws_state_reason(void);
bool ws_state_age(uint64_t *milliseconds);

// Only in `received_custom`.
ws_string ws_custom_kind(void);
ws_string ws_custom_sender(void);

// ---- Topics and tags ----

// Lines for the host's log. The level is `trace`, `debug`, `info`, `warn` or `error`. What the handler prints goes to
// the same log: stdout at `info`, stderr at `warn`.
void ws_log(ws_string level, ws_string message);
bool ws_log_enabled(ws_string level);

// A topic reaches all its subscribers in the resource, and a tag all clients that have it, whichever instance
// they belong to. A name has 1 to 255 bytes.
bool ws_subscribe(ws_client client, ws_string topic);
bool ws_unsubscribe(ws_client client, ws_string topic);
uint32_t ws_unsubscribe_all(ws_client client);
ws_strings ws_topics_of(ws_client client);
uint32_t ws_subscribers(ws_string topic);
bool ws_publish(ws_string topic, ws_message message, const ws_send_options *options);

bool ws_tag(ws_client client, ws_string tag);
bool ws_untag(ws_client client, ws_string tag);
ws_strings ws_tags_of(ws_client client);
ws_clients ws_clients_of(ws_string tag);
bool ws_send_tagged(ws_string tag, ws_message message, const ws_send_options *options);
bool ws_close_tagged(ws_string tag, uint16_t code, ws_string reason);

// ---- Capabilities, which the configuration grants to the resource ----

// What a WebSocket is opened with. Zero is the default of each.
typedef struct {
  // Are offered to the server. It chooses at most one, which ws_request_subprotocol returns.
  ws_strings subprotocols;
  // Are added to the request, for example "authorization".
  ws_pairs headers;
} ws_connect_options;

// Begins to open a WebSocket to another server (`grant = ["wss://api.example.com"]`), and sets its connection
// at once. It is used like a client: what is sent waits until it is open, what the server sends arrives in
// `received_text` and `received_binary`, and `disconnected` is its last event. `connected` is not called for
// it. If it cannot be opened, `disconnected` is called with the cause "not-opened", and the reason says why.
// The options may be NULL.
//
// False with "not-granted", "invalid-url", "invalid-subprotocol", "invalid-header", "too-long", "too-many" (16
// in the instance, 1,024 in the resource), "too-many-options" or "stopping".
bool ws_connect(ws_string url, const ws_connect_options *options, ws_client *connection);

// The connections that this instance has opened, or is opening. They are not among ws_connected_clients.
ws_clients ws_connections(void);

// The URL of a connection of ws_connect. Its data is NULL for a client.
ws_string ws_url(ws_client client);

// A value of the table `config` of the resource (`grant = ["config"]`). Its data is NULL if the table does not
// have the key. False with "upstream" if it is not granted.
bool ws_config(ws_string key, ws_string *value);
bool ws_config_all(ws_pairs *values);

// Keys and values in a file of the host (`grant = ["keyvalue:FILE"]`), which outlive a reload, a crash and a
// restart. All instances of all resources with this file share the bucket of a name. The bucket "" is that of
// this actor, for example of the room at a path. A key has at most 1 KiB, a value 1 MiB.
//
// False with "access-denied" (not granted), "full", "too-long", "too-many", "not-a-number", "no-own-bucket" or
// "unavailable".

// The data of the value is NULL if there is none.
bool ws_bucket_get(ws_string bucket, ws_string key, ws_bytes *value);
// The value is on the disk when this returns.
bool ws_bucket_set(ws_string bucket, ws_string key, ws_bytes value);
bool ws_bucket_delete(ws_string bucket, ws_string key);
bool ws_bucket_exists(ws_string bucket, ws_string key, bool *exists);
// Adds to a value that is a number in decimal digits. No other instance can come in between. A key without a
// value counts from 0.
bool ws_bucket_increment(ws_string bucket, ws_string key, int64_t by, int64_t *sum);
// Sets a value if it is still the expected one, whose data is NULL if there must be none. Tells whether it was
// set. No other instance can come in between.
bool ws_bucket_compare_and_swap(ws_string bucket, ws_string key, ws_bytes expected, ws_bytes value,
                                bool *swapped);
// Up to 1,000 keys in one call. `values` has room for a value of each key; its data is NULL if there is none. All
// keys are set or removed, or none.
bool ws_bucket_get_many(ws_string bucket, ws_strings keys, ws_bytes *values);
bool ws_bucket_set_many(ws_string bucket, ws_pairs pairs);
bool ws_bucket_delete_many(ws_string bucket, ws_strings keys);
// All keys, in the order of their bytes. The host is asked for 1,000 at a time.
bool ws_bucket_keys(ws_string bucket, ws_strings *keys);

#ifdef __cplusplus
}
#endif

#endif
