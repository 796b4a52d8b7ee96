"""Timers of the host, which outlive a reload, a fault and hibernation."""

from wit_world.imports import timers

from ._host import attempt, milliseconds, whole


def set_timer(timer: int, seconds: float) -> None:
    """Sets a timer of this number: `Handler.timer` is called once, after so many seconds.

    A timer of the same number is replaced.
    """
    attempt(lambda: timers.set(whole(timer), milliseconds(seconds)))


def set_durable_timer(timer: int, seconds: float) -> None:
    """Sets a timer that a restart of the host does not lose. Returns when it is on the disk.

    The configuration must grant the file: `grant = ["timers:FILE"]`.
    """
    attempt(lambda: timers.set_durable(whole(timer), milliseconds(seconds)))


def cancel_timer(timer: int) -> bool:
    """Cancels a timer. Returns whether it was set."""
    return timers.cancel(whole(timer))
