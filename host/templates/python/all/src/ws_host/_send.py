"""Messages, and sending to several clients."""

from contextlib import nullcontext
from typing import Any, ContextManager, Iterable, TypeAlias

from wit_world.imports import clients as host
from wit_world.imports import tags, topics
from wit_world.imports.types import Message_Binary, Message_Text

from ._client import Client
from ._host import attempt, text, whole

Message: TypeAlias = "str | bytes | bytearray | memoryview"
"""A message: a string is sent as text, bytes are sent as a binary message."""


def to_message(message: Message) -> Any:
    """Returns a message of the contract."""
    if isinstance(message, str):
        return Message_Text(text(message))
    if isinstance(message, (bytes, bytearray, memoryview)):
        return Message_Binary(bytes(message))
    raise TypeError(f"a message is a string or bytes, not {type(message).__name__}: use json.dumps")


def options(
    compression: str | None, max_frame: int | None, exclude: "Client | Iterable[Client] | None" = None
) -> ContextManager[Any]:
    """Returns the options of the contract, or None if there are none, for a `with` statement."""
    if compression is None and max_frame is None and exclude is None:
        return nullcontext()
    made = host.SendOptions()
    if compression is not None:
        attempt(lambda: made.set_compression(text(compression)))
    if max_frame is not None:
        attempt(lambda: made.set_max_frame(whole(max_frame, 2**32 - 1)))
    if exclude is not None:
        excluded = [exclude] if isinstance(exclude, Client) else exclude
        attempt(lambda: made.set_except([client.id for client in excluded]))
    return made


def broadcast(
    message: Message,
    *,
    to: Iterable[Client] | None = None,
    exclude: Client | Iterable[Client] | None = None,
    compression: str | None = None,
    max_frame: int | None = None,
) -> list[Client]:
    """Sends to all clients of this instance, or to those in `to`. Returns the clients that missed the message."""
    ids = host.connected_clients() if to is None else [client.id for client in to]
    with options(compression, max_frame, exclude) as made:
        return [Client(id) for id in host.broadcast(ids, to_message(message), made)]


def publish(
    topic: str,
    message: Message,
    *,
    exclude: Client | Iterable[Client] | None = None,
    compression: str | None = None,
    max_frame: int | None = None,
) -> None:
    """Sends to all subscribers of a topic, in all instances of the resource."""
    with options(compression, max_frame, exclude) as made:
        attempt(lambda: topics.publish(text(topic), to_message(message), made))


def subscribers(topic: str) -> int:
    """Returns how many clients of the resource are subscribed to a topic."""
    return topics.subscribers(text(topic))


def tagged(tag: str) -> list[Client]:
    """Returns the clients of this instance that have a tag."""
    return [Client(id) for id in tags.clients_of(text(tag))]


def send_tagged(
    tag: str,
    message: Message,
    *,
    exclude: Client | Iterable[Client] | None = None,
    compression: str | None = None,
    max_frame: int | None = None,
) -> None:
    """Sends to all clients that have a tag, in all instances of the resource."""
    with options(compression, max_frame, exclude) as made:
        attempt(lambda: tags.send_tagged(text(tag), to_message(message), made))


def close_tagged(tag: str, code: int = 1000, reason: str = "") -> None:
    """Closes all clients that have a tag, in all instances of the resource."""
    attempt(lambda: tags.close_tagged(text(tag), whole(code, 4999), text(reason)))
