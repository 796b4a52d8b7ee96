// Who is in the chat, and their reminders: the state, which outlives the instance.

#ifndef PEOPLE_H
#define PEOPLE_H

#include "names.h"

typedef struct {
  ws_client client;
  char name[NAME_SIZE];
} person;

// The people in the order in which they arrived.
extern person *people;
extern size_t people_count;

// How many have arrived so far.
extern uint64_t arrivals;

person *find_person(ws_client client);
person *add_person(ws_client client, ws_string name);
void remove_person(person *someone);

// A name for somebody who has not chosen one: guest-N.
ws_string guest_name(void);

// Whether anybody but `except` has the name.
bool is_taken(ws_string name, const person *except);

// A line that is sent when its timer is due.
typedef struct {
  uint64_t timer;
  ws_client client;
  char *text;
} reminder;

uint64_t add_reminder(ws_client client, ws_string text);
// Takes a reminder out of the state. Its text is NULL if there is none.
reminder take_reminder(uint64_t timer);

ws_bytes save_people(void);
bool load_people(ws_bytes state);

#endif
