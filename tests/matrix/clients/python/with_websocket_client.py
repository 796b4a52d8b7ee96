"""The PyPI package `websocket-client`."""

import websocket
from websocket import ABNF

from scenarios import main, plan

authority = plan()["authority"]


class Socket:
    extensions = None

    def __init__(self, socket):
        self._socket = socket
        self._end = None
        self.subprotocol = socket.getsubprotocol()

    def send(self, message):
        if isinstance(message, str):
            self._socket.send(message)
        else:
            self._socket.send_binary(message)

    def receive(self):
        kind, data = self._socket.recv_data()
        if kind == ABNF.OPCODE_CLOSE:
            self._end = int.from_bytes(data[:2], "big"), data[2:].decode()
            raise ConnectionError(f"closed with {self._end}")
        return data.decode() if kind == ABNF.OPCODE_TEXT else data

    def close(self, code, reason):
        self._socket.send_close(code, reason.encode())

    def closed(self):
        try:
            self.receive()
        except ConnectionError:
            self._socket.shutdown()
        return self._end


def open(url, subprotocols=None):
    return Socket(
        websocket.create_connection(url, subprotocols=subprotocols, sslopt={"ca_certs": authority})
    )


main(websocket.__version__, open)
