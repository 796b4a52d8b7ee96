"""What the host calls. Each class implements one interface of the contract."""

from itertools import accumulate, pairwise
from typing import Any, Callable

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import burst, custom, state

from . import _handler
from ._client import Client
from ._data import CustomMessage, SavedState, Value, to_bytes
from ._handler import report, text_for_clients
from ._request import Disconnection, Handshake, Rejection

served: Any = _handler.served
if served is None:
    raise RuntimeError("handler.py does not call serve(...)")


def call(event: str, client: Client, *values: object) -> None:
    """Calls a function of the handler. An exception goes to `failed`."""
    try:
        getattr(served, event)(client, *values)
    except Exception as error:
        try:
            served.failed(client, error, event)
        except Exception as another:
            _handler.Handler.failed(served, client, another, "failed")


def log_errors(event: str, function: Callable[..., Any], *values: object) -> Any:
    """Calls a function. An exception goes to the log."""
    try:
        return function(*values)
    except Exception as error:
        report(error, event)
        return None


class Handler(exports.Handler):
    def connected(self, client: int) -> bool:
        handshake = Handshake(client)
        try:
            try:
                served.connected(Client(client), handshake)
            except Rejection as rejection:
                handshake._refuse(rejection)
                return False
        except Exception as error:
            report(error, f"{Client(client)}, connected")
            handshake._refuse(Rejection(500, text_for_clients(error, "The handler failed.") + "\n"))
            return False
        return True

    def received_text(self, client: int, message: str) -> None:
        call("text", Client(client), message)

    def received_binary(self, client: int, message: bytes) -> None:
        call("binary", Client(client), message)

    def received_pong(self, client: int, payload: bytes) -> None:
        call("pong", Client(client), payload)

    def disconnected(self, client: int) -> None:
        event = f"{Client(client)}, disconnected"
        log_errors(event, served.disconnected, Client(client), Disconnection(client))


class BurstListener(exports.BurstListener):
    def received_burst(self, client: int) -> None:
        sender = Client(client)
        while (messages := burst.next_many()) is not None:
            contents, ends = messages.value
            event = "text" if isinstance(contents, str) else "binary"
            if isinstance(contents, str) and not contents.isascii():
                ends = in_characters(contents, ends)
            start, has_begun = 0, True
            for end in ends:
                # The host has begun only the first of these messages.
                if not has_begun and not burst.advance():
                    return
                call(event, sender, contents[start:end])
                start, has_begun = end, False
            if len(ends) > 1:
                # Usually nothing is left. If something is, it follows in another call.
                return


def in_characters(text: str, ends: list[int]) -> list[int]:
    """Returns positions in a text that are given in bytes of its UTF-8."""
    encoded = text.encode()
    lengths = (len(encoded[start:end].decode()) for start, end in pairwise([0, *ends]))
    return list(accumulate(lengths))


class Lifecycle(exports.Lifecycle):
    def suspend(self) -> bytes | None:
        value = log_errors("suspend", served.suspend)
        return None if value is None else log_errors("suspend", to_bytes, value)

    def resume(self, bytes: bytes | None) -> None:
        saved = None
        if bytes is not None:
            saved = SavedState(bytes)
            saved.age = state.age()
        answer(lambda: served.resume(saved), "resume")


class TimersListener(exports.TimersListener):
    def fired(self, timer: int) -> None:
        log_errors("timer", served.timer, timer)


class CustomListener(exports.CustomListener):
    def received_custom(self, message: bytes) -> bytes:
        data = CustomMessage(message)
        data.kind, data.sender = custom.kind(), custom.sender()
        return answer(lambda: to_reply(served.custom(data)), "custom")


def to_reply(value: Value | None) -> bytes:
    """Returns the reply to a custom message."""
    return b"" if value is None else to_bytes(value)


def answer(function: Callable[[], Any], event: str) -> Any:
    """Calls a function. An exception goes to the log, and to the host."""
    try:
        return function()
    except Exception as error:
        report(error, event)
        raise Err((str(error) or type(error).__name__).encode(errors="replace").decode()) from None


class DrainedListener(exports.DrainedListener):
    def drained(self, client: int) -> None:
        call("drained", Client(client))


class ExpiryListener(exports.ExpiryListener):
    def expiring(self, client: int) -> None:
        call("expiring", Client(client))


class StopListener(exports.StopListener):
    def stopping(self) -> None:
        log_errors("stopping", served.stopping)
