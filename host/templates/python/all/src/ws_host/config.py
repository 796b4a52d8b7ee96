"""Values of the configuration: the table `config` of the resource.

    from ws_host import config

    client.send(config.get("greeting") or "Hello")

Remove the `//` in front of `include wasi-config` in wit/capabilities.wit, and add `grant = ["config"]` to the resource in
ws-host.toml. The functions work only during events.
"""

from typing import Callable, TypeVar

from componentize_py_types import Err

from ._host import text

try:
    from wit_world.imports import config_store as host
except ImportError:
    raise ImportError("ws_host.config needs `include wasi-config` in wit/capabilities.wit") from None

T = TypeVar("T")


class ConfigError(Exception):
    """The values cannot be read, because the configuration does not grant it."""


def get(key: str) -> str | None:
    """Returns the value of a key. None if the table does not have it. Raises ConfigError without the grant."""
    return _checked(lambda: host.get(text(key)))


def get_all() -> dict[str, str]:
    """Returns all values, by their keys. Raises ConfigError without the grant."""
    return dict(_checked(host.get_all))


def _checked(call: Callable[[], T]) -> T:
    try:
        return call()
    except Err as error:
        raise ConfigError(error.value.value) from None
