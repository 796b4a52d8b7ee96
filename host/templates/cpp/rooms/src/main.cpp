// {{name}}: chat rooms. Each path /room/NAME is a room with an instance of its own. Its last lines are its
// state, which outlives hibernation and reloads.

#include <cstring>
#include <deque>

#include "ws_host.hpp"

namespace {

// How many lines a new client gets.
constexpr std::size_t kept = 20;

class Room : public ws::Handler {
  std::deque<std::string> lines_;

  bool connected(ws::Client client, ws::Handshake &) override {
    std::string room = client.request().parameter("id").value_or("");
    client.send("* room " + room + ", " + std::to_string(ws::clients().size()) + " here");
    for (const std::string &line : lines_) client.send(line);
    return true;
  }

  void received_text(ws::Client, std::string_view line) override {
    keep(line);
    ws::broadcast(ws::clients(), line);
  }

  void received_binary(ws::Client client, ws::Bytes) override {
    client.close(1003, "this is a chat: text only");
  }

  void keep(std::string_view line) {
    lines_.emplace_back(line);
    if (lines_.size() > kept) lines_.pop_front();
  }

  // The state: for each line its size, in four bytes, and its bytes.
  std::optional<std::string> suspend() override {
    std::string state;
    for (const std::string &line : lines_) {
      auto size = static_cast<std::uint32_t>(line.size());
      state.append(reinterpret_cast<const char *>(&size), sizeof size);
      state += line;
    }
    return state;
  }

  bool resume(std::optional<std::string_view> state, std::string &problem) override {
    std::string_view rest = state.value_or("");
    while (!rest.empty()) {
      std::uint32_t size = 0;
      if (rest.size() >= sizeof size) std::memcpy(&size, rest.data(), sizeof size);
      if (rest.size() < sizeof size || rest.size() - sizeof size < size) {
        problem = "this is not the state of a room";
        return false;
      }
      keep(rest.substr(sizeof size, size));
      rest.remove_prefix(sizeof size + size);
    }
    return true;
  }
};

}  // namespace

WS_HANDLER(Room)
