"""The SDK: what a handler imports.

    from ws_host import Client, Handler, serve

    class Echo(Handler):
        def text(self, client: Client, message: str) -> None:
            client.send(message)

    serve(Echo())
"""

from ._client import Client, clients
from ._data import CustomMessage, SavedState, Value
from ._handler import Handler, reason, serve
from ._log import Level, is_logged, log
from ._outgoing import ConnectError, connect, connections
from ._request import Disconnection, Handshake, Rejection, Request
from ._send import Message, broadcast, close_tagged, publish, send_tagged, subscribers, tagged
from ._timers import TimerError, cancel_timer, set_durable_timer, set_timer

__all__ = [
    "Client",
    "ConnectError",
    "CustomMessage",
    "Disconnection",
    "Handler",
    "Handshake",
    "Level",
    "Message",
    "Rejection",
    "Request",
    "SavedState",
    "TimerError",
    "Value",
    "broadcast",
    "cancel_timer",
    "clients",
    "close_tagged",
    "connect",
    "connections",
    "is_logged",
    "log",
    "publish",
    "reason",
    "send_tagged",
    "serve",
    "set_durable_timer",
    "set_timer",
    "subscribers",
    "tagged",
]
