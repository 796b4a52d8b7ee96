"""A chat room with names and reminders. Every message is a line of text."""

import re

from names import NameTaken, check_name
from ws_host import Client, Disconnection, Handler, Handshake, Rejection, SavedState, Value
from ws_host import broadcast, clients, serve, set_timer


class Chat(Handler):
    def __init__(self) -> None:
        self.arrivals = 0
        self.people: dict[Client, str] = {}  # In order of arrival.
        self.reminders: dict[int, tuple[Client, str]] = {}  # By the numbers of their timers.
        self.last_reminder = 0

    def connected(self, client: Client, handshake: Handshake) -> None:
        name = client.request.query.get("name")
        if name is None:
            name = self.guest_name()
        else:
            try:
                name = check_name(name, self.people.values())
            except NameTaken as problem:
                raise Rejection(409, f"{problem}\n")
            except ValueError as problem:
                raise Rejection(400, f"{problem}\n")
            self.arrivals += 1
        client.send(f"* you are {name}")
        if self.people:
            client.send(f"* here: {', '.join(self.people.values())}")
        self.people[client] = name
        broadcast(f"* {name} joined", exclude=client)

    def text(self, client: Client, message: str) -> None:
        line = message.strip()
        match line.split(maxsplit=1):
            case []:
                pass
            case ["/name", *rest]:
                self.rename(client, "".join(rest))
            case ["/remind", *rest]:
                self.remind(client, "".join(rest))
            case _:
                broadcast(f"{self.people[client]}: {line}")

    def binary(self, client: Client, message: bytes) -> None:
        client.close(1003, "this is a chat: text only")

    def disconnected(self, client: Client, end: Disconnection) -> None:
        broadcast(f"* {self.people.pop(client)} left")

    def timer(self, timer: int) -> None:
        if timer in self.reminders:
            client, text = self.reminders.pop(timer)
            client.send(f"* reminder: {text}")

    def suspend(self) -> Value:
        """A reload replaces this code while the clients stay connected."""
        people = [(client.id, name) for client, name in self.people.items()]
        reminders = [(timer, client.id, text) for timer, (client, text) in self.reminders.items()]
        return [self.arrivals, people, self.last_reminder, reminders]

    def resume(self, state: SavedState | None) -> None:
        if state is None:  # There was a fault, and nothing was saved.
            for client in clients():
                self.people[client] = self.guest_name()
            return
        self.arrivals, people, self.last_reminder, reminders = state.json()
        self.people = {Client(id): name for id, name in people}
        self.reminders = {timer: (Client(id), text) for timer, id, text in reminders}

    def guest_name(self) -> str:
        self.arrivals += 1
        number = self.arrivals
        while f"guest-{number}" in map(str.lower, self.people.values()):
            number += 1
        return f"guest-{number}"

    def rename(self, client: Client, wanted: str) -> None:
        old = self.people[client]
        try:
            name = check_name(wanted, (other for other in self.people.values() if other != old))
        except ValueError as problem:
            client.send(f"! {problem}")
            return
        self.people[client] = name
        broadcast(f"* {old} is now {name}")

    def remind(self, client: Client, request: str) -> None:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s+(.+)", request, re.ASCII)
        if match is None or float(match[1]) > 3600:
            client.send("! use /remind SECONDS TEXT")
            return
        self.last_reminder += 1
        self.reminders[self.last_reminder] = (client, match[2])
        set_timer(self.last_reminder, float(match[1]))
        client.send(f"* in {match[1]} s: {match[2]}")


serve(Chat())
