"""The host's log."""

from typing import Literal

from wit_world.imports import log as host

from ._host import text

Level = Literal["trace", "debug", "info", "warn", "error"]


def log(level: Level, message: object) -> None:
    """Writes to the host's log at a level. What `print` writes to standard output is logged at `info`.

    Anything but a string is written as `str` returns it. Half a surrogate pair is written as standard error writes it:
    `\\ud800`.
    """
    host.write(text(level), str(message).encode(errors="backslashreplace").decode())


def is_logged(level: Level) -> bool:
    """Returns whether the log shows lines of this level, to save the work of writing them."""
    return host.enabled(text(level))
