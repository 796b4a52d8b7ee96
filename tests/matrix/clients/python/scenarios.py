"""What every client in Python is asked to do.

A client is a function `open(url, subprotocols=[])` that gives a socket once the handshake is done, an object
with `send(str or bytes)`, `receive()`, `close(code, reason)` and `closed()`, which waits for the end and gives
code and reason. `subprotocol` and `extensions` are what was agreed on. What a client does not tell is None.
Clients of asyncio run their loop inside of these calls: see `Loop`.
"""

import asyncio
import json
import sys

PHRASE = "grüße, 世界, 🦀 "


class NotApplicable(Exception):
    """A client cannot do this by design."""


def plan():
    return json.loads(sys.argv[1])


def text_of(size):
    """A text of so many data, not only ASCII."""
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
    what = f"the echo of {len(message)} {'characters' if isinstance(message, str) else 'octets'}"
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
        check(socket.receive() == message, f"{message!r} did not come in its turn")
    leave(socket)


def subprotocol(open, url, _):
    socket = open(url, subprotocols=["first.v1", "second.v2"])
    check(socket.subprotocol == "second.v2", f"chosen is {socket.subprotocol!r}")
    check(socket.receive() == "welcome", "no welcome")
    leave(socket)


def ping(open, url, _):
    socket = open(url)
    socket.send("are you there?")
    told = socket.receive()
    check(told == "pong are you there?", f"the handler says {told!r}")
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
    told = socket.extensions
    check(told is None or "permessage-deflate" in told, f"agreed on {told}")


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
    """A loop of asyncio that runs as long as somebody waits."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)

    def run(self, awaitable):
        return self._loop.run_until_complete(awaitable)


def main(version, open):
    """Runs the plan of the command line."""
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
