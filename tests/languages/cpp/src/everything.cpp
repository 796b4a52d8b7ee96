#include "everything.hpp"

#include <cstdlib>

namespace {

using namespace std::chrono_literals;

std::string shown(bool value) { return value ? "true" : "false"; }
std::string shown(const std::string &text) { return text; }
std::string shown(const std::optional<std::string> &text) { return text.value_or(""); }
std::string shown(std::uint64_t number) { return std::to_string(number); }

// What a function that can fail has done, as the Go handler prints its error.
std::string outcome(bool done) { return done ? "<nil>" : std::string(ws::error()); }

std::string joined(const std::vector<std::string> &list) {
  std::string all;
  for (const std::string &one : list) all += (all.empty() ? "" : ",") + one;
  return all;
}

// Sends a name, and values with spaces between them.
template <class... Values>
void say(ws::Client client, const char *name, const Values &...values) {
  std::string line = std::string(name) + ":";
  ((line += " " + shown(values)), ...);
  client.send(line);
}

std::string bracketed(const std::optional<std::string> &text) { return "[" + text.value_or("") + "]"; }

void about_request(ws::Client client) {
  ws::Request r = client.request();
  say(client, "request", r.resource_name(), r.path(), r.query(), "\"" + shown(r.query_value("name")) + "\"",
      r.header("X-Test"), r.header("x-missing").has_value(), r.query_value("none").has_value());
  std::string value, parameters;
  for (const auto &[name, bytes] : r.headers()) {
    if (name != "x-bytes") continue;
    for (unsigned char byte : bytes) value += {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
  }
  for (const auto &[name, text] : r.parameters()) parameters += name + "=" + text + ";";
  say(client, "lists", value, parameters, r.parameter("id"), joined(r.offered_subprotocols()));
  say(client, "connection", bracketed(r.subprotocol()), bracketed(r.origin()),
      std::uint64_t(r.protocol_version()), r.http_version(), r.client_address(), r.local_address(),
      r.peer_address() == "127.0.0.1", r.peer_port() > 0, r.local_port() > 0, bracketed(r.server_name()));
  say(client, "certificate", r.secure(), !r.certificate().empty(), bracketed(r.certificate_fingerprint()),
      bracketed(r.certificate_subject()), std::uint64_t(r.certificate_names().size()));
}

void about_log(ws::Client client) {
  ws::log("warn", "from everything");
  const char *greeting = std::getenv("GREETING");
  say(client, "log", ws::log_enabled("info"), ws::log_enabled("trace"), std::string(greeting ? greeting : ""));
}

void about_groups(ws::Client client) {
  bool before = client.attachment().has_value();
  client.attach(std::string_view("a\0b", 3));
  std::uint64_t size = client.attachment()->size();
  say(client, "attachment", before, size, outcome(client.attach(std::string(20000, 'x'))));

  client.tag("b");
  client.tag("a");
  std::string tags = joined(client.tags());
  std::uint64_t tagged = ws::tagged("a").size();
  bool first = client.untag("a"), second = client.untag("a");
  say(client, "tags", tags, tagged, first, second, outcome(client.tag("")));
  ws::send_tagged("b", "tagged");
  std::string nobody = outcome(ws::close_tagged("nobody", 1000, ""));
  say(client, "closed tagged", nobody, outcome(ws::close_tagged("b", 1, "")));

  client.subscribe("news");
  client.subscribe("more");
  std::string topics = joined(client.topics());
  std::uint64_t subscribers = ws::subscribers("news");
  first = client.unsubscribe("more"), second = client.unsubscribe("more");
  say(client, "topics", topics, subscribers, first, second, std::uint64_t(ws::subscribers("more")));
  std::vector<std::uint8_t> published{'p', 'u', 'b', 'l', 'i', 's', 'h', 'e', 'd'};
  ws::publish("news", published, ws::SendOptions().max_frame(4));
  ws::publish("news", "not for you", ws::SendOptions().except({client}));
  say(client, "left", std::uint64_t(client.unsubscribe_all()));
}

}  // namespace

void everything(ws::Client client) {
  about_request(client);
  about_log(client);
  about_groups(client);

  ws::Client gone(client.id() + 1000000);
  say(client, "options", outcome(client.send("x", ws::SendOptions().compression("sometimes"))));
  client.send(std::vector<std::uint8_t>{'s', 'e', 'n', 't'}, ws::SendOptions().compression("never"));
  ws::Clients missed = ws::broadcast(ws::Clients{client, gone}, "to many");
  say(client, "missed", std::uint64_t(missed.size()), missed[0] == gone);
  say(client, "buffered", client.buffered().has_value(), gone.buffered().has_value(),
      std::uint64_t(ws::clients().size()));
  std::string long_ping = outcome(client.ping(std::string(126, 'p'))), pong = outcome(client.pong("p"));
  say(client, "pings", long_ping, pong, outcome(client.ping("p")));

  bool expires = client.remaining().has_value();
  client.expire(1h, 1min);
  auto left = client.remaining().value_or(ws::Milliseconds());
  bool first = client.keep(), second = client.keep();
  say(client, "expiry", expires, left > 59min && left <= 1h, first, second);
  std::string set = outcome(ws::set_timer(9, 1h));
  first = ws::cancel_timer(9), second = ws::cancel_timer(9);
  say(client, "timers", set, first, second);
  ws::Disconnection disconnection(client);
  say(client, "elsewhere", bracketed(ws::state_reason()), ws::state_age().has_value(),
      bracketed(ws::custom_kind()), bracketed(ws::custom_sender()), bracketed(disconnection.cause()),
      std::uint64_t(disconnection.code()));
  say(client, "too late", outcome(ws::Handshake(client).add_header("x", "y")));
  std::string code = outcome(client.close(1, ""));
  say(client, "not closed", code, outcome(client.close(1000, std::string(124, 'x'))));
  bool aborted = gone.abort();
  say(client, "gone", aborted, outcome(gone.close(1000, "")));
}
