"""The host's log."""

from typing import Literal

from wit_world.imports import log as host

Level = Literal["trace", "debug", "info", "warn", "error"]


def log(level: Level, message: str) -> None:
    """Writes to the host's log at a level. What `print` writes to standard output is logged at `info`."""
    host.write(level, message)


def is_logged(level: Level) -> bool:
    """Returns whether the log shows lines of this level, to save the work of writing them."""
    return host.enabled(level)
