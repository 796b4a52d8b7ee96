"""The PyPI package `websockets` against an echo resource. Usage: python echo.py URL [compressed]

For wss, SSL_CERT_FILE names the file of the authority that signed the server's certificate.
"""

import asyncio
import sys

import websockets
from websockets.exceptions import ConnectionClosedError

# The host's default limit; one byte more is too long.
LIMIT = 1 << 20


async def echoes(socket, message):
    await socket.send(message)
    assert await socket.recv() == message, f"no echo of {len(message)}"


async def fragments():
    for part in ("fräg", "mën", "ted"):
        yield part


async def main(url, compression=None):
    options = {"compression": compression and "deflate", "max_size": None}
    async with websockets.connect(url, **options) as socket:
        assert socket.subprotocol is None
        extensions = [extension.name for extension in socket.protocol.extensions]
        assert extensions == (["permessage-deflate"] if compression else []), extensions
        for length in (0, 1, 125, 126, 65535, 65536, LIMIT):
            await echoes(socket, "x" * length)
            await echoes(socket, bytes(length))
        await echoes(socket, "grüße, 世界, 🦀")
        print("messages of every length: ok")

        await socket.send(fragments())
        assert await socket.recv() == "frägmënted"
        print("fragments: ok")

        await (await socket.ping(b"are you there?"))
        print("ping: ok")

        sent = [f"message {number}" for number in range(500)]

        async def send_all():
            for message in sent:
                await socket.send(message)

        sending = asyncio.create_task(send_all())
        assert [await socket.recv() for _ in sent] == sent
        await sending
        print("500 in flight come back in order: ok")
    assert socket.close_code == 1000, socket.close_code
    print("close: ok")

    async with websockets.connect(url, **options) as socket:
        try:
            await socket.send("x" * (LIMIT + 1))
            await socket.recv()
            raise AssertionError("a message over the limit was taken")
        except ConnectionClosedError as closed:
            assert closed.rcvd.code == 1009, closed
    print("over the limit: ok")


asyncio.run(main(*sys.argv[1:]))
