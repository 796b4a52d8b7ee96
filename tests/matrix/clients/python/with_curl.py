"""libcurl, in the version that the PyPI package `curl_cffi` bundles."""

import curl_cffi
from curl_cffi.const import CurlWsFlag
from curl_cffi.requests import Session, WebSocketTimeout

from scenarios import SCENARIOS, NotApplicable, check, main, plan

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

    def receive(self, timeout=None):
        data, flags = self._socket.recv(timeout=timeout)
        if flags & CurlWsFlag.CLOSE:
            self._end = int.from_bytes(data[:2], "big"), data[2:].decode()
            raise ConnectionError(f"closed with {self._end}")
        return data.decode() if flags & CurlWsFlag.TEXT else data

    def close(self, code, reason):
        # It does not wait for the answer.
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
        raise NotApplicable("does not report the chosen subprotocol")
    return Socket(session.ws_connect(url))


def ping(open, url, _):
    socket = open(url)
    socket.send("are you there?")
    try:
        report = socket.receive(timeout=3)
    except WebSocketTimeout:
        # libcurl sends the pong only together with the next message.
        socket.send("and now?")
        report = socket.receive()
        check(report == "pong are you there?", f"the handler reports {report!r}")
        raise NotApplicable("answers a ping only with the next message that it sends")
    check(report == "pong are you there?", f"the handler reports {report!r}")


SCENARIOS["ping"] = ping
# libcurl/VERSION-VARIANT, followed by the versions of its dependencies.
main(curl_cffi.__curl_version__.split()[0].split("/")[1].split("-")[0], open)
