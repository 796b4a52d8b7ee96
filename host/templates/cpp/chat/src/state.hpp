// Who is in the chat, and their reminders: the state, which outlives the instance.

#ifndef STATE_HPP
#define STATE_HPP

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ws_host.hpp"

struct Person {
  ws::Client client;
  std::string name;
};

// A line that is sent when its timer is due.
struct Reminder {
  ws::Client client;
  std::string text;
};

struct State {
  std::uint64_t arrivals = 0;
  std::uint64_t last_timer = 0;
  std::vector<Person> people;  // in the order in which they arrived
  std::map<std::uint64_t, Reminder> reminders;

  Person *find(ws::Client client);
  bool is_taken(std::string_view name, ws::Client except) const;

  // A name for somebody who has not chosen one: guest-N.
  std::string guest_name() const;

  std::string save() const;
  static std::optional<State> load(std::string_view saved);
};

#endif
