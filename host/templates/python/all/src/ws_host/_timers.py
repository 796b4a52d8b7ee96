"""Timers of the host, which outlive a reload, a fault and hibernation."""

from wit_world.imports import timers

from ._host import attempt, milliseconds, whole


def set_timer(timer: int, seconds: float) -> None:
    """Sets a timer of this number: `Handler.timer` is called once, after so many seconds.

    A timer of the same number is replaced.
    """
    attempt(lambda: timers.set(whole(timer), milliseconds(seconds)))


def cancel_timer(timer: int) -> bool:
    """Cancels a timer. Returns whether it was set."""
    return timers.cancel(whole(timer))
