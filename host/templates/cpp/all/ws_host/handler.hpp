// The events of a handler. Included by ws_host.hpp.

#ifndef WS_HOST_HANDLER_HPP
#define WS_HOST_HANDLER_HPP

#include "request.hpp"

namespace ws {

// The handler of a resource. Override what you need; `override` finds a mistyped name.
class Handler {
 public:
  virtual ~Handler() = default;

  // A client asks to connect. True accepts it; `return handshake.refuse(…)` refuses it. What is sent to it
  // here follows right after the handshake.
  virtual bool connected(Client, Handshake &) { return true; }

  // A message. The views are valid until the event ends.
  virtual void received_text(Client client, std::string_view) {
    client.close(1003, "this resource takes no text");
  }
  virtual void received_binary(Client client, Bytes) {
    client.close(1003, "this resource takes no binary messages");
  }

  // A pong, whether it answers a ping or is unsolicited.
  virtual void received_pong(Client, Bytes) {}

  // The last event of a client.
  virtual void disconnected(Client, const Disconnection &) {}

  // A timer is due. It may be set again here.
  virtual void fired(std::uint64_t /*timer*/) {}

  // The state for the instance that takes over: at a reload, at hibernation, and, with `checkpoint` in the
  // configuration, after a fault. None if there is none.
  virtual std::optional<std::string> suspend() { return std::nullopt; }

  // Takes over from an earlier instance: the first event of each instance that replaces another. The state is
  // none if there is none. False refuses it, with the reason in `problem`; the code that made it then
  // continues.
  virtual bool resume(std::optional<std::string_view> /*state*/, std::string & /*problem*/) { return true; }

  // There is room again for a client after sending to it failed with "full".
  virtual void drained(Client) {}

  // A client is about to reach the time that `expire` set.
  virtual void expiring(Client) {}

  // The server stops. The clients are still open, and are closed when this returns.
  virtual void stopping() {}

  // A message of the operator, or of the program that embeds the host. True returns `reply` to the sender, false
  // returns it as the reason of a failure.
  virtual bool received_custom(Bytes /*message*/, std::string &reply) {
    reply = "this handler takes no custom messages";
    return false;
  }
};

namespace detail {

// The only object of the handler's class. It is made for the first event.
template <class T>
Handler &handler() {
  static T only;
  return only;
}

template <class T>
constexpr ws_handler table() {
  return {
      .connected =
          [](ws_client id) {
            Handshake handshake{Client(id)};
            return handler<T>().connected(Client(id), handshake);
          },
      .received_text = [](ws_client id,
                          ws_string text) { handler<T>().received_text(Client(id), view(text)); },
      .received_binary = [](ws_client id,
                            ws_bytes b) { handler<T>().received_binary(Client(id), {b.data, b.size}); },
      .received_pong = [](ws_client id,
                          ws_bytes b) { handler<T>().received_pong(Client(id), {b.data, b.size}); },
      .disconnected = [](ws_client id) { handler<T>().disconnected(Client(id), Disconnection(Client(id))); },
      .fired = [](std::uint64_t timer) { handler<T>().fired(timer); },
      .suspend = []() -> ws_bytes {
        // The host reads it after this has returned.
        static std::optional<std::string> state;
        state = handler<T>().suspend();
        return state ? bytes(*state) : ws_bytes{};
      },
      .resume =
          [](ws_bytes state, ws_string *problem) {
            static std::string why;
            why.clear();
            std::optional<std::string_view> saved;
            if (state.data) saved.emplace(reinterpret_cast<const char *>(state.data), state.size);
            bool resumed = handler<T>().resume(saved, why);
            *problem = text(why);
            return resumed;
          },
      .drained = [](ws_client id) { handler<T>().drained(Client(id)); },
      .expiring = [](ws_client id) { handler<T>().expiring(Client(id)); },
      .stopping = []() { handler<T>().stopping(); },
      .received_custom =
          [](ws_bytes message, ws_bytes *reply) {
            static std::string content;
            content.clear();
            bool taken = handler<T>().received_custom({message.data, message.size}, content);
            *reply = bytes(std::string_view(content));
            return taken;
          },
  };
}

}  // namespace detail
}  // namespace ws

// Makes a class the handler of this component. Write it once, behind the class.
#define WS_HANDLER(type) extern "C" const ws_handler ws_host_handler = ws::detail::table<type>();

#endif
