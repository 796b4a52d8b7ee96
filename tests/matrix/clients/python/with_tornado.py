"""The PyPI package `tornado`."""

import tornado
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from scenarios import Loop, main, plan

loop = Loop()
authority = plan()["authority"]


class Socket:
    extensions = None

    def __init__(self, socket):
        self._socket = socket
        self.subprotocol = socket.selected_subprotocol

    def send(self, message):
        async def send():
            await self._socket.write_message(message, binary=isinstance(message, bytes))

        loop.run(send())

    def receive(self):
        async def receive():
            return await self._socket.read_message()

        message = loop.run(receive())
        if message is None:
            raise ConnectionError(f"closed with {self._socket.close_code}")
        return message

    def close(self, code, reason):
        async def close():
            self._socket.close(code, reason)

        loop.run(close())

    def closed(self):
        try:
            self.receive()
        except ConnectionError:
            pass
        return self._socket.close_code, self._socket.close_reason


def open(url, subprotocols=None):
    async def connect():
        request = HTTPRequest(url, ca_certs=authority)
        return await websocket_connect(request, subprotocols=subprotocols, compression_options={})

    return Socket(loop.run(connect()))


main(tornado.version, open)
