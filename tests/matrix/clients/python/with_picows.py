"""The PyPI package `picows`, with its own interface."""

import asyncio
import ssl

import picows
from picows import WSListener, WSMsgType, ws_connect

from scenarios import Loop, main, plan

loop = Loop()
context = ssl.create_default_context(cafile=plan()["authority"])


class Listener(WSListener):
    def __init__(self):
        self.messages = asyncio.Queue()

    def on_ws_frame(self, transport, frame):
        if frame.msg_type == WSMsgType.TEXT:
            self.messages.put_nowait(frame.get_payload_as_utf8_text())
        elif frame.msg_type == WSMsgType.BINARY:
            self.messages.put_nowait(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            end = int(frame.get_close_code().value), frame.get_close_reason()
            self.messages.put_nowait(end)
            # Answer a close frame that the server sent first with the same code (RFC 6455 §5.5.1).
            if not transport.is_close_frame_sent:
                transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()


class Socket:
    def __init__(self, transport, listener):
        self._transport = transport
        self._listener = listener
        self.subprotocol = transport.response.headers.get("sec-websocket-protocol")
        self.extensions = transport.response.headers.get("sec-websocket-extensions", "")

    def send(self, message):
        if isinstance(message, str):
            self._transport.send(WSMsgType.TEXT, message.encode())
        else:
            self._transport.send(WSMsgType.BINARY, message)

    def receive(self):
        message = loop.run(self._listener.messages.get())
        if isinstance(message, tuple):
            raise ConnectionError(f"closed with {message}")
        return message

    def close(self, code, reason):
        self._transport.send_close(code, reason.encode())

    def closed(self):
        end = loop.run(self._listener.messages.get())
        loop.run(self._transport.wait_disconnected())
        return end


def open(url, subprotocols=None):
    # ws_connect has no parameter for subprotocols.
    headers = {"Sec-WebSocket-Protocol": ", ".join(subprotocols)} if subprotocols else None
    encryption = context if url.startswith("wss") else None
    return Socket(*loop.run(ws_connect(Listener, url, ssl_context=encryption, extra_headers=headers)))


main(picows.__version__, open)
