"""Fails in every way that a text message asks for."""

import json

from ws_host import Client, CustomMessage, Disconnection, Handler, Handshake, SavedState, Value
from ws_host import broadcast, log, publish, serve, set_timer

from everything import connecting, everything

# The last character is half a surrogate pair, which UTF-8 cannot express.
INVALID = json.loads('"half: \\ud800"')


def fail(event: str) -> None:
    raise RuntimeError(f"on purpose, in {event}")


def use_invalid_text(client: Client, where: str) -> None:
    match where:
        case "send":
            client.send(INVALID)
        case "options":
            client.send(INVALID, compression="never")
        case "broadcast":
            broadcast(INVALID, to=[client])
        case "publish":
            publish("news", INVALID)
        case "topic":
            client.subscribe(INVALID)
        case "bytes":
            client.subscribe(b"news")  # type: ignore[arg-type]
        case "tag":
            client.tag(INVALID)
        case "level":
            log(INVALID, "of an unknown level")
        case "log":
            log("info", INVALID)
            log("info", {"a": 1})
            client.send("logged")
        case "close":
            client.close(4000, INVALID)


def recurse(depth: int) -> int:
    return 1 + recurse(depth + 1)


class Faults(Handler):
    def __init__(self) -> None:
        self.count = 0
        self.failing: str | None = None
        """The event that raises an exception the next time."""
        self.failures: str | None = None
        """How this object handles failures itself."""

    def fail_if_asked(self, event: str) -> None:
        if self.failing == event:
            self.failing = None
            fail(event)

    def failed(self, client: Client, error: Exception, event: str) -> None:
        match self.failures:
            case "well":
                client.send(f"failed in {event}: {error}")
            case "badly":
                fail("failed")
            case _:
                super().failed(client, error, event)

    def connected(self, client: Client, handshake: Handshake) -> None:
        connecting(handshake)
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
            case ["handle-failures", how]:
                self.failures = how
                client.send("noted")
            case ["invalid", where]:
                use_invalid_text(client, where)
            case ["everything"]:
                everything(client)
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
        print(f"ended: {end.cause} {end.code} {end.sent_code or 0} {str(end.clean).lower()} {end.reason}")

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
