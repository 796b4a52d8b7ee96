"""Keys and values in a file of the host, which outlive a reload, a crash and a restart.

    from ws_host import keyvalue

    visits = keyvalue.open("numbers").increment("visits")

Remove the `//` in front of `include wasi-keyvalue` in wit/capabilities.wit, and add `grant = ["keyvalue:FILE"]` to the
resource in ws-host.toml.
"""

from typing import Any, Callable, Iterable, Iterator, Mapping

from componentize_py_types import Err

from ._data import Data, Value, to_bytes
from ._host import text

try:
    from wit_world.imports import keyvalue_atomics as atomics
    from wit_world.imports import keyvalue_batch as batch
    from wit_world.imports import keyvalue_store as store
except ImportError:
    raise ImportError("ws_host.keyvalue needs `include wasi-keyvalue` in wit/capabilities.wit") from None


class KeyvalueError(Exception):
    """The file cannot do this."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        """Why: `access-denied` (not granted), `full`, `too-long`, `too-many`, `not-a-number`, `no-own-bucket` or
        `unavailable`. More may be added."""


class Bucket:
    """Keys and values under a name. A key has at most 1 KiB, a value 1 MiB.

    All functions raise KeyvalueError.
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = text(name)

    def get(self, key: str) -> Data | None:
        """Returns the value of a key. None if there is none."""
        value = self._with(lambda bucket: bucket.get(text(key)))
        return None if value is None else Data(value)

    def set(self, key: str, value: Value) -> None:
        """Sets a value: bytes as they are, a string as UTF-8, anything else as JSON.

        It is on the disk when this returns.
        """
        self._with(lambda bucket: bucket.set(text(key), to_bytes(value)))

    def delete(self, key: str) -> None:
        """Removes a key. There need not be one."""
        self._with(lambda bucket: bucket.delete(text(key)))

    def exists(self, key: str) -> bool:
        """Returns whether there is a value of this key."""
        return bool(self._with(lambda bucket: bucket.exists(text(key))))

    def increment(self, key: str, by: int = 1) -> int:
        """Adds to a value that is a number in decimal digits, and returns the sum.

        No other instance can come in between. A key without a value counts from 0.
        """
        if not isinstance(by, int) or not -(2**63) <= by < 2**63:
            raise ValueError(f"a whole number of 64 bits is needed here, not {by!r}")
        return int(self._with(lambda bucket: atomics.increment(bucket, text(key), by)))

    def compare_and_swap(self, key: str, expected: Value | None, value: Value) -> bool:
        """Sets a value if it is still the expected one; None if there must be none. Returns whether it was set.

        No other instance can come in between.
        """
        old, fresh = None if expected is None else to_bytes(expected), to_bytes(value)
        return bool(self._with(lambda bucket: _swapped(bucket, text(key), old, fresh)))

    def get_many(self, keys: Iterable[str]) -> list[Data | None]:
        """Returns the values of up to 1,000 keys, in the order of the keys. None where there is none."""
        names = [text(key) for key in keys]
        found = self._with(lambda bucket: batch.get_many(bucket, names))
        return [None if pair is None else Data(pair[1]) for pair in found]

    def set_many(self, values: Mapping[str, Value]) -> None:
        """Sets the values of up to 1,000 keys: all of them or none."""
        pairs = [(text(key), to_bytes(value)) for key, value in values.items()]
        self._with(lambda bucket: batch.set_many(bucket, pairs))

    def delete_many(self, keys: Iterable[str]) -> None:
        """Removes up to 1,000 keys: all of them or none."""
        names = [text(key) for key in keys]
        self._with(lambda bucket: batch.delete_many(bucket, names))

    def keys(self) -> Iterator[str]:
        """Returns all keys, in the order of their bytes. The host is asked for 1,000 at a time."""
        cursor = None
        while True:
            page = self._with(lambda bucket: bucket.list_keys(cursor))
            yield from page.keys
            cursor = page.cursor
            if cursor is None:
                return

    def _with(self, use: Callable[[Any], Any]) -> Any:
        # The host's bucket is open only during a call: an instance may have a limited number of them.
        try:
            with store.open(self._name) as bucket:
                return use(bucket)
        except Err as error:
            raise _explained(error.value) from None


def open(name: str = "") -> Bucket:
    """Opens the bucket of this name, which all instances of all resources with this file share.

    Without a name: the bucket of this actor, for example of the room at a path. Works only during events. Raises
    KeyvalueError.
    """
    bucket = Bucket(name)
    bucket._with(lambda _: None)
    return bucket


def _swapped(bucket: Any, key: str, expected: bytes | None, value: bytes) -> bool:
    # The host sets the value only if it is the one that `current` has returned.
    cas = atomics.Cas.new(bucket, key)
    now = cas.current()
    if (None if now is None else bytes(now)) != expected:
        cas.__exit__(None, None, None)
        return False
    try:
        atomics.swap(cas, value)
    except Err as error:
        if not isinstance(error.value, atomics.CasError_CasFailed):
            raise Err(error.value.value) from None
        error.value.value.__exit__(None, None, None)
        return False
    return True


def _explained(error: Any) -> KeyvalueError:
    if isinstance(error, store.Error_AccessDenied):
        return KeyvalueError("access-denied", 'not granted: add "keyvalue:FILE" to the `grant` of the resource')
    if isinstance(error, store.Error_Other):
        return KeyvalueError(error.value.split(":")[0], error.value)
    return KeyvalueError("no-such-store", "there is no such bucket")
