"""Data that the host keeps or passes on: states, attachments, custom messages and their replies."""

import json
from typing import Any, TypeAlias

Value: TypeAlias = "bytes | str | dict[str, Any] | list[Any] | tuple[Any, ...] | int | float | bool"
"""Data for the host: bytes as they are, a string as UTF-8, anything else as JSON."""


def to_bytes(value: Value) -> bytes:
    """Returns data as bytes."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode()


class Data(bytes):
    """Bytes that can be read as text or JSON."""

    def text(self) -> str:
        """Returns the bytes as UTF-8. Raises UnicodeDecodeError if they are not."""
        return self.decode()

    def json(self) -> Any:
        """Returns the bytes as JSON. Raises ValueError if they are not."""
        return json.loads(self)


class SavedState(Data):
    """What `suspend` returned."""

    age: int | None = None
    """How many milliseconds ago the state was saved, if it lacks events that happened since."""


class CustomMessage(Data):
    """A message that does not come from a client."""

    kind: str | None = None
    """The kind of the message: for a request at the admin address, its `Content-Type`."""

    sender: str | None = None
    """The sender: `admin` for a request at the admin address."""
