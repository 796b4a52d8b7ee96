"""Calls of the contract, and its errors."""

from math import ceil
from typing import Callable

from componentize_py_types import Err

# What a handler did wrong, for the log.
EXPLANATIONS = {
    "closed": "the client is closing or closed",
    "invalid": "max_frame must be at least 1",
    "invalid-code": "the close code must not be sent: 1000 to 1003, 1007 to 1014 and 3000 to 4999 are allowed",
    "invalid-header": "the name or the value is not valid in a header",
    "invalid-status": "a refusal must have a status from 300 to 599",
    "invalid-subprotocol": "the name of a subprotocol is not valid",
    "invalid-tag": "a tag must have 1 to 255 bytes",
    "invalid-topic": "the name of a topic must have 1 to 255 bytes",
    "invalid-url": "the URL is not a WebSocket URL: it must begin with wss:// or ws://",
    "not-connecting": "the handshake has already been answered",
    "not-offered": "the client did not offer this subprotocol",
    "reason-too-long": "a close reason must have at most 123 bytes",
    "reserved-header": "this header is reserved for the handshake",
    "stopping": "the resource is no longer served",
    "too-long": "too long: see the limits in wit/",
    "too-many": "too many: see the limits in wit/",
    "too-many-options": "too many options at the same time",
    "unknown": "compression must be by-length, always or never",
}


def text(value: str) -> str:
    """Returns a string that can be written as UTF-8. The host's library ends the instance if it gets another one.

    Raises UnicodeEncodeError for half a surrogate pair, which JSON can contain, and TypeError for anything but a string.
    """
    if not isinstance(value, str):
        raise TypeError(f"a string is needed here, not {type(value).__name__}")
    if not value.isascii():
        value.encode()
    return value


def whole(number: int, highest: int = 2**64 - 1) -> int:
    """Returns a number from 0 to the highest one. The host's library ends the instance if it gets another one."""
    if isinstance(number, int) and 0 <= number <= highest:
        return number
    raise ValueError(f"a whole number from 0 to {highest} is needed here, not {number!r}")


def milliseconds(seconds: float) -> int:
    """Returns a time for the host."""
    return whole(min(ceil(seconds * 1000), 2**63))


def attempt(call: Callable[[], object], *expected: str) -> bool:
    """Calls a function of the contract. Returns whether it worked: False for one of the expected errors."""
    try:
        call()
    except Err as error:
        if error.value in expected:
            return False
        raise ValueError(EXPLANATIONS.get(error.value, error.value)) from None
    return True
