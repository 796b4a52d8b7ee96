"""A handler that uses every part of the contract. There is an equivalent one in each language."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import burst, clients, custom, disconnection, handshake, requests, tags, timers, topics
from wit_world.imports.clients import SendOptions
from wit_world.imports.types import Message_Binary, Message_Text

count = 0
last_cause = ""


class Handler(exports.Handler):
    def connected(self, client):
        if requests.query(client) == "refused":
            handshake.set_status(client, 401)
            handshake.add_header(client, "www-authenticate", "Test")
            handshake.set_body(client, "text/plain; charset=utf-8", b"who are you?\n")
            return False
        if "second" in requests.offered_subprotocols(client):
            handshake.choose_subprotocol(client, "second")
        handshake.add_header(client, "x-written-in", "python")
        topics.subscribe(client, "all")
        return True

    def received_text(self, client, message):
        global count
        count += 1
        command, _, rest = message.partition(" ")
        match command:
            case "fragments":
                with SendOptions() as options:
                    options.set_compression("never")
                    options.set_max_frame(4)
                    clients.send(client, Message_Text(rest), options)
            case "others":
                with SendOptions() as options:
                    options.set_except([client])
                    missed = clients.broadcast(clients.connected_clients(), Message_Text(rest), options)
                clients.send_text(client, f"missed: {len(missed)}")
            case "publish":
                topics.publish("all", Message_Binary(rest.encode()), None)
            case "timer":
                timers.set(client, 1)
            case "tag":
                tags.tag(client, rest)
                clients.send_text(client, f"tags: {','.join(tags.tags_of(client))}")
            case "close":
                try:
                    clients.close(client, int(rest), "as you like")
                except Err as error:
                    clients.send_text(client, f"not closed: {error.value}")
            case "about":
                header = requests.header(client, "x-test") or ""
                clients.send_text(client, f"{requests.path(client)} {header}")
            case "cause":
                clients.send_text(client, last_cause)
            case "count":
                clients.send_text(client, str(count))
            case _:
                clients.send_text(client, message)

    def received_binary(self, client, message):
        clients.send_binary(client, message)

    def received_pong(self, client, payload):
        clients.send_text(client, "pong")

    def disconnected(self, client):
        global last_cause
        last_cause = f"{disconnection.cause(client)} {disconnection.code(client)}"


class Lifecycle(exports.Lifecycle):
    def suspend(self):
        return str(count).encode()

    def resume(self, state):
        global count
        if state is not None:
            try:
                count = int(state)
            except ValueError as error:
                raise Err(str(error))


class TimersListener(exports.TimersListener):
    def fired(self, timer):
        clients.send_text(timer, "fired")


class CustomListener(exports.CustomListener):
    def received_custom(self, message):
        if not message:
            raise Err("nothing was said")
        return f"{custom.kind() or ''}: ".encode() + message


class BurstListener(exports.BurstListener):
    def received_burst(self, client):
        handler = Handler()
        while (messages := burst.next_many()) is not None:
            received = handler.received_text if isinstance(messages, burst.Messages_Text) else handler.received_binary
            for index, message in enumerate(split(*messages.value)):
                # The host has begun the first of these messages, and begins each later one if it may be handled now.
                if index > 0 and not burst.advance():
                    return
                received(client, message)


def split(contents, ends):
    """Returns the messages that end at these positions. In a text, the positions count the bytes of its UTF-8."""
    if isinstance(contents, str) and not contents.isascii():
        return [message.decode() for message in split(contents.encode(), ends)]
    return [contents[start:end] for start, end in zip([0, *ends], ends)]


class DrainedListener(exports.DrainedListener):
    def drained(self, client):
        clients.send_text(client, "drained")


class ExpiryListener(exports.ExpiryListener):
    def expiring(self, client):
        clients.send_text(client, "expiring")


class StopListener(exports.StopListener):
    def stopping(self):
        clients.broadcast(clients.connected_clients(), Message_Text("stopping"), None)
