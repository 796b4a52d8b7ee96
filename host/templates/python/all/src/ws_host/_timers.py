"""Timers of the host, which outlive a reload, a fault and hibernation."""

from componentize_py_types import Err
from wit_world.imports import timers

from ._host import attempt, milliseconds, whole


def set_timer(timer: int, seconds: float) -> None:
    """Sets a timer of this number: `Handler.timer` is called once, after so many seconds.

    A timer of the same number is replaced.
    """
    attempt(lambda: timers.set(whole(timer), milliseconds(seconds)))


class TimerError(OSError):
    """A durable timer was not set."""

    def __init__(self, code: str) -> None:
        super().__init__(_REASONS.get(code, code))
        self.code = code
        """Why: `not-granted`, `too-many`, `full`, `too-long` or `unavailable`. More may be added."""


_REASONS = {
    "full": "the file of durable timers is full",
    "not-granted": "the configuration grants no file for durable timers: add \"timers:FILE\" to `grant`",
    "too-long": "the path of the instance has more than 1,000 bytes",
    "too-many": "the instance has 1,024 timers",
    "unavailable": "the file of durable timers cannot be written",
}


def set_durable_timer(timer: int, seconds: float) -> None:
    """Sets a timer that a restart of the host does not lose. Returns when it is on the disk.

    The configuration must grant the file: `grant = ["timers:FILE"]`. Raises TimerError if it was not set.
    """
    try:
        timers.set_durable(whole(timer), milliseconds(seconds))
    except Err as error:
        raise TimerError(error.value) from None


def cancel_timer(timer: int) -> bool:
    """Cancels a timer. Returns whether it was set."""
    return timers.cancel(whole(timer))
