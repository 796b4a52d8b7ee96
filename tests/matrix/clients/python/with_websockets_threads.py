"""The PyPI package `websockets`, with its blocking interface."""

import ssl

import websockets
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from scenarios import main, plan

context = ssl.create_default_context(cafile=plan()["authority"])


class Socket:
    def __init__(self, socket):
        self._socket = socket
        self.subprotocol = socket.subprotocol
        self.extensions = [extension.name for extension in socket.protocol.extensions]
        self.send = socket.send
        self.receive = socket.recv
        self.close = socket.close

    def closed(self):
        try:
            self._socket.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code, closed.rcvd.reason


def open(url, subprotocols=None):
    encryption = context if url.startswith("wss") else None
    return Socket(connect(url, subprotocols=subprotocols, ssl=encryption, proxy=None))


main(websockets.__version__, open)
