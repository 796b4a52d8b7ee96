"""The scenarios of every client in Python.

A client is a function `open(url, subprotocols=[])` that returns a socket after the handshake. A socket has the methods
`send(str or bytes)`, `receive()`, `close(code, reason)` and `closed()`, which waits for the end and returns code and
reason. `subprotocol` and `extensions` are the negotiated ones. A value that the client does not report is None.
Clients for asyncio run their event loop inside these calls: see `Loop`.
"""

import asyncio
import json
import sys

PHRASE = "grüße, 世界, 🦀 "


class NotApplicable(Exception):
    """By design, the client cannot do this."""


def plan():
    return json.loads(sys.argv[1])


def text_of(size):
    """Returns a text of `size` bytes, not only ASCII."""
    length = len(PHRASE.encode())
    return PHRASE * (size // length) + "x" * (size % length)


def bytes_of(size):
    return bytes(index * 31 & 0xFF for index in range(size))


def check(holds, why):
    if not holds:
        raise AssertionError(why)


def echoes(socket, message):
    socket.send(message)
    answer = socket.receive()
    what = f"the echo of {len(message)} {'characters' if isinstance(message, str) else 'bytes'}"
    check(type(answer) is type(message), f"{what} is a {type(answer).__name__}")
    check(len(answer) == len(message), f"{what} has {len(answer)}")
    check(answer == message, f"{what} differs")


def leave(socket):
    socket.close(1000, "")
    socket.closed()


def text(open, url, sizes):
    socket = open(url)
    for size in sizes:
        echoes(socket, text_of(size))
    leave(socket)


def binary(open, url, sizes):
    socket = open(url)
    for size in sizes:
        echoes(socket, bytes_of(size))
    leave(socket)


def in_flight(open, url, _):
    socket = open(url)
    sent = [f"{number} {text_of(number * 7 % 300)}" for number in range(500)]
    for message in sent:
        socket.send(message)
    for message in sent:
        check(socket.receive() == message, f"{message!r} did not come back in order")
    leave(socket)


def subprotocol(open, url, _):
    socket = open(url, subprotocols=["first.v1", "second.v2"])
    check(socket.subprotocol == "second.v2", f"the chosen subprotocol is {socket.subprotocol!r}")
    check(socket.receive() == "welcome", "the handler did not send its welcome")
    leave(socket)


def ping(open, url, _):
    socket = open(url)
    socket.send("are you there?")
    reported = socket.receive()
    check(reported == "pong are you there?", f"the handler reports {reported!r}")
    leave(socket)


def client_closes(open, url, _):
    socket = open(url)
    socket.close(4001, "enough 🦀")
    code, _ = socket.closed()
    check(code in (None, 4001), f"the answer is {code}")


def server_closes(open, url, _):
    socket = open(url)
    socket.send("close 4002 not today 🦀")
    code, reason = socket.closed()
    check(code == 4002, f"the code is {code}")
    check(reason == "not today 🦀", f"the reason is {reason!r}")


def refused(open, url, _):
    try:
        open(url)
    except Exception:
        return
    raise AssertionError("opened although the server refuses it")


def compressed(open, url, _):
    socket = open(url)
    socket.send("request")
    request = socket.receive()
    for round in range(20):
        echoes(socket, f"{round} {text_of(300 * round)}")
    echoes(socket, text_of(200000))
    echoes(socket, "short")
    leave(socket)
    if "sec-websocket-extensions" not in request:
        raise NotApplicable("offers no compression and is served uncompressed")
    agreed = socket.extensions
    check(agreed is None or "permessage-deflate" in agreed, f"negotiated {agreed}")


def wss(open, url, _):
    socket = open(url)
    for size in (1, 126, 65536, 300000):
        echoes(socket, text_of(size))
        echoes(socket, bytes_of(size))
    leave(socket)


SCENARIOS = {
    "text": text,
    "binary": binary,
    "in flight": in_flight,
    "subprotocol": subprotocol,
    "ping": ping,
    "client closes": client_closes,
    "server closes": server_closes,
    "refused": refused,
    "compressed": compressed,
    "compressed with context": compressed,
    "wss": wss,
}


class Loop:
    """An asyncio event loop that runs only during a call."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)

    def run(self, awaitable):
        return self._loop.run_until_complete(awaitable)


def main(version, open):
    """Runs the plan given on the command line."""
    print(json.dumps({"version": version}), flush=True)
    asked = plan()
    for name in asked["scenarios"]:
        outcome, why = "passed", ""
        try:
            SCENARIOS[name](open, asked["urls"][name], asked["sizes"])
        except NotApplicable as reason:
            outcome, why = "not applicable", str(reason)
        except Exception as error:
            outcome, why = "failed", f"{type(error).__name__}: {error}"
        print(json.dumps({"scenario": name, "outcome": outcome, "why": why}), flush=True)
