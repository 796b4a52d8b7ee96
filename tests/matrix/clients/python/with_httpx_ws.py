"""The PyPI package `httpx-ws`."""

import contextlib
import importlib.metadata
import ssl

import httpx
import wsproto.events
from httpx_ws import connect_ws, WebSocketDisconnect

from scenarios import main, plan

context = ssl.create_default_context(cafile=plan()["authority"])
client = httpx.Client(verify=context)


class Socket:
    def __init__(self, url, subprotocols):
        self._stack = contextlib.ExitStack()
        # The largest message of the plan exceeds the default limit.
        self._socket = self._stack.enter_context(
            connect_ws(url, client, subprotocols=subprotocols, max_message_size_bytes=1 << 21)
        )
        self.subprotocol = self._socket.subprotocol
        self.extensions = self._socket.response.headers.get("sec-websocket-extensions", "")
        self._end = None

    def send(self, message):
        if isinstance(message, str):
            self._socket.send_text(message)
        else:
            self._socket.send_bytes(message)

    def receive(self):
        event = self._socket.receive()
        if not isinstance(event, (wsproto.events.TextMessage, wsproto.events.BytesMessage)):
            raise ConnectionError(f"{event}")
        return event.data if isinstance(event.data, str) else bytes(event.data)

    def close(self, code, reason):
        # It does not wait for the answer.
        self._socket.close(code, reason)
        self._end = None, None

    def closed(self):
        if not self._end:
            try:
                self._socket.receive()
            except WebSocketDisconnect as closed:
                self._end = closed.code, closed.reason
        self._stack.close()
        return self._end


def open(url, subprotocols=None):
    return Socket(url, subprotocols)


main(importlib.metadata.version("httpx-ws"), open)
