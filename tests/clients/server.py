"""The PyPI package `websockets` as a server to which a handler connects. Prints its URL, then how each connection ended.

It greets with the subprotocol and the header `authorization`. Then it echoes, except for these texts: `long` asks for a
message of 2 MiB, `close` for a close frame, and `vanish` for the end of the connection without one.
"""

import asyncio

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


async def handle(socket):
    authorization = socket.request.headers.get("authorization")
    await socket.send(f"{socket.subprotocol} {authorization} {socket.request.path}")
    while True:
        try:
            message = await socket.recv()
        except ConnectionClosed:
            break
        if message == "long":
            await socket.send("x" * (2 << 20))
        elif message == "close":
            await socket.close(4000, "bye")
        elif message == "vanish":
            socket.transport.abort()
        else:
            await socket.send(message)
    print(f"closed {socket.close_code} {socket.close_reason}", flush=True)


def chosen(_, offered):
    return "chat" if "chat" in offered else None


async def main():
    async with serve(handle, "127.0.0.1", 0, select_subprotocol=chosen) as server:
        port = server.sockets[0].getsockname()[1]
        print(f"ws://127.0.0.1:{port}", flush=True)
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
