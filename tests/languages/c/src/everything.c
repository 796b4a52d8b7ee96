#include "everything.h"

#include <stdlib.h>
#include <string.h>

#define SAY(...) ws_send_text(client, ws_format(__VA_ARGS__))

static const char *truth(bool value) { return value ? "true" : "false"; }

// What a function that can fail has done, as the Go handler prints its error.
static const char *outcome(bool done) { return done ? "<nil>" : ws_error(); }

static const char *shown(ws_string text) { return text.data ? text.data : ""; }

static const char *joined(ws_strings list) {
  ws_string all = ws_text("");
  for (size_t i = 0; i < list.size; i++) all = ws_format("%s%s%s", all.data, i ? "," : "", list.data[i].data);
  return all.data;
}

static void about_request(ws_client client) {
  SAY("request: %s %s %s \"%s\" %s %s %s", shown(ws_request_resource_name(client)),
      shown(ws_request_path(client)), shown(ws_request_query(client)),
      shown(ws_request_query_value(client, "name")), shown(ws_request_header(client, "X-Test")),
      truth(ws_request_header(client, "x-missing").data), truth(ws_request_query_value(client, "none").data));
  ws_string value = ws_text(""), parameters = ws_text("");
  ws_pairs headers = ws_request_headers(client), all = ws_request_parameters(client);
  for (size_t i = 0; i < headers.size; i++) {
    if (strcmp(headers.data[i].name.data, "x-bytes")) continue;
    for (size_t j = 0; j < headers.data[i].value.size; j++)
      value = ws_format("%s%02x", value.data, (unsigned char)headers.data[i].value.data[j]);
  }
  for (size_t i = 0; i < all.size; i++)
    parameters = ws_format("%s%s=%s;", parameters.data, all.data[i].name.data, all.data[i].value.data);
  SAY("lists: %s %s %s %s", value.data, parameters.data, shown(ws_request_parameter(client, "id")),
      joined(ws_request_offered_subprotocols(client)));
  SAY("connection: [%s] [%s] %u %s %s %s %s %s %s [%s]", shown(ws_request_subprotocol(client)),
      shown(ws_request_origin(client)), ws_request_protocol_version(client),
      shown(ws_request_http_version(client)), shown(ws_request_client_address(client)),
      shown(ws_request_local_address(client)),
      truth(ws_equal(ws_request_peer_address(client), ws_text("127.0.0.1"))),
      truth(ws_request_peer_port(client) > 0), truth(ws_request_local_port(client) > 0),
      shown(ws_request_server_name(client)));
  SAY("certificate: %s %s [%s] [%s] %zu", truth(ws_request_secure(client)),
      truth(ws_request_certificate(client).data), shown(ws_request_certificate_fingerprint(client)),
      shown(ws_request_certificate_subject(client)), ws_request_certificate_names(client).size);
}

static void about_log(ws_client client) {
  ws_log(ws_text("warn"), ws_text("from everything"));
  const char *greeting = getenv("GREETING");
  SAY("log: %s %s %s", truth(ws_log_enabled(ws_text("info"))), truth(ws_log_enabled(ws_text("trace"))),
      greeting ? greeting : "");
}

static void about_groups(ws_client client) {
  bool before = ws_attachment(client).data;
  ws_attach(client, (ws_bytes){(const uint8_t *)"a\0b", 3});
  size_t size = ws_attachment(client).size;
  SAY("attachment: %s %zu %s", truth(before), size,
      outcome(ws_attach(client, (ws_bytes){ws_alloc(20000), 20000})));

  ws_tag(client, ws_text("b"));
  ws_tag(client, ws_text("a"));
  const char *tags = joined(ws_tags_of(client));
  size_t tagged = ws_clients_of(ws_text("a")).size;
  bool first = ws_untag(client, ws_text("a")), second = ws_untag(client, ws_text("a"));
  SAY("tags: %s %zu %s %s %s", tags, tagged, truth(first), truth(second),
      outcome(ws_tag(client, ws_text(""))));
  ws_send_tagged(ws_text("b"), ws_text_message(ws_text("tagged")), NULL);
  const char *nobody = outcome(ws_close_tagged(ws_text("nobody"), 1000, ws_text("")));
  SAY("closed tagged: %s %s", nobody, outcome(ws_close_tagged(ws_text("b"), 1, ws_text(""))));

  ws_subscribe(client, ws_text("news"));
  ws_subscribe(client, ws_text("more"));
  const char *topics = joined(ws_topics_of(client));
  uint32_t subscribers = ws_subscribers(ws_text("news"));
  first = ws_unsubscribe(client, ws_text("more")), second = ws_unsubscribe(client, ws_text("more"));
  SAY("topics: %s %u %s %s %u", topics, subscribers, truth(first), truth(second),
      ws_subscribers(ws_text("more")));
  ws_publish(ws_text("news"), ws_binary_message(ws_bytes_of(ws_text("published"))),
             &(ws_send_options){.max_frame = 4});
  ws_publish(ws_text("news"), ws_text_message(ws_text("not for you")),
             &(ws_send_options){.except = {&client, 1}});
  SAY("left: %u", ws_unsubscribe_all(client));
}

void everything(ws_client client) {
  about_request(client);
  about_log(client);
  about_groups(client);

  ws_message x = ws_text_message(ws_text("x"));
  SAY("options: %s", outcome(ws_send(client, x, &(ws_send_options){.compression = "sometimes"})));
  ws_send(client, ws_binary_message(ws_bytes_of(ws_text("sent"))),
          &(ws_send_options){.compression = "never"});
  ws_client many[] = {client, client + 1000000};
  ws_clients missed = ws_broadcast((ws_clients){many, 2}, ws_text_message(ws_text("to many")), NULL);
  SAY("missed: %zu %s", missed.size, truth(missed.data[0] == client + 1000000));
  uint64_t number = 0;
  bool is_open = ws_buffered(client, &number), is_gone = ws_buffered(client + 1000000, &number);
  SAY("buffered: %s %s %zu", truth(is_open), truth(is_gone), ws_connected_clients().size);
  ws_bytes p = ws_bytes_of(ws_text("p"));
  const char *long_ping = outcome(ws_ping(client, (ws_bytes){ws_alloc(126), 126}));
  const char *pong = outcome(ws_pong(client, p));
  SAY("pings: %s %s %s", long_ping, pong, outcome(ws_ping(client, p)));

  bool expires = ws_remaining(client, &number);
  ws_expire(client, 3600000, 60000);
  ws_remaining(client, &number);
  bool first = ws_keep(client), second = ws_keep(client);
  SAY("expiry: %s %s %s %s", truth(expires), truth(number > 3540000 && number <= 3600000), truth(first),
      truth(second));
  const char *set = outcome(ws_set_timer(9, 3600000));
  first = ws_cancel_timer(9), second = ws_cancel_timer(9);
  SAY("timers: %s %s %s", set, truth(first), truth(second));
  SAY("elsewhere: [%s] %s [%s] [%s] [%s] %u", shown(ws_state_reason()), truth(ws_state_age(&number)),
      shown(ws_custom_kind()), shown(ws_custom_sender()), shown(ws_disconnection_cause(client)),
      ws_disconnection_code(client));
  SAY("too late: %s", outcome(ws_add_header(client, ws_text("x"), ws_text("y"))));
  const char *code = outcome(ws_close(client, 1, ws_text("")));
  ws_string long_reason = {memset(ws_alloc(124), 'x', 124), 124};
  SAY("not closed: %s %s", code, outcome(ws_close(client, 1000, long_reason)));
  bool aborted = ws_abort(client + 1000000);
  SAY("gone: %s %s", truth(aborted), outcome(ws_close(client + 1000000, 1000, ws_text(""))));
}
