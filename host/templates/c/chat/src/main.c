// {{name}}: a chat room. Each client gets a name, may change it, and receives what the others say.

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "people.h"

// Sends a line to all, or to all but one. A client that reads too slowly misses it: the chat waits for
// nobody.
static void send_to_all(ws_string line, ws_client except) {
  ws_client *clients = ws_alloc(people_count * sizeof *clients);
  size_t count = 0;
  for (size_t i = 0; i < people_count; i++)
    if (people[i].client != except) clients[count++] = people[i].client;
  ws_broadcast((ws_clients){clients, count}, ws_text_message(line), NULL);
}

static ws_string trimmed(ws_string text) {
  while (text.size && isspace((unsigned char)text.data[0])) text.data++, text.size--;
  while (text.size && isspace((unsigned char)text.data[text.size - 1])) text.size--;
  return ws_format("%.*s", (int)text.size, text.data);
}

static bool connected(ws_client client) {
  ws_string name = ws_request_query_value(client, "name");
  arrivals += 1;
  if (name.data) {
    name = trimmed(name);
    const char *problem = name_problem(name);
    bool taken = !problem && is_taken(name, NULL);
    if (problem || taken) {
      arrivals -= 1;
      ws_string body = ws_format("%s\n", taken ? "this name is already taken" : problem);
      return ws_refuse(client, taken ? 409 : 400, body);
    }
  } else {
    name = guest_name();
  }
  ws_send_text(client, ws_format("* you are %s", name.data));
  if (people_count) {
    ws_string here = ws_format("* here: %s", people[0].name);
    for (size_t i = 1; i < people_count; i++) here = ws_format("%s, %s", here.data, people[i].name);
    ws_send_text(client, here);
  }
  send_to_all(ws_format("* %s joined", name.data), 0);
  add_person(client, name);
  return true;
}

static void rename_person(person *someone, ws_string name) {
  const char *problem = name_problem(name);
  if (!problem && is_taken(name, someone)) problem = "this name is already taken";
  if (problem) {
    ws_send_text(someone->client, ws_format("! %s", problem));
    return;
  }
  ws_string line = ws_format("* %s is now %s", someone->name, name.data);
  memcpy(someone->name, name.data, name.size + 1);
  send_to_all(line, 0);
}

// Reads a number of seconds from 0 to 3600, such as 1.5. Returns milliseconds, or -1.
static int64_t parse_seconds(ws_string text) {
  size_t digits = strspn(text.data, "0123456789");
  size_t fraction = text.data[digits] == '.' ? strspn(text.data + digits + 1, "0123456789") : 0;
  size_t length = fraction ? digits + 1 + fraction : digits;
  double seconds = strtod(text.data, NULL);
  return digits && length == text.size && seconds <= 3600 ? (int64_t)(seconds * 1000) : -1;
}

static void remind(ws_client client, ws_string arguments) {
  size_t length = strcspn(arguments.data, " ");
  ws_string seconds = ws_format("%.*s", (int)length, arguments.data);
  ws_string text = trimmed((ws_string){arguments.data + length, arguments.size - length});
  int64_t after = parse_seconds(seconds);
  if (after < 0 || !text.size) {
    ws_send_text(client, ws_text("! use /remind SECONDS TEXT"));
    return;
  }
  uint64_t timer = add_reminder(client, text);
  if (!ws_set_timer(timer, (uint64_t)after)) {
    free(take_reminder(timer).text);
    ws_send_text(client, ws_text("! there are too many reminders"));
    return;
  }
  ws_send_text(client, ws_format("* in %s s: %s", seconds.data, text.data));
}

// Whether a line is this command. Its arguments are what follows.
static bool is_command(ws_string line, const char *command, ws_string *arguments) {
  size_t length = strlen(command);
  if (strncmp(line.data, command, length) ||
      (line.data[length] && !isspace((unsigned char)line.data[length])))
    return false;
  *arguments = trimmed((ws_string){line.data + length, line.size - length});
  return true;
}

static void received_text(ws_client client, ws_string message) {
  person *sender = find_person(client);
  ws_string line = trimmed(message), arguments;
  if (!sender || !line.size) return;
  if (is_command(line, "/name", &arguments)) {
    rename_person(sender, arguments);
  } else if (is_command(line, "/remind", &arguments)) {
    remind(client, arguments);
  } else {
    send_to_all(ws_format("%s: %s", sender->name, line.data), 0);
  }
}

static void received_binary(ws_client client, ws_bytes message) {
  (void)message;
  ws_close(client, 1003, ws_text("this is a chat: text only"));
}

static void disconnected(ws_client client) {
  person *someone = find_person(client);
  if (!someone) return;
  ws_string line = ws_format("* %s left", someone->name);
  remove_person(someone);
  send_to_all(line, 0);
}

static void fired(uint64_t timer) {
  reminder due = take_reminder(timer);
  if (!due.text) return;
  ws_send_text(due.client, ws_format("* reminder: %s", due.text));
  free(due.text);
}

static ws_bytes suspend(void) { return save_people(); }

static bool resume(ws_bytes state, ws_string *problem) {
  if (state.data) {
    if (load_people(state)) return true;
    *problem = ws_text("this is not the state of a chat");
    return false;
  }
  // The names are lost, after a fault for example. The clients are still there.
  ws_clients clients = ws_connected_clients();
  for (size_t i = 0; i < clients.size; i++) {
    arrivals += 1;
    add_person(clients.data[i], guest_name());
  }
  return true;
}

const ws_handler ws_host_handler = {
    .connected = connected,
    .received_text = received_text,
    .received_binary = received_binary,
    .disconnected = disconnected,
    .fired = fired,
    .suspend = suspend,
    .resume = resume,
};
