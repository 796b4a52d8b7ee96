"""The PyPI package `aiohttp`."""

import ssl

import aiohttp
from aiohttp import WSMsgType

from scenarios import Loop, main, plan

loop = Loop()
context = ssl.create_default_context(cafile=plan()["authority"])


class Socket:
    def __init__(self, session, socket):
        self._session = session
        self._socket = socket
        self._end = None
        self.subprotocol = socket.protocol
        self.extensions = "permessage-deflate" if socket.compress else ""

    def send(self, message):
        send = self._socket.send_str if isinstance(message, str) else self._socket.send_bytes
        loop.run(send(message))

    def receive(self):
        message = loop.run(self._socket.receive())
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            self._end = message.data, message.extra
            raise ConnectionError(f"{message}")
        return message.data

    def close(self, code, reason):
        loop.run(self._socket.close(code=code, message=reason.encode()))
        self._end = self._socket.close_code, None

    def closed(self):
        if not self._end:
            try:
                self.receive()
            except ConnectionError:
                pass
        loop.run(self._session.close())
        return self._end


async def connect(url, subprotocols):
    session = aiohttp.ClientSession()
    try:
        socket = await session.ws_connect(
            url, protocols=subprotocols, ssl=context, max_msg_size=0, compress=15
        )
    except Exception:
        await session.close()
        raise
    return Socket(session, socket)


def open(url, subprotocols=()):
    return loop.run(connect(url, subprotocols))


main(aiohttp.__version__, open)
