"""Starting: each platform starts by itself. If one fails, it is tried again while the others serve.

The reason is logged in one line, now and then again, and is shown in `/readyz`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Self

from core.errors import PalaverError, RateLimited, Revoked
from core.platform import Platform
from core.telemetry import logger

log = logger(__name__)

FIRST_S = 5.0
"""How long to wait for the first tries of all platforms before the program says that it serves."""
TRY_S = 60.0
"""A try that takes longer is ended, and begun again."""
AGAIN_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
MOST_AGAIN_S = 3600.0
"""A platform that asks for a longer silence, perhaps of years, is tried again all the same."""
SAY_AGAIN_S = 600.0
CONNECTING = "is being connected to"


class Starting:
    """Enters *platforms*, each when it was announced by `expect`, and exits those that it entered.

    *wrong*: why a platform has not started, by its name. *hold* raises if a platform may not have
    its name.
    """

    def __init__(
        self, platforms: Mapping[str, Platform], hold: Callable[[str], Awaitable[None]]
    ) -> None:
        self.wrong: dict[str, str] = {}
        self._platforms = platforms
        self._hold = hold
        self._entered: dict[str, Platform] = {}
        self._tried: dict[str, asyncio.Event] = {}
        self._refused: set[str] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for name in reversed([*self._entered]):
            await self.leave(name)

    def expect(self, name: str) -> None:
        """The platform *name* is about to be entered."""
        self.wrong[name] = CONNECTING
        self._tried[name] = asyncio.Event()

    async def leave(self, name: str) -> None:
        """Exit the platform *name*, if it was entered."""
        self.wrong.pop(name, None)
        self._tried.pop(name, None)
        self._refused.discard(name)
        if (platform := self._entered.pop(name, None)) is not None:
            await platform.__aexit__(None, None, None)

    @property
    def started(self) -> Sequence[Platform]:
        return [one for name, one in self._platforms.items() if name not in self.wrong]

    @property
    def refused(self) -> bool:
        """Whether no platform accepts our credentials. Then nobody can be served."""
        return bool(self._tried) and self._refused == set(self._tried)

    async def first_tries(self) -> None:
        """Return when every platform was tried once, or after `FIRST_S`."""
        tries = [asyncio.create_task(tried.wait()) for tried in self._tried.values()]
        if tries:
            await asyncio.wait(tries, timeout=FIRST_S)
        for one in tries:
            one.cancel()

    async def enter(self, platform: Platform) -> None:
        """Return when *platform* has started."""
        name, failures, said_at, last = platform.name, 0, 0.0, ""
        while True:
            try:
                async with asyncio.timeout(TRY_S):
                    await self._hold(name)
                    self._entered[name] = await platform.__aenter__()
            except Exception as error:
                reason = _in_words(error)
                wait_s = AGAIN_S[min(failures, len(AGAIN_S) - 1)]
                if isinstance(error, RateLimited):
                    wait_s = min(max(wait_s, error.retry_after_s), MOST_AGAIN_S)
                if isinstance(error, Revoked):
                    self._refused.add(name)
                else:
                    self._refused.discard(name)
                if reason != last or time.monotonic() - said_at > SAY_AGAIN_S:
                    said_at, last = time.monotonic(), reason
                    log.error(
                        "platform not started",
                        platform=name,
                        reason=reason,
                        again_s=wait_s,
                        exc_info=not isinstance(error, PalaverError | TimeoutError),
                    )
                self.wrong[name] = f"has not started: {reason}"
                self._tried[name].set()
                await asyncio.sleep(wait_s)
                failures += 1
            else:
                del self.wrong[name]
                self._refused.discard(name)
                self._tried[name].set()
                if failures:
                    log.info("platform started", platform=name, tries=failures + 1)
                return


def _in_words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer in {TRY_S:.0f} s"
    # Only the texts of our own errors are safe for everybody to read.
    return str(error) if isinstance(error, PalaverError) else type(error).__name__
