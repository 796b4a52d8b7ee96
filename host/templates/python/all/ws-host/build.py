"""Builds the component. `make` calls this, with the compiler of .venv in the PATH.

A mistake in the handler is shown without the frames of the compiler and of the SDK. With `DEBUG=1`, everything is
shown.
"""

import os
import re
import subprocess
import sys

# The names of the modules that the build makes of these interfaces, which otherwise depend on the others.
NAMES = {
    "wasi:config/store@0.2.0-rc.1": "config_store",
    "wasi:keyvalue/store@0.2.0-draft2": "keyvalue_store",
    "wasi:keyvalue/atomics@0.2.0-draft2": "keyvalue_atomics",
    "wasi:keyvalue/batch@0.2.0-draft2": "keyvalue_batch",
}

# So that the traceback can be read: without colours, and in one encoding.
ENVIRONMENT = {"RUST_BACKTRACE": "0", "PYTHON_COLORS": "0", "PYTHONIOENCODING": "utf-8"}

# A frame of the SDK in a traceback: its place, and the lines of code below it.
SDK_FRAME = re.compile(r'^  File "src/ws_host/.*\n(?:    .*\n)*', re.MULTILINE)

TRACEBACK = "Traceback (most recent call last):\n"


def build(output: str) -> int:
    command = ["componentize-py", "--quiet", "--wit-path", "wit", "--world", "python-handler"]
    for interface, module in NAMES.items():
        command += ["--import-interface-name", f"{interface}={module}"]
    command += ["componentize", "--python-path", "src", "--output", output, "ws_host.component"]
    os.makedirs(os.path.dirname(output) or ".", exist_ok=True)
    environment = {**os.environ, **ENVIRONMENT}
    result = subprocess.run(command, env=environment, stderr=subprocess.PIPE, encoding="utf-8", errors="replace")
    failed = result.returncode != 0 and not os.environ.get("DEBUG")
    sys.stderr.write(explained(result.stderr) if failed else result.stderr)
    if result.returncode < 0:
        sys.stderr.write(f"componentize-py was ended by signal {-result.returncode}\n")
        return 1
    return result.returncode


def explained(output: str) -> str:
    """Returns what the compiler found. The traceback of the compiler itself comes first, and its summary last."""
    _, found, message = output.partition("AssertionError: ")
    # What the handler printed comes before its traceback.
    printed, traceback, frames = message.partition(TRACEBACK)
    if not found or not traceback:
        return message or output
    frames = frames.partition("\n\nCaused by:")[0].rstrip() + "\n"
    # The compiler finds the modules of `src` in the folder `/0`.
    frames = SDK_FRAME.sub("", frames.replace('"/0/', '"src/').replace("(/0/", "(src/"))
    return printed + (traceback if frames.startswith("  File ") else "") + frames


if __name__ == "__main__":
    sys.exit(build(*sys.argv[1:]))
