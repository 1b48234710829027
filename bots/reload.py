"""What is changed in `palaver.toml` holds without a restart; tenants in it begin and end.

The file is looked at every few seconds. A file that cannot be read changes nothing.
"""

import asyncio
from pathlib import Path

from bots.registry import Tenant, all_tenants, built
from core.errors import ConfigError, StoreError
from core.lending import Lent
from core.telemetry import logger
from core.tenant_names import kind_of

log = logger(__name__)

LOOK_S = 2.0


async def watch(lent: Lent) -> None:
    """Let those tenants serve that `palaver.toml` lists now, again and again."""
    path = lent.settings.palaver_config
    if path is None:
        return

    async def check() -> None:
        await _listed(lent)

    lent.checks.append(check)
    seen = done = ""
    read = await asyncio.to_thread(_version, path)
    while True:
        found = await asyncio.to_thread(_version, path)
        # Who writes it may not be ready yet. So it must stay the same for a moment.
        if found == seen != done:
            done = found
            try:
                if lent.renew is not None and found != read:
                    read = found
                    await lent.renew()
                    log.info("palaver.toml was read anew")
                await serve_listed(lent)
            except ConfigError as error:
                log.error("all stays as it was", reason=str(error))
            except StoreError as error:
                done = read = ""
                log.warning("the tenants stay as they were for now", reason=str(error))
        seen = found
        await asyncio.sleep(LOOK_S)


def _version(path: Path) -> str:
    """Another text for another content; empty if there is no file."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_ino} {found.st_mtime_ns} {found.st_size}"


async def _listed(lent: Lent) -> dict[str, Tenant]:
    """All tenants that the settings list now. Raises `ConfigError` or `StoreError`."""
    known = await lent.tenants.known()
    return await asyncio.to_thread(all_tenants, lent.settings, known)


async def serve_listed(lent: Lent) -> None:
    """Let those tenants serve that the settings list now.

    A platform without tenants, such as the page, neither comes nor goes with them: it would stand
    open all at once when the last bot is taken away.

    Raises:
        ConfigError: they cannot be read, and none was changed.
        StoreError: the store is away, and none was changed.
    """
    hosting, wanted = lent.hosting, lent.tenants.wanted
    if hosting is None:
        return
    had = {name: one for name, one in wanted.items() if kind_of(name) in lent.settings.tenanted}
    tenants = {name: one for name, one in (await _listed(lent)).items() if one.plugin.tenant}
    digests = {name: one.digest for name, one in had.items()}
    new = {name: one for name, one in tenants.items() if digests.get(name) != one.wanted.digest}
    come = [built(name, one, lent) for name, one in new.items()]
    go = [name for name in had if name not in tenants or name in new]
    if go or come:
        now = {name: one.wanted for name, one in tenants.items()}
        lent.tenants.wanted = {name: one for name, one in wanted.items() if name not in had} | now
        await hosting.change(go, come)
