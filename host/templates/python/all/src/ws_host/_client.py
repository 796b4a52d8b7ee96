"""Clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wit_world.imports import clients as host
from wit_world.imports import expiry, outgoing, tags, topics

from ._data import Data, Value, to_bytes
from ._host import attempt, milliseconds, text, whole
from ._request import Request

if TYPE_CHECKING:
    from ._send import Message

# A client that has gone, or has no room, or speaks a draft that cannot: the message is not sent, nothing is wrong.
_MISSED = ("closed", "full", "unsupported")


class Client:
    """One WebSocket connection. Objects with the same number are equal, so a client can be a key of a dict."""

    __slots__ = ("id",)

    def __init__(self, id: int) -> None:
        self.id = whole(id)
        """A number that no other client of this host has. Save it in a state to find the client again."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Client) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"client {self.id}"

    @property
    def url(self) -> str | None:
        """The URL, if this is a connection that `connect` opened. None for a client."""
        return outgoing.url(self.id)

    @property
    def request(self) -> Request:
        """The request with which the client connected."""
        return Request(self.id)

    @property
    def open(self) -> bool:
        """Whether something can be sent to the client."""
        return self.buffered is not None

    @property
    def buffered(self) -> int | None:
        """How many bytes wait in the host to be written to the client. None if it is not open."""
        return host.buffered(self.id)

    def send(self, message: Message, *, compression: str | None = None, max_frame: int | None = None) -> bool:
        """Sends a message. Never waits. Returns whether the host accepted it.

        It is False if the client has gone, or if it is `open` but has not yet read earlier messages (`drained` is
        called when there is room again). `compression` is `"by-length"`, `"always"` or `"never"`. Longer messages than
        `max_frame` bytes are sent in fragments.

        Raises ValueError if the message is longer than the client's whole outbound buffer (`max-outbound`).
        """
        if compression is None and max_frame is None:
            if isinstance(message, str):
                return attempt(lambda: host.send_text(self.id, text(message)), *_MISSED)
            if isinstance(message, bytes):
                return attempt(lambda: host.send_binary(self.id, message), *_MISSED)
        from ._send import options, to_message

        with options(compression, max_frame) as made:
            return attempt(lambda: host.send(self.id, to_message(message), made), *_MISSED)

    def ping(self, payload: bytes | str = b"") -> bool:
        """Sends a ping with at most 125 bytes; `pong` is called with the answer. Returns as `send` does."""
        return attempt(lambda: host.ping(self.id, to_bytes(payload)), *_MISSED)

    def pong(self, payload: bytes | str = b"") -> bool:
        """Sends a pong that the client does not answer. Returns as `send` does."""
        return attempt(lambda: host.pong(self.id, to_bytes(payload)), *_MISSED)

    def close(self, code: int = 1000, reason: str = "") -> bool:
        """Closes the client after the messages that were sent before. False if it was already closing or closed.

        Raises ValueError if the code is not one of 1000 to 1003, 1007 to 1014 and 3000 to 4999, or if the reason has
        more than 123 bytes.
        """
        return attempt(lambda: host.close(self.id, whole(code, 4999), text(reason)), "closed")

    def abort(self) -> bool:
        """Drops the connection immediately. Returns whether there was one."""
        return host.abort(self.id)

    def attach(self, value: Value) -> bool:
        """Stores up to 16 KiB with the client, also across a reload, a fault and hibernation. False if it has gone."""
        return attempt(lambda: host.attach(self.id, to_bytes(value)), "closed")

    @property
    def attachment(self) -> Data | None:
        """What `attach` stored."""
        stored = host.attachment(self.id)
        return None if stored is None else Data(stored)

    def subscribe(self, topic: str) -> bool:
        """Subscribes the client to a topic (1 to 255 bytes). False if it has gone."""
        return attempt(lambda: topics.subscribe(self.id, text(topic)), "closed")

    def unsubscribe(self, topic: str) -> bool:
        """Unsubscribes the client. Returns whether it was subscribed."""
        return topics.unsubscribe(self.id, text(topic))

    def unsubscribe_all(self) -> int:
        """Unsubscribes the client from all topics. Returns from how many."""
        return topics.unsubscribe_all(self.id)

    @property
    def topics(self) -> list[str]:
        """The topics of the client, in alphabetical order."""
        return topics.topics_of(self.id)

    def tag(self, tag: str) -> bool:
        """Gives the client a tag (1 to 255 bytes) by which it can be found, such as `user:42`. False if it has gone."""
        return attempt(lambda: tags.tag(self.id, text(tag)), "closed")

    def untag(self, tag: str) -> bool:
        """Removes a tag. Returns whether the client had it."""
        return tags.untag(self.id, text(tag))

    @property
    def tags(self) -> list[str]:
        """The tags of the client, in alphabetical order."""
        return tags.tags_of(self.id)

    def expire(self, after: float, notice: float = 0) -> bool:
        """Closes the client with 1008 after so many seconds, and calls `expiring` `notice` seconds before that.

        A second call replaces the first. Returns False if the client has gone.
        """
        return attempt(lambda: expiry.expire(self.id, milliseconds(after), milliseconds(notice)), "closed")

    def keep(self) -> bool:
        """Removes the time limit. Returns whether there was one."""
        return expiry.keep(self.id)

    @property
    def remaining(self) -> float | None:
        """How many seconds are left until the client expires. None if it does not."""
        left = expiry.remaining(self.id)
        return None if left is None else left / 1000


def clients() -> list[Client]:
    """Returns the clients that are connected to this instance, in the order in which they connected."""
    return [Client(id) for id in host.connected_clients()]
