// Uses each capability when a text message asks for it. Whatever fails is answered with the word of the error.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ws_host.h"

static const char *flag(bool value) { return value ? "true" : "false"; }

static ws_string listed(ws_strings texts) {
  ws_string all = ws_text(texts.size ? "" : "nothing");
  for (size_t i = 0; i < texts.size; i++) all = ws_format("%s%s%s", all.data, i ? "," : "", texts.data[i].data);
  return all;
}

static ws_string config_all(bool *ok) {
  ws_pairs values = {0};
  *ok = ws_config_all(&values);
  ws_string all = ws_text("{");
  for (size_t i = 0; i < values.size; i++)
    all = ws_format("%s%s\"%s\":\"%s\"", all.data, i ? "," : "", values.data[i].name.data, values.data[i].value.data);
  return ws_format("%s}", all.data);
}

static bool connect_to(ws_string url) {
  ws_string relay = ws_text("relay");
  ws_pair header = {ws_text("x-test"), ws_text("of the handler")};
  ws_connect_options options = {.subprotocols = {&relay, 1}, .headers = {&header, 1}};
  ws_client connection;
  return ws_connect(url, &options, &connection);
}

static ws_string urls(void) {
  ws_clients servers = ws_connections();
  ws_string *all = ws_alloc(servers.size * sizeof *all);
  for (size_t i = 0; i < servers.size; i++) all[i] = ws_url(servers.data[i]);
  return listed((ws_strings){all, servers.size});
}

static bool add(const char *bucket, ws_string key, int64_t by, ws_string *answer) {
  int64_t sum = 0;
  bool ok = ws_bucket_increment(ws_text(bucket), key, by, &sum);
  *answer = ws_format("%lld", (long long)sum);
  return ok;
}

// Returns the texts between commas.
static ws_strings split(ws_string text) {
  ws_string *all = ws_alloc((text.size + 1) * sizeof *all);
  size_t count = 0;
  for (const char *start = text.data;; start++) {
    size_t size = strcspn(start, ",");
    all[count++] = (ws_string){start, size};
    start += size;
    if (!*start) return (ws_strings){all, count};
  }
}

// The error of the C library is not one of `ws_error`.
static ws_string read_file(const char *name) {
  FILE *file = fopen(name, "r");
  if (!file) return ws_format("error: %s", strerror(errno));
  char contents[100];
  size_t size = fread(contents, 1, sizeof contents, file);
  fclose(file);
  return ws_format("%.*s", (int)size, contents);
}

static bool answer_many(const char *command, ws_string bucket, ws_strings keys, ws_string value, ws_string *answer) {
  if (!strcmp(command, "delete-many")) return ws_bucket_delete_many(bucket, keys);
  if (!strcmp(command, "set-many")) {
    ws_pair *pairs = ws_alloc(keys.size * sizeof *pairs);
    for (size_t i = 0; i < keys.size; i++) pairs[i] = (ws_pair){keys.data[i], value};
    return ws_bucket_set_many(bucket, (ws_pairs){pairs, keys.size});
  }
  ws_bytes *values = ws_alloc(keys.size * sizeof *values);
  if (!ws_bucket_get_many(bucket, keys, values)) return false;
  ws_string *texts = ws_alloc(keys.size * sizeof *texts);
  for (size_t i = 0; i < keys.size; i++)
    texts[i] = values[i].data ? ws_format("%.*s", (int)values[i].size, values[i].data) : ws_text("nothing");
  *answer = listed((ws_strings){texts, keys.size});
  return true;
}

static bool answer_to(const char *command, ws_string key, ws_string value, ws_string *answer) {
  ws_string texts = ws_text("texts");
  bool ok = true;
  *answer = ws_text("done");
  if (!strcmp(command, "config")) {
    ok = ws_config(key, answer);
    if (ok && !answer->data) *answer = ws_text("nothing");
  } else if (!strcmp(command, "config-all")) {
    *answer = config_all(&ok);
  } else if (!strcmp(command, "count")) {
    ok = add("numbers", key, 1, answer);
  } else if (!strcmp(command, "add")) {
    ok = add("numbers", key, atoi(value.data), answer);
  } else if (!strcmp(command, "wrong")) {
    ok = add("texts", key, 1, answer);
  } else if (!strcmp(command, "set")) {
    ok = ws_bucket_set(texts, key, ws_bytes_of(value));
  } else if (!strcmp(command, "get")) {
    ws_bytes bytes = {0};
    ok = ws_bucket_get(texts, key, &bytes);
    *answer = bytes.data ? (ws_string){(const char *)bytes.data, bytes.size} : ws_text("nothing");
  } else if (!strcmp(command, "has")) {
    bool exists = false;
    ok = ws_bucket_exists(texts, key, &exists);
    *answer = ws_text(flag(exists));
  } else if (!strcmp(command, "delete")) {
    ok = ws_bucket_delete(texts, key);
  } else if (!strcmp(command, "keys")) {
    ws_strings keys = {0};
    ok = ws_bucket_keys(texts, &keys);
    *answer = listed(keys);
  } else if (!strcmp(command, "swap")) {
    const char *comma = strchr(value.data, ',');
    ws_string expected = {value.data, (size_t)(comma - value.data)};
    bool swapped = false, none = ws_equal(expected, ws_text("nothing"));
    ok = ws_bucket_compare_and_swap(texts, key, none ? (ws_bytes){0} : ws_bytes_of(expected),
                                    ws_bytes_of(ws_text(comma + 1)), &swapped);
    *answer = ws_text(flag(swapped));
  } else if (strstr(command, "-many")) {
    ok = answer_many(command, texts, split(key), value, answer);
  } else if (!strcmp(command, "connect")) {
    ok = connect_to(key);
  } else if (!strcmp(command, "remind")) {
    ok = ws_set_durable_timer(strtoull(key.data, NULL, 10), strtoull(value.data, NULL, 10));
  } else if (!strcmp(command, "forget")) {
    *answer = ws_text(flag(ws_cancel_timer(strtoull(key.data, NULL, 10))));
  } else if (!strcmp(command, "read")) {
    *answer = read_file(key.data);
  } else if (!strcmp(command, "url")) {
    *answer = urls();
  } else if (!strcmp(command, "say")) {
    ws_broadcast(ws_connections(), ws_text_message(key), NULL);
    *answer = ws_text("said");
  } else if (!strcmp(command, "leave")) {
    ws_clients servers = ws_connections();
    for (size_t i = 0; i < servers.size; i++) ok = ok && ws_close(servers.data[i], 1000, ws_text(""));
    *answer = ws_text("left");
  } else {
    *answer = ws_text(command);
  }
  return ok;
}

static bool connected(ws_client client) {
  ws_strings offered = ws_request_offered_subprotocols(client);
  for (size_t i = 0; i < offered.size; i++) {
    if (!ws_equal(offered.data[i], ws_text("relay"))) continue;
    ws_choose_subprotocol(client, offered.data[i]);
    ws_send_text(client, ws_format("x-test: %s", ws_request_header(client, "x-test").data));
  }
  return true;
}

// Returns the text up to the next space, and moves behind it.
static ws_string word(char **rest) {
  char *start = *rest, *end = start + strcspn(start, " ");
  *rest = *end ? end + 1 : end;
  *end = 0;
  return ws_text(start);
}

static void received_text(ws_client client, ws_string message) {
  if (ws_url(client).data) {
    ws_string relayed = ws_format("%s: %s", ws_request_subprotocol(client).data, message.data);
    ws_broadcast(ws_connected_clients(), ws_text_message(relayed), NULL);
    return;
  }
  char *rest = (char *)ws_format("%s", message.data).data;
  ws_string command = word(&rest), key = word(&rest), value = word(&rest), answer;
  if (!answer_to(command.data, key, value, &answer)) answer = ws_format("error: %s", ws_error());
  ws_send_text(client, answer);
}

static void fired(uint64_t timer) {
  ws_broadcast(ws_connected_clients(), ws_text_message(ws_format("timer %llu", (unsigned long long)timer)), NULL);
}

static void disconnected(ws_client client) {
  ws_string url = ws_url(client);
  if (!url.data) return;
  ws_string line = ws_format("%s: %s", ws_disconnection_cause(client).data, url.data);
  ws_broadcast(ws_connected_clients(), ws_text_message(line), NULL);
}

const ws_handler ws_host_handler = {
    .connected = connected, .received_text = received_text, .disconnected = disconnected, .fired = fired};
