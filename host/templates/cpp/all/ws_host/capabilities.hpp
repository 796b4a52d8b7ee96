// What the configuration grants: WebSockets to other servers, values of the configuration, keys and values. Included by
// ws_host.hpp.

#ifndef WS_HOST_CAPABILITIES_HPP
#define WS_HOST_CAPABILITIES_HPP

#include "ws_host.hpp"

namespace ws {

// What a WebSocket is opened with.
struct ConnectOptions {
  // Are offered to the server. It chooses at most one, which `request().subprotocol()` returns.
  std::vector<std::string> subprotocols;
  // Are added to the request, for example "authorization".
  std::vector<std::pair<std::string, std::string>> headers;
};

// Begins to open a WebSocket to another server (`grant = ["wss://api.example.com"]`), and returns its connection
// at once. It is used like a client: what is sent waits until it is open, what the server sends arrives in
// `received_text` and `received_binary`, and `disconnected` is its last event. `connected` is not called for it.
// If it cannot be opened, `disconnected` is called with the cause "not-opened", and the reason says why.
//
// None with the error "not-granted", "invalid-url", "invalid-subprotocol", "invalid-header", "too-long",
// "too-many" (16 in the instance, 1,024 in the resource) or "stopping".
inline std::optional<Client> connect(std::string_view url, const ConnectOptions &options = {}) {
  std::vector<ws_string> subprotocols;
  for (const std::string &name : options.subprotocols) subprotocols.push_back(detail::text(name));
  std::vector<ws_pair> headers;
  for (const auto &[name, value] : options.headers) headers.push_back({detail::text(name), detail::text(value)});
  ws_connect_options raw = {{subprotocols.data(), subprotocols.size()}, {headers.data(), headers.size()}};
  ws_client connection;
  if (!ws_connect(detail::text(url), &raw, &connection)) return std::nullopt;
  return Client(connection);
}

// The connections that this instance has opened, or is opening. `clients()` does not return them.
inline Clients connections() { return detail::owned(ws_connections()); }

// Values of the table `config` of the resource (`grant = ["config"]`). None with the error "upstream" if the
// configuration does not grant it. None without an error (`error()` is empty) if the table does not have the key.
inline std::optional<std::string> config(std::string_view key) {
  ws_string value;
  if (!ws_config(detail::text(key), &value)) return std::nullopt;
  return detail::maybe(value);
}
inline std::optional<std::vector<std::pair<std::string, std::string>>> config_all() {
  ws_pairs values;
  if (!ws_config_all(&values)) return std::nullopt;
  return detail::owned(values);
}

// Keys and values in a file of the host (`grant = ["keyvalue:FILE"]`), which outlive a reload, a crash and a restart.
// All instances of all resources with this file share the bucket of a name. The bucket "" is that of this actor, for
// example of the room at a path. A key has at most 1 KiB, a value 1 MiB.
//
// False or none with the error "access-denied" (not granted), "full", "too-long", "too-many", "not-a-number",
// "no-own-bucket" or "unavailable".
class Bucket {
 public:
  explicit Bucket(std::string_view name) : name_(name) {}

  // The value of a key. None without an error (`error()` is empty) if there is none.
  std::optional<std::string> get(std::string_view key) const {
    ws_bytes value;
    if (!ws_bucket_get(detail::text(name_), detail::text(key), &value)) return std::nullopt;
    return detail::maybe({reinterpret_cast<const char *>(value.data), value.size});
  }

  // Sets a value. It is on the disk when this returns.
  bool set(std::string_view key, std::string_view value) {
    return ws_bucket_set(detail::text(name_), detail::text(key), detail::bytes(value));
  }
  bool set(std::string_view key, Bytes value) {
    return ws_bucket_set(detail::text(name_), detail::text(key), detail::bytes(value));
  }

  // Removes a key. There need not be one.
  bool erase(std::string_view key) { return ws_bucket_delete(detail::text(name_), detail::text(key)); }

  // Whether there is a value of this key.
  std::optional<bool> exists(std::string_view key) const {
    bool exists;
    if (!ws_bucket_exists(detail::text(name_), detail::text(key), &exists)) return std::nullopt;
    return exists;
  }

  // Adds to a value that is a number in decimal digits, and returns the sum. No other instance can come in between. A
  // key without a value counts from 0.
  std::optional<std::int64_t> increment(std::string_view key, std::int64_t by = 1) {
    std::int64_t sum;
    if (!ws_bucket_increment(detail::text(name_), detail::text(key), by, &sum)) return std::nullopt;
    return sum;
  }

  // Sets a value if it is still the expected one, or if there is none and none is expected. Returns whether it was set.
  // No other instance can come in between.
  std::optional<bool> compare_and_swap(std::string_view key, std::optional<std::string_view> expected,
                                       std::string_view value) {
    // An empty text may have no address, which would mean that no value is expected.
    std::string_view text = expected.value_or("");
    ws_bytes old = expected ? detail::bytes(text.data() ? text : std::string_view("")) : ws_bytes{};
    bool swapped;
    if (!ws_bucket_compare_and_swap(detail::text(name_), detail::text(key), old, detail::bytes(value), &swapped))
      return std::nullopt;
    return swapped;
  }

  // The values of up to 1,000 keys, in the order of the keys.
  std::optional<std::vector<std::optional<std::string>>> get_many(const std::vector<std::string> &keys) const {
    std::vector<ws_bytes> values(keys.size());
    std::vector<ws_string> names = texts(keys);
    if (!ws_bucket_get_many(detail::text(name_), {names.data(), names.size()}, values.data())) return std::nullopt;
    std::vector<std::optional<std::string>> found;
    for (ws_bytes value : values)
      found.push_back(detail::maybe({reinterpret_cast<const char *>(value.data), value.size}));
    return found;
  }

  // Sets the values of up to 1,000 keys: all of them or none.
  bool set_many(const std::vector<std::pair<std::string, std::string>> &pairs) {
    std::vector<ws_pair> raw;
    for (const auto &[key, value] : pairs) raw.push_back({detail::text(key), detail::text(value)});
    return ws_bucket_set_many(detail::text(name_), {raw.data(), raw.size()});
  }

  // Removes up to 1,000 keys: all of them or none.
  bool erase_many(const std::vector<std::string> &keys) {
    std::vector<ws_string> names = texts(keys);
    return ws_bucket_delete_many(detail::text(name_), {names.data(), names.size()});
  }

  // All keys, in the order of their bytes. The host is asked for 1,000 at a time.
  std::optional<std::vector<std::string>> keys() const {
    ws_strings keys;
    if (!ws_bucket_keys(detail::text(name_), &keys)) return std::nullopt;
    return detail::owned(keys);
  }

 private:
  static std::vector<ws_string> texts(const std::vector<std::string> &owned) {
    std::vector<ws_string> all;
    for (const std::string &text : owned) all.push_back(detail::text(text));
    return all;
  }

  std::string name_;
};

}  // namespace ws

#endif
