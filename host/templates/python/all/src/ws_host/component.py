"""Where the build begins: the handler, and what the host calls."""

import linecache
import os
import sys

import handler as _  # The user's module, which calls `serve`.

from ._events import (  # noqa: F401
    BurstListener,
    CustomListener,
    DrainedListener,
    ExpiryListener,
    Handler,
    Lifecycle,
    StopListener,
    TimersListener,
)

# Keeps the source for tracebacks, because there are no files when the component runs. An entry without a time is never
# checked against a file.
_folder = os.path.dirname(_.__file__ or "") + os.sep
for _module in list(sys.modules.values()):
    _file = getattr(_module, "__file__", None) or ""
    if _file.startswith(_folder) and _file.endswith(".py"):
        _lines = linecache.getlines(_file)
        linecache.cache[_file] = (len(_lines), None, _lines, _file)
