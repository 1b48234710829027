"""What `palaver check` tells of tools. It connects the servers for a moment, and calls nothing."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

from bots.finding import Finding
from core.errors import ConfigError
from core.mcp.authorization import SignInFailed
from core.mcp.entry import ServerEntry
from core.models.palaver_file import PalaverFile, read_palaver_file
from core.net.outside import Outside
from core.secret import shown_url
from core.settings import Settings
from core.toolbox import oauth_of, open_tools
from core.tools.registry import MOST_OFFERED
from core.tools.servers import ServerState

START_S = 75.0


class _NoPins:
    """A check remembers nothing, so no tool has changed."""

    async def pin(self, seen: Mapping[str, str]) -> Mapping[str, str]:
        return seen

    async def accept(self, seen: Mapping[str, str]) -> None:
        pass


async def tools(settings: Settings) -> AsyncIterator[Finding]:
    """The built-in tools that are on, and each server with what it offers."""
    if settings.search_key.get_secret_value() and not settings.search:
        yield Finding("FAIL", "SEARCH_KEY is set, but not SEARCH: nobody searches")
    path = settings.palaver_config
    try:
        file = read_palaver_file(path, settings.tenanted) if path is not None else PalaverFile()
    except ConfigError:
        return  # The trial of the model has told it.
    entries = file.tools.server
    async with open_tools(settings, entries, _NoPins()) as (known, servers):
        names = [one.name for one in known]  # No server is connected yet: all are built in.
        yield Finding("ok", ", ".join(names) or "no built-in tool is on")
        if entries:
            with suppress(TimeoutError):
                # A server that has not answered by then is told as one that was not started.
                async with asyncio.timeout(START_S):
                    await servers.tried.wait()
        for state in servers.states():
            if (entry := servers.asking(state.name)) is None:
                yield _of(state)
            else:
                yield await _signing_in(settings, entry)
        if (count := len(list(known))) > MOST_OFFERED:
            told = f"of {count} tools a model is offered {MOST_OFFERED}: let `allow` name fewer"
            yield Finding("note", told)


async def _signing_in(settings: Settings, entry: ServerEntry) -> Finding:
    """Where people sign in. What the server offers is known to those who have."""
    for name, value in (
        ("PUBLIC_URL", settings.public_url),
        ("ACCOUNTS_KEY", settings.accounts_key.get_secret_value()),
    ):
        if not value:
            return Finding("FAIL", f"{entry.name}: people sign in there, but {name} is not set")
    try:
        async with Outside(settings.way) as outside:
            provider = await oauth_of(settings, outside).provider(entry)
    except SignInFailed as error:
        return Finding("FAIL", f"{entry.name}: nobody can sign in: {error}")
    return Finding("ok", f"{entry.name}: people sign in at {shown_url(provider.issuer)}")


def _of(state: ServerState) -> Finding:
    barred = f"; not allowed: {', '.join(state.barred)}" if state.barred else ""
    if state.fault:
        return Finding("FAIL", f"{state.name}: {state.fault}")
    if not state.tools:
        return Finding("FAIL", f"{state.name} works, but none of its tools is allowed{barred}")
    return Finding("ok", f"{state.name}: {', '.join(state.tools)}{barred}")
