// A handler that fails in each way in which handlers fail. It replaces src/main.cpp in a project named
// faults.

#include <charconv>
#include <cstdio>
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

// Each call needs the variable of its caller, so the compiler cannot make a loop of them.
unsigned recurse(const volatile unsigned *depth) {
  volatile unsigned here = *depth + 1;
  return here + recurse(&here);
}

const std::string_view unusable = "unusable";  // A saved state that cannot be resumed.

// Ends with a byte that is not UTF-8.
const char invalid[] = "half: \xff";

void use_invalid_text_elsewhere(ws::Client client) {
  client.unsubscribe(invalid);
  ws::subscribers(invalid);
  ws::publish(invalid, invalid);
  client.untag(invalid);
  ws::tagged(invalid);
  ws::send_tagged(invalid, invalid);
  ws::close_tagged(invalid, 1000, invalid);
  client.send(invalid, ws::SendOptions().compression(invalid));
  client.request().parameter(invalid);
  client.request().header(invalid);
  ws::log_enabled(invalid);
  ws::Handshake handshake(client);
  handshake.add_header(invalid, invalid);
  handshake.choose_subprotocol(invalid);
  handshake.set_body(invalid, invalid);
  client.send("done");
}

void use_invalid_text(ws::Client client, std::string_view where) {
  if (where == "send") {
    client.send(invalid);
  } else if (where == "options") {
    client.send(invalid, ws::SendOptions().compression("never"));
  } else if (where == "broadcast") {
    ws::broadcast(ws::Clients{client}, invalid);
  } else if (where == "publish") {
    client.subscribe("news");
    ws::publish("news", invalid);
  } else if (where == "topic") {
    client.subscribe(invalid);
    client.send(client.topics().front());
  } else if (where == "tag") {
    client.tag(invalid);
    client.send(client.tags().front());
  } else if (where == "log") {
    ws::log("info", invalid);
    ws::log(invalid, "of an unknown level");
    client.send("logged");
  } else if (where == "close") {
    client.close(4000, invalid);
  } else {
    use_invalid_text_elsewhere(client);
  }
}

class Faults : public ws::Handler {
  unsigned count_ = 0;
  std::string failing_;  // The event that aborts.
  std::vector<std::string> hoard_;

  void throw_if_asked(std::string_view event) {
    if (failing_ == event) throw_now();
  }

  bool connected(ws::Client client, ws::Handshake &handshake) override {
    handshake.add_header("x-handler", "faults");
    if (client.request().query() == "throw") throw_now();
    return true;
  }

  void received_text(ws::Client client, std::string_view message) override {
    count_ += 1;
    if (message == "throw") {
      throw_now();
    } else if (message.starts_with("invalid ")) {
      use_invalid_text(client, message.substr(8));
    } else if (message == "everything") {
      everything(client);
    } else if (message == "expire") {
      client.expire(std::chrono::minutes(1), std::chrono::milliseconds(59990));
    } else if (message == "fail") {
      client.fail("failed with 7");
    } else if (message.starts_with("throw-in ")) {
      failing_ = message.substr(9);
      client.send("noted");
    } else if (message == "fill") {
      std::string chunk(60000, 'x');
      while (client.send(chunk)) {
      }
    } else if (message == "recurse") {
      const volatile unsigned depth = 0;
      recurse(&depth);
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

  void disconnected(ws::Client, const ws::Disconnection &end) override {
    throw_if_asked("disconnected");
    std::printf("ended: %s %u %u %s %s\n", end.cause().c_str(), unsigned(end.code()),
                unsigned(end.sent_code()), end.clean() ? "true" : "false", end.reason().c_str());
  }

  void fired(std::uint64_t) override { throw_now(); }

  void drained(ws::Client) override { throw_if_asked("drained"); }

  void expiring(ws::Client client) override {
    throw_if_asked("expiring");
    client.keep();
    client.send("expiring");
  }

  void stopping() override {
    throw_if_asked("stopping");
    ws::broadcast(ws::clients(), "stopping");
  }

  bool received_custom(ws::Bytes message, std::string &reply) override {
    std::string text(message.begin(), message.end());
    if (text == "throw") throw_now();
    reply = ws::custom_kind().value_or("") + " of " + ws::custom_sender().value_or("") + ": " + text;
    return text != "fail";
  }

  std::optional<std::string> suspend() override {
    throw_if_asked("suspend");
    if (failing_ != "resume") return std::to_string(count_);
    std::puts("the state is unusable");
    return std::string(unusable);
  }

  bool resume(std::optional<std::string_view> state, std::string &) override {
    if (!state) return true;
    if (*state == unusable) throw_now();
    std::from_chars(state->data(), state->data() + state->size(), count_);
    return true;
  }
};

}  // namespace

WS_HANDLER(Faults)
