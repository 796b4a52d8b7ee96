"""The PyPI package `websockets`, with its asyncio interface."""

import ssl

import websockets
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from scenarios import Loop, main, plan

loop = Loop()
context = ssl.create_default_context(cafile=plan()["authority"])


class Socket:
    def __init__(self, socket):
        self._socket = socket
        self.subprotocol = socket.subprotocol
        self.extensions = [extension.name for extension in socket.protocol.extensions]

    def send(self, message):
        loop.run(self._socket.send(message))

    def receive(self):
        return loop.run(self._socket.recv())

    def close(self, code, reason):
        loop.run(self._socket.close(code, reason))

    def closed(self):
        try:
            loop.run(self._socket.recv())
        except ConnectionClosed as closed:
            return closed.rcvd.code, closed.rcvd.reason


def open(url, subprotocols=None):
    encryption = context if url.startswith("wss") else None
    return Socket(loop.run(connect(url, subprotocols=subprotocols, ssl=encryption, proxy=None)))


main(websockets.__version__, open)
