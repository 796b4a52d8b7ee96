#include "state.hpp"

#include <charconv>

#include "names.hpp"

Person *State::find(ws::Client client) {
  for (Person &person : people)
    if (person.client == client) return &person;
  return nullptr;
}

bool State::is_taken(std::string_view name, ws::Client except) const {
  for (const Person &person : people)
    if (person.client != except && same_name(person.name, name)) return true;
  return false;
}

std::string State::guest_name() const {
  for (std::uint64_t number = arrivals;; number++) {
    std::string name = "guest-" + std::to_string(number);
    if (!is_taken(name, ws::Client(0))) return name;
  }
}

namespace {

// The state is text: numbers, each with a space behind it, and texts, each behind its length.
void put(std::string &to, std::uint64_t number) { to += std::to_string(number) + ' '; }

void put(std::string &to, std::string_view text) {
  put(to, text.size());
  to += text;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    const char *end = rest_.data() + rest_.size();
    auto [at, error] = std::from_chars(rest_.data(), end, value);
    if (error != std::errc() || at == end || *at != ' ') {
      is_valid_ = false;
      return 0;
    }
    rest_.remove_prefix(static_cast<std::size_t>(at - rest_.data()) + 1);
    return value;
  }

  std::string text() {
    std::uint64_t size = number();
    if (size > rest_.size()) is_valid_ = false;
    if (!is_valid_) return {};
    std::string value(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return value;
  }

  bool is_valid() const { return is_valid_; }

 private:
  std::string_view rest_;
  bool is_valid_ = true;
};

}  // namespace

std::string State::save() const {
  std::string saved;
  put(saved, arrivals);
  put(saved, last_timer);
  put(saved, people.size());
  for (const Person &person : people) {
    put(saved, person.client.id());
    put(saved, person.name);
  }
  put(saved, reminders.size());
  for (const auto &[timer, reminder] : reminders) {
    put(saved, timer);
    put(saved, reminder.client.id());
    put(saved, reminder.text);
  }
  return saved;
}

std::optional<State> State::load(std::string_view saved) {
  Reader reader(saved);
  State state;
  state.arrivals = reader.number();
  state.last_timer = reader.number();
  for (std::uint64_t left = reader.number(); left > 0 && reader.is_valid(); left--) {
    ws::Client client(reader.number());
    state.people.push_back({client, reader.text()});
  }
  for (std::uint64_t left = reader.number(); left > 0 && reader.is_valid(); left--) {
    std::uint64_t timer = reader.number();
    ws::Client client(reader.number());
    state.reminders.insert_or_assign(timer, Reminder{client, reader.text()});
  }
  if (!reader.is_valid()) return std::nullopt;
  return state;
}
