"""Which names people may have."""

import unicodedata
from typing import Iterable

MAX_LENGTH = 24


class NameTaken(ValueError):
    """Somebody else has this name."""


def check_name(name: str, others: Iterable[str]) -> str:
    """Returns the name without spaces around it. Raises ValueError if nobody may have it."""
    name = name.strip()
    if not name:
        raise ValueError("a name must not be empty")
    if len(name) > MAX_LENGTH:
        raise ValueError(f"a name has at most {MAX_LENGTH} characters")
    # These would make it possible to imitate other lines.
    if any(letter in ":,*!" or unicodedata.category(letter) == "Cc" for letter in name):
        raise ValueError("a name cannot contain : , * ! or control characters")
    if name.lower() in (other.lower() for other in others):
        raise NameTaken("this name is already taken")
    return name
