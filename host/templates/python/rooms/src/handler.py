"""A room for each path: /room/kitchen and /room/garden have an instance of this code each."""

from ws_host import Client, Handler, Handshake, SavedState, Value, broadcast, clients, serve

KEPT = 20
"""How many lines a room keeps for those who come later."""


class Room(Handler):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def connected(self, client: Client, handshake: Handshake) -> None:
        client.send(f"* room {client.request.param('id')}, {len(clients())} here")
        for line in self.lines:
            client.send(line)

    def text(self, client: Client, message: str) -> None:
        self.lines = [*self.lines, message][-KEPT:]
        broadcast(message)

    def binary(self, client: Client, message: bytes) -> None:
        client.close(1003, "this is a chat: text only")

    def suspend(self) -> Value:
        """A room without events is reduced to this state, and wakes for the next event."""
        return self.lines

    def resume(self, state: SavedState | None) -> None:
        if state is not None:
            self.lines = state.json()


serve(Room())
