"""Optional parts of libraries: not read where nobody uses them.

Some libraries read another one on the chance that it is there, for what we never ask of them. The
clients of Redis and Telegram read `cryptography` (7 MB), Redis' reads OpenTelemetry, and
structlog and httpx read `rich` (4 MB). They do without it where it is not installed, so while they
are read it is hidden from them.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast


@contextmanager
def without(*names: str) -> Iterator[None]:
    """In this block the modules *names* cannot be imported, if nobody has done so before."""
    # With None for a module, Python says that there is none (docs: `sys.modules`).
    modules = cast(dict[str, Any], sys.modules)
    hidden = [name for name in names if name not in modules]
    modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            del modules[name]
