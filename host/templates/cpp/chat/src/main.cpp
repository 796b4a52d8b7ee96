// {{name}}: a chat room. Each client gets a name, may change it, and receives what the others say.

#include <cstdlib>

#include "names.hpp"
#include "state.hpp"
#include "ws_host.hpp"

namespace {

// Reads a number of seconds from 0 to 3600, such as 1.5.
std::optional<ws::Milliseconds> parse_seconds(std::string_view word) {
  constexpr std::string_view digits = "0123456789";
  std::size_t point = word.find('.');
  std::string_view whole = word.substr(0, point);
  if (whole.empty() || whole.find_first_not_of(digits) != std::string_view::npos) return std::nullopt;
  if (point != std::string_view::npos) {
    std::string_view fraction = word.substr(point + 1);
    if (fraction.empty() || fraction.find_first_not_of(digits) != std::string_view::npos) return std::nullopt;
  }
  double seconds = std::strtod(std::string(word).c_str(), nullptr);
  if (seconds > 3600) return std::nullopt;
  return ws::Milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

class Chat : public ws::Handler {
  State state_;

  bool connected(ws::Client client, ws::Handshake &handshake) override {
    std::optional<std::string> wanted = client.request().query_value("name");
    std::string name(trimmed(wanted.value_or("")));
    if (wanted) {
      if (auto problem = name_problem(name)) return handshake.refuse(400, std::string(*problem) + "\n");
      if (state_.is_taken(name, client)) return handshake.refuse(409, "this name is already taken\n");
    }
    state_.arrivals += 1;
    if (!wanted) name = state_.guest_name();
    client.send("* you are " + name);
    if (!state_.people.empty()) {
      std::string here;
      for (const Person &person : state_.people) here += (here.empty() ? "* here: " : ", ") + person.name;
      client.send(here);
    }
    send_to_all("* " + name + " joined");
    state_.people.push_back({client, name});
    return true;
  }

  void received_text(ws::Client client, std::string_view message) override {
    Person *sender = state_.find(client);
    std::string_view line = trimmed(message);
    if (!sender || line.empty()) return;
    std::string_view command = line.substr(0, line.find(' '));
    std::string_view arguments = trimmed(line.substr(command.size()));
    if (command == "/name")
      rename(*sender, arguments);
    else if (command == "/remind")
      remind(client, arguments);
    else
      send_to_all(sender->name + ": " + std::string(line));
  }

  void received_binary(ws::Client client, ws::Bytes) override {
    client.close(1003, "this is a chat: text only");
  }

  void disconnected(ws::Client client, const ws::Disconnection &) override {
    Person *person = state_.find(client);
    if (!person) return;
    std::string line = "* " + person->name + " left";
    state_.people.erase(state_.people.begin() + (person - state_.people.data()));
    send_to_all(line);
  }

  void fired(std::uint64_t timer) override {
    auto due = state_.reminders.extract(timer);
    if (due) due.mapped().client.send("* reminder: " + due.mapped().text);
  }

  std::optional<std::string> suspend() override { return state_.save(); }

  bool resume(std::optional<std::string_view> saved, std::string &problem) override {
    if (saved) {
      std::optional<State> state = State::load(*saved);
      if (state) state_ = *std::move(state);
      if (!state) problem = "this is not the state of a chat";
      return state.has_value();
    }
    // The names are lost, after a fault for example. The clients are still there.
    for (ws::Client client : ws::clients()) {
      state_.arrivals += 1;
      state_.people.push_back({client, state_.guest_name()});
    }
    return true;
  }

  void rename(Person &person, std::string_view name) {
    auto problem = name_problem(name);
    if (!problem && state_.is_taken(name, person.client)) problem = "this name is already taken";
    if (problem) {
      person.client.send("! " + std::string(*problem));
      return;
    }
    std::string line = "* " + person.name + " is now " + std::string(name);
    person.name = name;
    send_to_all(line);
  }

  void remind(ws::Client client, std::string_view arguments) {
    std::string_view word = arguments.substr(0, arguments.find(' '));
    std::string text(trimmed(arguments.substr(word.size())));
    std::optional<ws::Milliseconds> after = parse_seconds(word);
    if (!after || text.empty()) {
      client.send("! use /remind SECONDS TEXT");
      return;
    }
    std::uint64_t timer = ++state_.last_timer;
    if (!ws::set_timer(timer, *after)) {
      client.send("! there are too many reminders");
      return;
    }
    state_.reminders.insert({timer, {client, text}});
    client.send("* in " + std::string(word) + " s: " + text);
  }

  // Sends a line to everybody. A client that reads too slowly misses it: the chat waits for nobody.
  void send_to_all(const std::string &line) {
    ws::Clients all;
    for (const Person &person : state_.people) all.push_back(person.client);
    ws::broadcast(all, line);
  }
};

}  // namespace

WS_HANDLER(Chat)
