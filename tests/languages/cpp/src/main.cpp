// A handler that fails in each way in which handlers fail. It replaces src/main.cpp in a project named
// faults.

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "everything.hpp"
#include "ws_host.hpp"

namespace {

// There are no exceptions: what goes wrong ends the instance, here an index that is out of range.
[[gnu::noinline]] int throw_now() {
  std::vector<int> empty;
  return empty.at(3);
}

class Faults : public ws::Handler {
  unsigned count_ = 0;
  bool throw_on_leave_ = false;
  std::vector<std::string> hoard_;

  bool connected(ws::Client client, ws::Handshake &) override {
    if (client.request().query() == "throw") throw_now();
    return true;
  }

  void received_text(ws::Client client, std::string_view message) override {
    count_ += 1;
    if (message == "throw") {
      throw_now();
    } else if (message == "everything") {
      everything(client);
    } else if (message == "expire") {
      client.expire(std::chrono::minutes(1), std::chrono::milliseconds(59990));
    } else if (message == "fail") {
      client.fail("failed with 7");
    } else if (message == "/throw-on-leave") {
      throw_on_leave_ = true;
    } else if (message == "timer") {
      ws::set_timer(1, ws::Milliseconds(0));
    } else if (message == "loop") {
      for (volatile int i = 0;; i = !i) {
      }
    } else if (message == "memory") {
      for (;;) hoard_.emplace_back(1 << 20, 'x');
    } else if (message.starts_with("close ")) {
      close_with(client, message.substr(6));
    } else if (message == "gone") {
      bool sent = ws::Client(client.id() + 1000000).send("nobody");
      client.send(sent ? "true" : "false");
    } else if (message == "id") {
      client.send(std::to_string(client.id()));
    } else if (message == "count") {
      client.send(std::to_string(count_));
    }
  }

  void close_with(ws::Client client, std::string_view arguments) {
    std::uint16_t code = 0;
    const char *end = std::from_chars(arguments.data(), arguments.data() + arguments.size(), code).ptr;
    std::string_view reason = arguments.substr(static_cast<std::size_t>(end - arguments.data()));
    if (reason.starts_with(' ')) reason.remove_prefix(1);
    if (!client.close(code, reason)) client.fail("close: " + std::string(ws::error()));
  }

  void received_binary(ws::Client, ws::Bytes) override { throw_now(); }

  void received_pong(ws::Client, ws::Bytes payload) override {
    if (payload.size() == 5 && !std::memcmp(payload.data(), "throw", 5)) throw_now();
  }

  void disconnected(ws::Client, const ws::Disconnection &) override {
    if (throw_on_leave_) throw_now();
  }

  void fired(std::uint64_t) override { throw_now(); }

  void expiring(ws::Client client) override {
    client.keep();
    client.send("expiring");
  }

  void stopping() override { ws::broadcast(ws::clients(), "stopping"); }

  bool received_custom(ws::Bytes message, std::string &reply) override {
    std::string text(message.begin(), message.end());
    reply = ws::custom_kind().value_or("") + " of " + ws::custom_sender().value_or("") + ": " + text;
    return text != "fail";
  }
};

}  // namespace

WS_HANDLER(Faults)
