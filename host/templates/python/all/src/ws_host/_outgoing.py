"""WebSockets that the handler opens: it is the client of other servers."""

from typing import Iterable, Mapping

from componentize_py_types import Err
from wit_world.imports import outgoing as host

from ._client import Client
from ._data import to_bytes
from ._host import EXPLANATIONS, text


class ConnectError(ConnectionError):
    """A WebSocket may not be opened."""

    def __init__(self, code: str) -> None:
        super().__init__(_REASONS.get(code) or EXPLANATIONS.get(code, code))
        self.code = code
        """Why: `not-granted`, `invalid-url`, `invalid-subprotocol`, `invalid-header`, `too-long`, `too-many` or
        `stopping`. More may be added."""


_REASONS = {
    "invalid-header": "a header is not valid, or only the host may set it",
    "not-granted": "the configuration does not grant this server: the log says what to add to `grant`",
    "too-many": "the instance has 16 connections, or the resource has 1,024",
}


def connect(
    url: str,
    *,
    subprotocols: Iterable[str] = (),
    headers: Mapping[str, str | bytes] | Iterable[tuple[str, str | bytes]] = (),
) -> Client:
    """Begins to open a WebSocket to a server that `grant` in the configuration names (`wss://` or `ws://`).

    Returns the connection at once. It is used like a client: what is sent waits until it is open, what the server sends
    arrives in `text` and `binary`, and `disconnected` is its last event. `connected` is not called for it. If it cannot
    be opened, `disconnected` is called with the cause `not-opened`, and the reason says why.

    The server chooses at most one of the subprotocols, which `request.subprotocol` returns. The headers, such as
    `authorization`, are added to the request.

    Raises ConnectError if the WebSocket may not be opened.
    """
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    with host.ConnectOptions() as options:
        try:
            for name in subprotocols:
                options.add_subprotocol(text(name))
            for name, value in pairs:
                options.add_header(text(name), to_bytes(value))
            return Client(host.connect(text(url), options))
        except Err as error:
            raise ConnectError(error.value) from None


def connections() -> list[Client]:
    """Returns the connections that this instance has opened, or is opening. `clients` does not return them."""
    return [Client(id) for id in host.connections()]
