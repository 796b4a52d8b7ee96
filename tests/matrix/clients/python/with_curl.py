"""libcurl, by the PyPI package `curl_cffi` that carries one."""

import curl_cffi
from curl_cffi.const import CurlWsFlag
from curl_cffi.requests import Session

from scenarios import NotApplicable, main, plan

session = Session(verify=plan()["authority"])


class Socket:
    extensions = None
    subprotocol = None

    def __init__(self, socket):
        self._socket = socket
        self._end = None

    def send(self, message):
        if isinstance(message, str):
            self._socket.send_str(message)
        else:
            self._socket.send_binary(message)

    def receive(self):
        octets, flags = self._socket.recv()
        if flags & CurlWsFlag.CLOSE:
            self._end = int.from_bytes(octets[:2], "big"), octets[2:].decode()
            raise ConnectionError(f"closed with {self._end}")
        return octets.decode() if flags & CurlWsFlag.TEXT else octets

    def close(self, code, reason):
        # It leaves without waiting for an answer.
        self._socket.close(code, reason)
        self._end = None, None

    def closed(self):
        if not self._end:
            try:
                self.receive()
            except ConnectionError:
                pass
        return self._end


def open(url, subprotocols=None):
    if subprotocols:
        raise NotApplicable("does not tell the subprotocol that was chosen")
    return Socket(session.ws_connect(url))


main(curl_cffi.__curl_version__.split()[0], open)
