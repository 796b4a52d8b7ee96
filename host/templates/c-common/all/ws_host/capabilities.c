// What the configuration grants: WebSockets to other servers, values of the configuration, keys and values.

#include <string.h>

#include "internal.h"

// Where a function of the host writes its result. Behind the tag is the value, or the error if the tag is 1; both are
// at an address that is a multiple of eight if either has a number of eight bytes.
static union {
  uint8_t tag;
  ws_clients clients;
  struct {
    uint32_t tag;
    ws_string text;
  } optional;
  struct {
    uint64_t tag;
    union {
      ws_client client;
      ws_string error;
    };
  } connection;
  struct {
    uint32_t tag;
    uint8_t kind;  // of an error, or whether there is a value
    ws_string text;
  } value;
  struct {
    uint32_t tag;
    int32_t handle;
  } bucket;
  struct {
    uint32_t tag;
    ws_pairs all;
  } pairs;
  struct {
    uint32_t tag;
    ws_strings some;
    uint8_t is_more;
    ws_string cursor;
  } keys;
  struct {
    uint64_t tag;
    union {
      int64_t value;
      struct {
        uint8_t kind;
        ws_string text;
      };
    };
  } sum;
  struct {
    uint32_t tag;
    uint8_t has_failed;  // or there is an error
    int32_t handle_or_kind;
    ws_string text;
  } swap;
  struct {
    uint32_t tag;
    struct {
      uint32_t is_there;
      ws_string key, value;
    } *all;
    size_t size;
  } values;
} result;

// ---- WebSockets ----

static bool is_set(void) {
  if (result.tag) ws_host_error = result.optional.text.data;
  return !result.tag;
}

static bool set_connect_options(int32_t options, const ws_connect_options *wanted) {
  for (size_t i = 0; i < wanted->subprotocols.size; i++) {
    ws_string name = ws_host_utf8(wanted->subprotocols.data[i]);
    CALL(ws_imported_add_subprotocol(options, name.data, name.size, &result));
    if (!is_set()) return false;
  }
  for (size_t i = 0; i < wanted->headers.size; i++) {
    ws_pair header = wanted->headers.data[i];
    ws_string name = ws_host_utf8(header.name);
    CALL(ws_imported_add_connect_header(options, name.data, name.size, header.value.data,
                                        header.value.size, &result));
    if (!is_set()) return false;
  }
  return true;
}

bool ws_connect(ws_string url, const ws_connect_options *wanted, ws_client *connection) {
  url = ws_host_utf8(url);
  int32_t options = wanted ? ws_imported_new_connect_options() : 0;
  if (wanted && !set_connect_options(options, wanted)) {
    ws_imported_drop_connect_options(options);
    return false;
  }
  CALL(ws_imported_connect(url.data, url.size, wanted != NULL, options, &result));
  if (wanted) ws_imported_drop_connect_options(options);
  if (result.tag) {
    ws_host_error = result.connection.error.data;
    return false;
  }
  *connection = result.connection.client;
  return true;
}

ws_clients ws_connections(void) {
  CALL(ws_imported_connections(&result));
  return result.clients;
}

ws_string ws_url(ws_client client) {
  CALL(ws_imported_url(client, &result));
  return result.tag ? result.optional.text : (ws_string){0};
}

// ---- Configuration ----

static bool is_configured(void) {
  if (result.tag) ws_host_error = result.value.kind ? "io" : "upstream";
  return !result.tag;
}

bool ws_config(ws_string key, ws_string *value) {
  key = ws_host_utf8(key);
  CALL(ws_imported_config_get(key.data, key.size, &result));
  if (!is_configured()) return false;
  *value = result.value.kind ? result.value.text : (ws_string){0};
  ws_host_error = "";
  return true;
}

bool ws_config_all(ws_pairs *values) {
  CALL(ws_imported_config_get_all(&result));
  if (!is_configured()) return false;
  *values = result.pairs.all;
  return true;
}

// ---- Keys and values ----

// The text of the host's error begins with a word and a colon.
static bool failed(uint8_t kind, ws_string text) {
  ws_host_error = "no-such-store";
  if (kind == 1) ws_host_error = "access-denied";
  if (kind == 2) {
    size_t size = 0;
    while (size < text.size && text.data[size] != ':') size++;
    char *word = ws_alloc(size + 1);
    memcpy(word, text.data, size);
    word[size] = 0;
    ws_host_error = word;
  }
  return false;
}

static bool is_done(void) { return !result.tag || failed(result.value.kind, result.value.text); }

// The host's bucket is open only during a call: an instance may have a limited number of them.
static bool open_bucket(ws_string name, int32_t *handle) {
  name = ws_host_utf8(name);
  CALL(ws_imported_open_bucket(name.data, name.size, &result));
  if (!is_done()) return false;
  *handle = result.bucket.handle;
  return true;
}

bool ws_bucket_get(ws_string bucket, ws_string key, ws_bytes *value) {
  key = ws_host_utf8(key);
  int32_t handle;
  if (!open_bucket(bucket, &handle)) return false;
  CALL(ws_imported_bucket_get(handle, key.data, key.size, &result));
  ws_imported_drop_bucket(handle);
  if (!is_done()) return false;
  *value = result.value.kind ? ws_bytes_of(result.value.text) : (ws_bytes){0};
  ws_host_error = "";
  return true;
}

bool ws_bucket_set(ws_string bucket, ws_string key, ws_bytes value) {
  key = ws_host_utf8(key);
  int32_t handle;
  if (!open_bucket(bucket, &handle)) return false;
  CALL(ws_imported_bucket_set(handle, key.data, key.size, value.data, value.size, &result));
  ws_imported_drop_bucket(handle);
  return is_done();
}

bool ws_bucket_delete(ws_string bucket, ws_string key) {
  key = ws_host_utf8(key);
  int32_t handle;
  if (!open_bucket(bucket, &handle)) return false;
  CALL(ws_imported_bucket_delete(handle, key.data, key.size, &result));
  ws_imported_drop_bucket(handle);
  return is_done();
}

bool ws_bucket_exists(ws_string bucket, ws_string key, bool *exists) {
  key = ws_host_utf8(key);
  int32_t handle;
  if (!open_bucket(bucket, &handle)) return false;
  CALL(ws_imported_bucket_exists(handle, key.data, key.size, &result));
  ws_imported_drop_bucket(handle);
  if (!is_done()) return false;
  *exists = result.value.kind;
  return true;
}

bool ws_bucket_increment(ws_string bucket, ws_string key, int64_t by, int64_t *sum) {
  key = ws_host_utf8(key);
  int32_t handle;
  if (!open_bucket(bucket, &handle)) return false;
  CALL(ws_imported_bucket_increment(handle, key.data, key.size, by, &result));
  ws_imported_drop_bucket(handle);
  if (result.tag) return failed(result.sum.kind, result.sum.text);
  *sum = result.sum.value;
  return true;
}

// The host sets the value only if it is the one that `current` has returned.
static bool swap(int32_t cas, ws_bytes value, bool *swapped) {
  CALL(ws_imported_cas_swap(cas, value.data, value.size, &result));
  *swapped = !result.tag;
  if (*swapped) return true;
  if (!result.swap.has_failed) return failed((uint8_t)result.swap.handle_or_kind, result.swap.text);
  ws_imported_drop_cas(result.swap.handle_or_kind);
  return true;
}

static bool compare_and_swap(int32_t bucket, ws_string key, ws_bytes expected, ws_bytes value, bool *swapped) {
  *swapped = false;
  CALL(ws_imported_cas_new(bucket, key.data, key.size, &result));
  if (!is_done()) return false;
  int32_t cas = result.bucket.handle;
  CALL(ws_imported_cas_current(cas, &result));
  bool is_read = is_done();
  bool is_there = result.value.kind;
  ws_string now = result.value.text;
  if (is_read && is_there == (expected.data != NULL) &&
      (!is_there || ws_equal(now, (ws_string){(const char *)expected.data, expected.size})))
    return swap(cas, value, swapped);
  ws_imported_drop_cas(cas);
  return is_read;
}

bool ws_bucket_compare_and_swap(ws_string bucket, ws_string key, ws_bytes expected, ws_bytes value,
                                bool *swapped) {
  key = ws_host_utf8(key);
  int32_t handle;
  if (!open_bucket(bucket, &handle)) return false;
  bool ok = compare_and_swap(handle, key, expected, value, swapped);
  ws_imported_drop_bucket(handle);
  return ok;
}

static ws_strings utf8_keys(ws_strings keys) {
  ws_string *all = ws_alloc(keys.size * sizeof *all);
  for (size_t i = 0; i < keys.size; i++) all[i] = ws_host_utf8(keys.data[i]);
  return (ws_strings){all, keys.size};
}

// The values are bytes.
static ws_pairs utf8_pairs(ws_pairs pairs) {
  ws_pair *all = ws_alloc(pairs.size * sizeof *all);
  for (size_t i = 0; i < pairs.size; i++)
    all[i] = (ws_pair){ws_host_utf8(pairs.data[i].name), pairs.data[i].value};
  return (ws_pairs){all, pairs.size};
}

bool ws_bucket_get_many(ws_string bucket, ws_strings keys, ws_bytes *values) {
  keys = utf8_keys(keys);
  int32_t handle;
  if (!open_bucket(bucket, &handle)) return false;
  CALL(ws_imported_bucket_get_many(handle, keys.data, keys.size, &result));
  ws_imported_drop_bucket(handle);
  if (!is_done()) return false;
  for (size_t i = 0; i < keys.size; i++) {
    bool is_there = i < result.values.size && (uint8_t)result.values.all[i].is_there;
    values[i] = is_there ? ws_bytes_of(result.values.all[i].value) : (ws_bytes){0};
  }
  return true;
}

bool ws_bucket_set_many(ws_string bucket, ws_pairs pairs) {
  pairs = utf8_pairs(pairs);
  int32_t handle;
  if (!open_bucket(bucket, &handle)) return false;
  CALL(ws_imported_bucket_set_many(handle, pairs.data, pairs.size, &result));
  ws_imported_drop_bucket(handle);
  return is_done();
}

bool ws_bucket_delete_many(ws_string bucket, ws_strings keys) {
  keys = utf8_keys(keys);
  int32_t handle;
  if (!open_bucket(bucket, &handle)) return false;
  CALL(ws_imported_bucket_delete_many(handle, keys.data, keys.size, &result));
  ws_imported_drop_bucket(handle);
  return is_done();
}

bool ws_bucket_keys(ws_string bucket, ws_strings *keys) {
  int32_t handle;
  if (!open_bucket(bucket, &handle)) return false;
  ws_strings all = {0};
  ws_string cursor = {0};
  do {
    CALL(ws_imported_bucket_list_keys(handle, cursor.data != NULL, cursor.data, cursor.size, &result));
    if (!is_done()) {
      ws_imported_drop_bucket(handle);
      return false;
    }
    ws_strings some = result.keys.some;
    cursor = result.keys.is_more ? result.keys.cursor : (ws_string){0};
    ws_string *both = ws_alloc((all.size + some.size) * sizeof *both);
    if (all.size) memcpy(both, all.data, all.size * sizeof *both);
    if (some.size) memcpy(both + all.size, some.data, some.size * sizeof *both);
    all = (ws_strings){both, all.size + some.size};
  } while (cursor.data);
  ws_imported_drop_bucket(handle);
  *keys = all;
  return true;
}
