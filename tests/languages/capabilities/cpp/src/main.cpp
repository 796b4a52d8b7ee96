// Uses each capability when a text message asks for it. Whatever fails is answered with the word of the error.

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "ws_host.hpp"

// An answer. None for an error.
using Answer = std::optional<std::string>;

static Answer done(bool ok) { return ok ? Answer("done") : std::nullopt; }

static std::string listed(const std::vector<std::string> &texts) {
  std::string all;
  for (const std::string &text : texts) all += (all.empty() ? "" : ",") + text;
  return all.empty() ? "nothing" : all;
}

// A value that may not be there.
static Answer found(const std::optional<std::string> &value) {
  if (!value && ws::error().empty()) return "nothing";
  return value;
}

static Answer config_all() {
  auto values = ws::config_all();
  if (!values) return std::nullopt;
  std::string all;
  for (const auto &[name, value] : *values)
    all += (all.empty() ? "\"" : ",\"") + name + "\":\"" + value + "\"";
  return "{" + all + "}";
}

static Answer add(std::string_view bucket, std::string_view key, std::int64_t by) {
  std::optional<std::int64_t> sum = ws::Bucket(bucket).increment(key, by);
  if (!sum) return std::nullopt;
  return std::to_string(*sum);
}

static std::uint64_t number(const std::string &text) { return std::strtoull(text.c_str(), nullptr, 10); }

// Returns the texts between commas.
static std::vector<std::string> split(const std::string &text) {
  std::vector<std::string> all(1);
  for (char c : text) {
    if (c == ',')
      all.emplace_back();
    else
      all.back() += c;
  }
  return all;
}

static Answer read_file(const std::string &name) {
  // The libraries of zig have no <fstream> for WebAssembly.
  std::FILE *file = std::fopen(name.c_str(), "r");
  if (!file) return "error: " + std::string(std::strerror(errno));
  char contents[100];
  std::size_t size = std::fread(contents, 1, sizeof contents, file);
  std::fclose(file);
  return std::string(contents, size);
}

static Answer answer_to(const std::string &command, const std::string &key, const std::string &value) {
  ws::Bucket texts("texts");
  if (command == "config") return found(ws::config(key));
  if (command == "config-all") return config_all();
  if (command == "count") return add("numbers", key, 1);
  if (command == "add") return add("numbers", key, std::atoi(value.c_str()));
  if (command == "wrong") return add("texts", key, 1);
  if (command == "set") return done(texts.set(key, value));
  if (command == "get") return found(texts.get(key));
  if (command == "delete") return done(texts.erase(key));
  if (command == "has") {
    std::optional<bool> exists = texts.exists(key);
    if (!exists) return std::nullopt;
    return *exists ? "true" : "false";
  }
  if (command == "keys") {
    auto keys = texts.keys();
    if (!keys) return std::nullopt;
    return listed(*keys);
  }
  if (command == "swap") {
    std::size_t comma = value.find(',');
    std::string expected = value.substr(0, comma);
    std::optional<std::string_view> old = expected;
    if (expected == "nothing") old = std::nullopt;
    std::optional<bool> swapped = texts.compare_and_swap(key, old, value.substr(comma + 1));
    if (!swapped) return std::nullopt;
    return *swapped ? "true" : "false";
  }
  if (command == "get-many") {
    auto values = texts.get_many(split(key));
    if (!values) return std::nullopt;
    std::vector<std::string> all;
    for (const auto &value : *values) all.push_back(value.value_or("nothing"));
    return listed(all);
  }
  if (command == "set-many") {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const std::string &name : split(key)) pairs.emplace_back(name, value);
    return done(texts.set_many(pairs));
  }
  if (command == "delete-many") return done(texts.erase_many(split(key)));
  if (command == "connect")
    return done(ws::connect(key, {.subprotocols = {"relay"}, .headers = {{"x-test", "of the handler"}}}).has_value());
  if (command == "remind")
    return done(ws::set_durable_timer(number(key), ws::Milliseconds(number(value))));
  if (command == "read") return read_file(key);
  if (command == "forget") return ws::cancel_timer(number(key)) ? "true" : "false";
  if (command == "url") {
    std::vector<std::string> urls;
    for (ws::Client server : ws::connections()) urls.push_back(server.url().value_or("none"));
    return listed(urls);
  }
  if (command == "say") {
    ws::broadcast(ws::connections(), key);
    return "said";
  }
  if (command == "leave") {
    for (ws::Client server : ws::connections()) server.close(1000, "");
    return "left";
  }
  return command;
}

// Returns the text up to the next space, and removes both.
static std::string word(std::string_view &rest) {
  std::size_t end = std::min(rest.find(' '), rest.size());
  std::string first(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return first;
}

class Capabilities : public ws::Handler {
  bool connected(ws::Client client, ws::Handshake &handshake) override {
    for (const std::string &name : client.request().offered_subprotocols()) {
      if (name != "relay") continue;
      handshake.choose_subprotocol(name);
      client.send("x-test: " + client.request().header("x-test").value_or("none"));
    }
    return true;
  }

  void received_text(ws::Client client, std::string_view message) override {
    if (client.url()) {
      std::string line = client.request().subprotocol().value_or("none") + ": " + std::string(message);
      ws::broadcast(ws::clients(), line);
      return;
    }
    std::string command = word(message), key = word(message), value = word(message);
    Answer answer = answer_to(command, key, value);
    client.send(answer ? *answer : "error: " + std::string(ws::error()));
  }

  void fired(std::uint64_t timer) override { ws::broadcast(ws::clients(), "timer " + std::to_string(timer)); }

  void disconnected(ws::Client client, const ws::Disconnection &end) override {
    if (std::optional<std::string> url = client.url()) ws::broadcast(ws::clients(), end.cause() + ": " + *url);
  }
};

WS_HANDLER(Capabilities)
