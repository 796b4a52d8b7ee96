#include "people.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

person *people;
size_t people_count;
uint64_t arrivals;

static reminder *reminders;
static size_t reminder_count;
static uint64_t last_timer;

static void *grown(void *list, size_t count, size_t each) {
  // Space for a power of two.
  if (count & (count - 1)) return list;
  list = realloc(list, (count ? 2 * count : 1) * each);
  if (!list) abort();
  return list;
}

person *find_person(ws_client client) {
  for (size_t i = 0; i < people_count; i++)
    if (people[i].client == client) return &people[i];
  return NULL;
}

person *add_person(ws_client client, ws_string name) {
  people = grown(people, people_count, sizeof *people);
  person *someone = &people[people_count++];
  someone->client = client;
  snprintf(someone->name, sizeof someone->name, "%.*s", (int)name.size, name.data);
  return someone;
}

void remove_person(person *someone) {
  size_t behind = (size_t)(people + people_count - someone) - 1;
  memmove(someone, someone + 1, behind * sizeof *someone);
  people_count -= 1;
}

bool is_taken(ws_string name, const person *except) {
  for (size_t i = 0; i < people_count; i++)
    if (&people[i] != except && same_name(people[i].name, name.data)) return true;
  return false;
}

ws_string guest_name(void) {
  for (uint64_t number = arrivals;; number++) {
    ws_string name = ws_format("guest-%llu", (unsigned long long)number);
    if (!is_taken(name, NULL)) return name;
  }
}

static void restore_reminder(uint64_t timer, ws_client client, ws_string text) {
  reminders = grown(reminders, reminder_count, sizeof *reminders);
  char *copy = strndup(text.data, text.size);
  if (!copy) abort();
  reminders[reminder_count++] = (reminder){timer, client, copy};
}

uint64_t add_reminder(ws_client client, ws_string text) {
  restore_reminder(++last_timer, client, text);
  return last_timer;
}

reminder take_reminder(uint64_t timer) {
  for (size_t i = 0; i < reminder_count; i++) {
    reminder found = reminders[i];
    if (found.timer != timer) continue;
    reminders[i] = reminders[--reminder_count];
    return found;
  }
  return (reminder){0};
}

// The state is text: a line of counters, a line for each person, and a line with the length of the text, and
// the text, for each reminder.
ws_bytes save_people(void) {
  size_t size = 64 + people_count * (NAME_SIZE + 32);
  for (size_t i = 0; i < reminder_count; i++) size += 72 + strlen(reminders[i].text);
  char *state = ws_alloc(size), *at = state;
  at += sprintf(at, "%llu %llu %zu %zu\n", arrivals, last_timer, people_count, reminder_count);
  for (size_t i = 0; i < people_count; i++) at += sprintf(at, "%llu %s\n", people[i].client, people[i].name);
  for (size_t i = 0; i < reminder_count; i++) {
    reminder one = reminders[i];
    at += sprintf(at, "%llu %llu %zu\n%s", one.timer, one.client, strlen(one.text), one.text);
  }
  return (ws_bytes){(const uint8_t *)state, (size_t)(at - state)};
}

bool load_people(ws_bytes state) {
  // There is a zero byte behind what comes from the host.
  const char *at = (const char *)state.data, *end = at + state.size;
  size_t new_people, new_reminders;
  int read;
  if (sscanf(at, "%llu %llu %zu %zu\n%n", &arrivals, &last_timer, &new_people, &new_reminders, &read) != 4)
    return false;
  at += read;
  while (new_people--) {
    ws_client client;
    const char *line_end = memchr(at, '\n', (size_t)(end - at));
    if (!line_end || sscanf(at, "%llu %n", &client, &read) != 1) return false;
    at += read;
    add_person(client, (ws_string){at, (size_t)(line_end - at)});
    at = line_end + 1;
  }
  while (new_reminders--) {
    uint64_t timer;
    ws_client client;
    size_t size;
    const char *line_end = memchr(at, '\n', (size_t)(end - at));
    if (!line_end || sscanf(at, "%llu %llu %zu", &timer, &client, &size) != 3) return false;
    at = line_end + 1;
    if (size > (size_t)(end - at)) return false;
    restore_reminder(timer, client, (ws_string){at, size});
    at += size;
  }
  return true;
}
