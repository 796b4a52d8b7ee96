"""libsoup 3, which GNOME programs use, through GObject introspection."""

import collections

import gi

gi.require_version("Soup", "3.0")
from gi.repository import Gio, GLib, Soup

from scenarios import main, plan

session = Soup.Session()
session.add_feature_by_type(Soup.WebsocketExtensionManager)
session.set_tls_database(Gio.TlsFileDatabase.new(plan()["authority"]))
context = GLib.MainContext.default()


def wait_for(holds):
    while not holds():
        context.iteration(True)


class Socket:
    def __init__(self, connection):
        self._connection = connection
        self._messages = collections.deque()
        # The largest message of the plan exceeds the default limit.
        connection.set_max_incoming_payload_size(1 << 21)
        connection.connect("message", self._message)
        self.subprotocol = connection.get_protocol()
        deflate = Soup.WebsocketExtensionDeflate
        agreed = connection.get_extensions()
        self.extensions = ["permessage-deflate" for extension in agreed if isinstance(extension, deflate)]

    def _message(self, _, kind, message):
        data = message.get_data() or b""
        self._messages.append(data.decode() if kind == Soup.WebsocketDataType.TEXT else data)

    def _is_closed(self):
        return self._connection.get_state() == Soup.WebsocketState.CLOSED

    def send(self, message):
        is_text = isinstance(message, str)
        kind = Soup.WebsocketDataType.TEXT if is_text else Soup.WebsocketDataType.BINARY
        self._connection.send_message(kind, GLib.Bytes.new(message.encode() if is_text else message))

    def receive(self):
        wait_for(lambda: self._messages or self._is_closed())
        if not self._messages:
            raise ConnectionError(f"closed with {self._connection.get_close_code()}")
        return self._messages.popleft()

    def close(self, code, reason):
        self._connection.close(code, reason)

    def closed(self):
        wait_for(self._is_closed)
        return self._connection.get_close_code(), self._connection.get_close_data()


def open(url, subprotocols=None):
    message = Soup.Message.new("GET", url)
    answers = []

    def opened(_, result):
        try:
            answers.append(session.websocket_connect_finish(result))
        except GLib.Error as error:
            answers.append(error)

    session.websocket_connect_async(message, None, subprotocols or [], GLib.PRIORITY_DEFAULT, None, opened)
    wait_for(lambda: answers)
    if isinstance(answers[0], GLib.Error):
        raise answers[0]
    return Socket(answers[0])


version = Soup.get_major_version(), Soup.get_minor_version(), Soup.get_micro_version()
main(".".join(map(str, version)), open)
