"""`palaver run`: opens everything, says so, and ends at a signal."""

import asyncio
import math
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urljoin

from bots.registry import build
from bots.reload import watch
from core import __version__
from core.border import printable
from core.platform import Platform
from core.secret import shown_url
from core.service import Core, open_core, serve
from core.settings import Settings
from core.tasks import end
from core.telemetry import logger
from core.watchdog import collect_seldom

log = logger(__name__)
LAST_S = 10
"""Seconds after the grace time, for handing over and closing."""


async def run_until_told(settings: Settings) -> None:
    """Serve until a signal says stop, then let running answers end."""
    stop, opened = asyncio.Event(), asyncio.Event()
    _end_on_signals(stop, settings.grace_s)
    work = asyncio.create_task(_open_and_serve(settings, stop, opened), name="serve")
    told = asyncio.create_task(stop.wait(), name="told to stop")
    try:
        await asyncio.wait({work, told}, return_when=asyncio.FIRST_COMPLETED)
        if not opened.is_set():
            # Nothing is running yet.
            work.cancel()
        with suppress(asyncio.CancelledError):
            await work
    finally:
        await end([work, told])
    log.info("stopped")


async def _open_and_serve(settings: Settings, stop: asyncio.Event, opened: asyncio.Event) -> None:
    began = time.monotonic()
    async with open_core(settings) as core:
        collect_seldom()
        opened.set()

        def ready(url: str, platforms: Sequence[Platform]) -> None:
            _greet(core, url, platforms, time.monotonic() - began)

        core.services.servers.begin()
        await serve(core, build, stop, ready, watch)


def _end_on_signals(stop: asyncio.Event, grace_s: float) -> None:
    """Set *stop* at a signal. If the process does not end in time, the kernel ends it."""
    loop = asyncio.get_running_loop()

    def told(*_: object) -> None:
        signal.alarm(math.ceil(grace_s) + LAST_S)
        loop.call_soon_threadsafe(stop.set)

    # Python's own handlers, not the loop's: they also run while something blocks the loop.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, told)


def _greet(core: Core, url: str, platforms: Sequence[Platform], took_s: float) -> None:
    settings = core.settings
    models = {
        "demo": "the built-in demo (set LLM_BASE_URL and LLM_API_KEY for a real model)",
        "ollama": f"{core.models.chat.model} of the Ollama on this machine",
        "file": f"{core.models.chat.model}, and others of {settings.palaver_config}",
        "configured": f"{core.models.chat.model} at {shown_url(settings.llm_base_url)}",
    }
    print(f"\n  Palaver {__version__} is ready ({took_s:.1f} s)\n", file=sys.stderr)
    width = max((10, *(len(platform.name) for platform in platforms)))
    for platform in platforms:
        own = platform.identity[:1] in ("", "/")
        where = f"open {urljoin(url, platform.identity)}" if own else platform.identity
        print(f"  {platform.name:<{width}} {printable(where)}", file=sys.stderr)
    print(f"  {'model':<{width}} {printable(models[core.models.kind])}", file=sys.stderr)
    if settings.admin_token.get_secret_value():
        print(f"  {'operator':<{width}} open {urljoin(url, '/admin')}", file=sys.stderr)
    store = (
        "REDIS_URL"
        if settings.redis_url.get_secret_value()
        else f"embedded, in {settings.data_dir}"
    )
    print(f"  {'store':<{width}} {store}\n", file=sys.stderr)
    remote = [platform.name for platform in platforms if not platform.local]
    access = core.services.access
    if remote and access.open:
        print(
            f"  WARNING: {' and '.join(remote)}: EVERYONE who finds the bot can use it, at your "
            "cost,\n  because OPEN=true. ALLOWED_USERS, ALLOWED_CHATS or OWNERS choose who may.\n",
            file=sys.stderr,
        )
    if closed := [name for name in remote if not access.names_somebody(name)]:
        print(
            f"  {' and '.join(closed)}: CLOSED. No setting says who may use the bot: only its "
            "owner,\n  and whom the owner lets in. While there is no owner, the log shows a code: "
            "send it to the\n  bot in private, and you are the owner. Versions before 0.3 answered "
            "everyone: OPEN=true.\n",
            file=sys.stderr,
        )
    sys.stderr.flush()
