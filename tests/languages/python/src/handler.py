"""Fails in every way that a text message asks for."""

from ws_host import Client, Disconnection, Handler, Handshake, serve, set_timer


def fail(event: str) -> None:
    raise RuntimeError(f"on purpose, in {event}")


class Faults(Handler):
    def __init__(self) -> None:
        self.count = 0
        self.raises_on_leave: set[Client] = set()

    def connected(self, client: Client, handshake: Handshake) -> None:
        if client.request.raw_query == "throw":
            fail("connected")

    def text(self, client: Client, message: str) -> None:
        self.count += 1
        match message.split(" ", 2):
            case ["throw"]:
                fail("text")
            case ["/throw-on-leave"]:
                self.raises_on_leave.add(client)
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
        if client in self.raises_on_leave:
            fail("disconnected")


serve(Faults())
