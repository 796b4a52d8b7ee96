"""Fails in every way that a text message asks for."""

import json

from ws_host import Client, CustomMessage, Disconnection, Handler, Handshake, SavedState, Value
from ws_host import broadcast, serve, set_timer


def fail(event: str) -> None:
    raise RuntimeError(f"on purpose, in {event}")


def recurse(depth: int) -> int:
    return 1 + recurse(depth + 1)


class Faults(Handler):
    def __init__(self) -> None:
        self.count = 0
        self.failing: str | None = None
        """The event that raises an exception the next time."""

    def fail_if_asked(self, event: str) -> None:
        if self.failing == event:
            self.failing = None
            fail(event)

    def connected(self, client: Client, handshake: Handshake) -> None:
        if client.request.raw_query == "throw":
            fail("connected")

    def text(self, client: Client, message: str) -> None:
        self.count += 1
        match message.split(" ", 2):
            case ["throw"]:
                fail("text")
            case ["throw-in", event]:
                self.failing = event
                client.send("noted")
            case ["expire"]:
                client.expire(60, 59.99)
            case ["fill"]:
                while client.send("x" * 60_000):
                    pass
            case ["recurse"]:
                recurse(0)
            case ["leak"]:
                client.send(bytes(1 << 20))
            case ["surrogate"]:
                client.send(json.loads('"half: \\ud800"'))
            case ["timer"]:
                set_timer(1, 0)
            case ["loop"]:
                while True:
                    pass
            case ["memory"]:
                kept = []
                while True:
                    kept.append(bytearray(1 << 20))
            case ["close", code, *reason]:
                client.close(int(code), "".join(reason))
            case ["gone"]:
                client.send(str(Client(client.id + 1000).send("are you there?")).lower())
            case ["id"]:
                client.send(str(client.id))
            case ["count"]:
                client.send(str(self.count))
            case _:
                client.send(message)

    def binary(self, client: Client, message: bytes) -> None:
        fail("binary")

    def pong(self, client: Client, payload: bytes) -> None:
        if payload == b"throw":
            fail("pong")

    def timer(self, timer: int) -> None:
        fail("timer")

    def disconnected(self, client: Client, end: Disconnection) -> None:
        self.fail_if_asked("disconnected")

    def drained(self, client: Client) -> None:
        self.fail_if_asked("drained")

    def expiring(self, client: Client) -> None:
        self.fail_if_asked("expiring")
        client.keep()
        client.send("expiring")

    def stopping(self) -> None:
        self.fail_if_asked("stopping")
        broadcast("stopping")

    def custom(self, message: CustomMessage) -> Value:
        text = message.text()
        if text == "throw":
            fail("custom")
        reply = f"{message.kind} of {message.sender}: {text}"
        if text == "fail":
            raise ValueError(reply)
        return reply

    def suspend(self) -> Value:
        self.fail_if_asked("suspend")
        if self.failing == "resume":
            print("the state is unusable")
        return {"count": self.count, "is_unusable": self.failing == "resume"}

    def resume(self, state: SavedState | None) -> None:
        saved = {} if state is None else state.json()
        if saved.get("is_unusable"):
            fail("resume")
        self.count = saved.get("count", 0)


serve(Faults())
