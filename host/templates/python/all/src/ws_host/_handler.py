"""What a handler does with its events."""

import os
import sys
import traceback

from wit_world.imports import state

from ._client import Client
from ._data import CustomMessage, SavedState, Value
from ._request import Disconnection, Handshake

# The longest reason of a close frame, in bytes.
_LONGEST_REASON = 123


class Handler:
    """The base class of handlers. Override what you need. Events arrive one at a time.

    An exception in an event goes to the log with its traceback, and the event's client is closed with 1011; see
    `failed`. The instance continues.
    """

    def connected(self, client: Client, handshake: Handshake) -> None:
        """A client asks to connect. Messages that are sent to it here follow right after the handshake.

        Raise `Rejection` to refuse it. After any other exception the client gets 500.
        """

    def text(self, client: Client, message: str) -> None:
        """A text message. By default, closes the client with 1003."""
        client.close(1003, "this resource takes no text")

    def binary(self, client: Client, message: bytes) -> None:
        """A binary message. By default, closes the client with 1003."""
        client.close(1003, "this resource takes no binary messages")

    def pong(self, client: Client, payload: bytes) -> None:
        """A pong, whether it answers `client.ping` or not. Answers to the host's own pings do not arrive here."""

    def disconnected(self, client: Client, end: Disconnection) -> None:
        """The last event of a client. Nothing can be sent to it; its `request` and `attachment` still work."""

    def timer(self, timer: int) -> None:
        """A timer that `set_timer` set is due."""

    def custom(self, message: CustomMessage) -> Value | None:
        """A message from the operator of the server, or from the program that embeds the host. Returns the reply.

        An exception is answered with its message.
        """
        raise NotImplementedError("this handler takes no custom messages")

    def drained(self, client: Client) -> None:
        """There is room again for a client after `send` returned False because its buffer was full."""

    def expiring(self, client: Client) -> None:
        """The client expires soon, as `client.expire` announced. It is closed unless it gets more time."""

    def stopping(self) -> None:
        """The server stops. The clients are still open; they are closed when this function returns."""

    def suspend(self) -> Value | None:
        """Returns the state for the instance that takes over: new code after a reload, this code after hibernation.

        With checkpoints it is also called in between, and the same instance continues. With None, the default, a
        reload starts over, and the instance never hibernates. `reason()` tells why it is called.
        """
        return None

    def resume(self, state: SavedState | None) -> None:
        """Takes over from an earlier instance: the first event of any instance but the very first.

        The state is None if there is none, for example after a fault without a checkpoint. After an exception the
        state counts as unusable, and the code that produced it continues with it.
        """

    def failed(self, client: Client, error: Exception, event: str) -> None:
        """An event of this client raised an exception. By default, logs it and closes the client with 1011.

        Not called for `connected` and `disconnected`.
        """
        report(error, f"{client}, {event}")
        client.close(1011, text_for_clients(error, "the handler failed"))


def reason() -> str | None:
    """Returns why `suspend` or `resume` is called: `reload`, `hibernation`, `checkpoint`, `fault` or `rollback`."""
    return state.reason()


served: Handler | None = None


def serve(handler: Handler) -> None:
    """Makes an object the handler of this component. Call it once, at the top level of handler.py."""
    global served
    if not isinstance(handler, Handler):
        raise TypeError("serve takes an object of your class: serve(Chat())")
    if served is not None:
        raise RuntimeError("serve was called twice")
    served = handler


def report(error: BaseException, event: str) -> None:
    """Writes an exception to the log, without the lines of this package that called the handler."""
    start = error.__traceback__
    while start is not None and start.tb_next is not None and "/ws_host/" in start.tb_frame.f_code.co_filename:
        start = start.tb_next
    print(f"{event}:", file=sys.stderr)
    traceback.print_exception(error.with_traceback(start))


def text_for_clients(error: BaseException, otherwise: str) -> str:
    """Returns the exception if the host was started for development. Nobody else should see it."""
    if "WS_HOST_DEV" not in os.environ:
        return otherwise
    text = "".join(traceback.format_exception_only(error)).strip()
    return text.encode(errors="replace")[:_LONGEST_REASON].decode(errors="ignore")
