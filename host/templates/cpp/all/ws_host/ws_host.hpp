// WebSocket handlers for ws-host, in C++20.
//
//     #include "ws_host.hpp"
//
//     class Echo : public ws::Handler {
//       void received_text(ws::Client client, std::string_view message) override { client.send(message); }
//     };
//
//     WS_HANDLER(Echo)
//
// The object is the state of one instance. Events arrive one at a time, so it needs no locks. What is printed
// to standard output or standard error appears in the host's log.
//
// There are no exceptions: WebAssembly compilers of C++ leave them out. Functions that can fail return false,
// and `ws::error()` says why. An event that failed calls `client.fail(reason)`, which logs the reason and
// closes the client with 1011. A trap (abort, an out-of-range `at`, too little memory) ends the instance: the
// client of the event is closed with 1011, and the next event goes to a fresh instance.

#ifndef WS_HOST_HPP
#define WS_HOST_HPP

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ws_host.h"

namespace ws {

// The bytes of a binary message, while its event runs.
using Bytes = std::span<const std::uint8_t>;

using Milliseconds = std::chrono::milliseconds;

// Why the last function that returned false failed: a word of the contract, such as "closed" or "full".
inline std::string_view error() { return ws_error(); }

namespace detail {

inline ws_string text(std::string_view view) { return {view.data(), view.size()}; }
inline ws_bytes bytes(Bytes view) { return {view.data(), view.size()}; }
inline ws_bytes bytes(std::string_view view) {
  return {reinterpret_cast<const std::uint8_t *>(view.data()), view.size()};
}

inline std::string_view view(ws_string text) { return {text.data, text.size}; }

inline std::optional<std::string> maybe(ws_string text) {
  if (!text.data) return std::nullopt;
  return std::string(text.data, text.size);
}

inline std::string owned(ws_string text) { return maybe(text).value_or(std::string()); }

inline std::vector<std::string> owned(ws_strings list) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < list.size; i++) all.push_back(owned(list.data[i]));
  return all;
}

inline std::vector<std::pair<std::string, std::string>> owned(ws_pairs list) {
  std::vector<std::pair<std::string, std::string>> all;
  for (std::size_t i = 0; i < list.size; i++)
    all.emplace_back(owned(list.data[i].name), owned(list.data[i].value));
  return all;
}

}  // namespace detail

// A text or a binary message, for the functions that send either: `client.send("hello")`,
// `client.send(bytes)`. It does not own its content.
class Message {
 public:
  Message(std::string_view text) : message_(ws_text_message(detail::text(text))) {}
  Message(const std::string &text) : Message(std::string_view(text)) {}
  Message(const char *text) : Message(std::string_view(text)) {}
  Message(Bytes bytes) : message_(ws_binary_message(detail::bytes(bytes))) {}
  Message(const std::vector<std::uint8_t> &bytes) : Message(Bytes(bytes)) {}

  const ws_message &raw() const { return message_; }

 private:
  ws_message message_;
};

class Request;

// A client: one WebSocket connection. The number is never used for another client. It is below 2^53.
class Client {
 public:
  explicit Client(ws_client id) : id_(id) {}

  ws_client id() const { return id_; }
  auto operator<=>(const Client &) const = default;

  // Sends a message, and never waits. False with the error "closed" (the client has gone, or is not one of
  // this instance), "full" (it has not read earlier messages; `drained` follows), "too-long" or
  // "unsupported".
  bool send(const Message &message) const { return ws_send(id_, message.raw(), nullptr); }
  bool send(const Message &message, const class SendOptions &options) const;
  bool ping(std::string_view payload) const { return ws_ping(id_, detail::bytes(payload)); }
  bool pong(std::string_view payload) const { return ws_pong(id_, detail::bytes(payload)); }

  // Starts the closing handshake, after everything that was sent before. Codes are 1000 to 1003, 1007 to 1014
  // and 3000 to 4999; a reason has at most 123 bytes.
  bool close(std::uint16_t code, std::string_view reason) const {
    return ws_close(id_, code, detail::text(reason));
  }

  // Drops the connection without a closing handshake. Returns whether there was one.
  bool abort() const { return ws_abort(id_); }

  // Logs the reason of a failure, and closes the client with 1011. With `ws-host dev`, the client gets the
  // reason.
  void fail(std::string_view reason) const {
    ws_fail(id_, "%.*s", static_cast<int>(reason.size()), reason.data());
  }

  // How many bytes wait to be written to the client. None if it is closed.
  std::optional<std::uint64_t> buffered() const {
    std::uint64_t bytes;
    return ws_buffered(id_, &bytes) ? std::optional(bytes) : std::nullopt;
  }

  // Stores up to 16 KiB with the client, which outlive a reload, a fault and hibernation.
  bool attach(std::string_view attachment) const { return ws_attach(id_, detail::bytes(attachment)); }
  std::optional<std::string> attachment() const {
    ws_bytes bytes = ws_attachment(id_);
    return detail::maybe({reinterpret_cast<const char *>(bytes.data), bytes.size});
  }

  // The URL of a connection of `connect`. None for a client.
  std::optional<std::string> url() const { return detail::maybe(ws_url(id_)); }

  Request request() const;

  // A name has 1 to 255 bytes.
  bool subscribe(std::string_view topic) const { return ws_subscribe(id_, detail::text(topic)); }
  bool unsubscribe(std::string_view topic) const { return ws_unsubscribe(id_, detail::text(topic)); }
  std::size_t unsubscribe_all() const { return ws_unsubscribe_all(id_); }
  std::vector<std::string> topics() const { return detail::owned(ws_topics_of(id_)); }

  bool tag(std::string_view name) const { return ws_tag(id_, detail::text(name)); }
  bool untag(std::string_view name) const { return ws_untag(id_, detail::text(name)); }
  std::vector<std::string> tags() const { return detail::owned(ws_tags_of(id_)); }

  // Closes the client with 1008 after this time. Calls `expiring` earlier by `notice`.
  bool expire(Milliseconds after, Milliseconds notice = {}) const {
    return ws_expire(id_, static_cast<std::uint64_t>(after.count()),
                     static_cast<std::uint64_t>(notice.count()));
  }
  bool keep() const { return ws_keep(id_); }
  std::optional<Milliseconds> remaining() const {
    std::uint64_t left;
    if (!ws_remaining(id_, &left)) return std::nullopt;
    return Milliseconds(left);
  }

 private:
  ws_client id_;
};

using Clients = std::vector<Client>;

namespace detail {

static_assert(sizeof(Client) == sizeof(ws_client), "lists of clients are passed as they are");

inline ws_clients raw(std::span<const Client> list) {
  return {reinterpret_cast<const ws_client *>(list.data()), list.size()};
}

inline Clients owned(ws_clients list) {
  Clients all;
  all.reserve(list.size);
  for (std::size_t i = 0; i < list.size; i++) all.emplace_back(list.data[i]);
  return all;
}

}  // namespace detail

// How messages are sent. What is not set has its default.
class SendOptions {
 public:
  // "by-length", "always" or "never". Use "never" for data that is already compressed, and for a message with
  // both a secret and text of somebody else.
  SendOptions &compression(const char *how) { return options_.compression = how, *this; }
  // The longest payload of a frame. A longer message goes out in fragments.
  SendOptions &max_frame(std::uint32_t bytes) { return options_.max_frame = bytes, *this; }
  // Up to 1,000 clients that do not get a message that goes to many.
  SendOptions &except(Clients clients) {
    except_ = std::move(clients);
    return *this;
  }

  ws_send_options raw() const {
    ws_send_options all = options_;
    all.except = detail::raw(except_);
    return all;
  }

 private:
  ws_send_options options_{};
  Clients except_;
};

inline bool Client::send(const Message &message, const SendOptions &options) const {
  ws_send_options raw = options.raw();
  return ws_send(id_, message.raw(), &raw);
}

// The open clients of this instance, in the order in which they connected.
inline Clients clients() { return detail::owned(ws_connected_clients()); }

// Sends one message to many clients of this instance. Returns those that did not get it.
inline Clients broadcast(std::span<const Client> to, const Message &message,
                         const SendOptions &options = {}) {
  ws_send_options raw = options.raw();
  return detail::owned(ws_broadcast(detail::raw(to), message.raw(), &raw));
}

// Lines for the host's log. The level is `trace`, `debug`, `info`, `warn` or `error`. What the handler prints goes to
// the same log: std::cout at `info`, std::cerr at `warn`.
inline void log(std::string_view level, std::string_view message) {
  ws_log(detail::text(level), detail::text(message));
}
inline bool log_enabled(std::string_view level) { return ws_log_enabled(detail::text(level)); }

// A topic reaches all its subscribers in the resource, and a tag all clients that have it, whichever instance
// they belong to.
inline bool publish(std::string_view topic, const Message &message, const SendOptions &options = {}) {
  ws_send_options raw = options.raw();
  return ws_publish(detail::text(topic), message.raw(), &raw);
}
inline std::size_t subscribers(std::string_view topic) { return ws_subscribers(detail::text(topic)); }

inline Clients tagged(std::string_view tag) { return detail::owned(ws_clients_of(detail::text(tag))); }
inline bool send_tagged(std::string_view tag, const Message &message, const SendOptions &options = {}) {
  ws_send_options raw = options.raw();
  return ws_send_tagged(detail::text(tag), message.raw(), &raw);
}
inline bool close_tagged(std::string_view tag, std::uint16_t code, std::string_view reason) {
  return ws_close_tagged(detail::text(tag), code, detail::text(reason));
}

// Calls `fired` once, after a while. The handler chooses the number. At most 1,024 in an instance.
inline bool set_timer(std::uint64_t timer, Milliseconds after) {
  return ws_set_timer(timer, static_cast<std::uint64_t>(after.count()));
}
// A timer that a restart of the host does not lose. The configuration must grant the file: grant = ["timers:FILE"].
inline bool set_durable_timer(std::uint64_t timer, Milliseconds after) {
  return ws_set_durable_timer(timer, static_cast<std::uint64_t>(after.count()));
}
inline bool cancel_timer(std::uint64_t timer) { return ws_cancel_timer(timer); }

// Only in `suspend` and `resume`: why they are called ("reload", "hibernation", "checkpoint", "fault" or
// "rollback"), and the age of a state that lacks later events.
inline std::string state_reason() { return detail::owned(ws_state_reason()); }
inline std::optional<Milliseconds> state_age() {
  std::uint64_t age;
  if (!ws_state_age(&age)) return std::nullopt;
  return Milliseconds(age);
}

// Only in `received_custom`.
inline std::optional<std::string> custom_kind() { return detail::maybe(ws_custom_kind()); }
inline std::optional<std::string> custom_sender() { return detail::maybe(ws_custom_sender()); }

}  // namespace ws

#include "capabilities.hpp"
#include "request.hpp"

#include "handler.hpp"

#endif
