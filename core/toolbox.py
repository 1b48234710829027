"""Opens all tools: the built-in ones, those of the web, and those of MCP servers."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from core.errors import ConfigError
from core.mcp.entry import ServerEntry
from core.mcp.oauth import OAuth
from core.net.outside import Outside
from core.sandbox.run import Sandbox
from core.settings import Settings
from core.tools.accounts import Accounts, KeptAccounts
from core.tools.built_in import BUILT_IN
from core.tools.of_turn import IMAGE, OfTurn
from core.tools.read_page import ReadPage
from core.tools.registry import Tools
from core.tools.servers import Pins, Servers
from core.tools.tool import Tool
from core.tools.web_search import WebSearch

READ_PAGE = "read_page"
BACK, DOCUMENT = "/sign-in-back", "/sign-in-client.json"
"""Where authorization servers send people back to, and where they read who we are."""


@asynccontextmanager
async def open_tools(
    settings: Settings,
    entries: Sequence[ServerEntry],
    pins: Pins,
    kept: KeptAccounts | None = None,
    *,
    idle: bool = False,
    paints: bool = True,
) -> AsyncIterator[tuple[Tools, Servers]]:
    """The tools of *settings*, and the servers of *entries*, whose tools join them.

    *kept*: the accounts of people, if some servers ask them to sign in. *idle*: the servers are
    started later, as `Servers.begin` says. *paints*: there is an API for pictures.

    Raises:
        ConfigError: there is no such tool, or a search lacks its key.
    """
    async with AsyncExitStack() as stack:
        names = list(dict.fromkeys(settings.tools))
        if "web_search" in names:
            raise ConfigError("SEARCH", "names the search of web_search; TOOLS need not")
        if unknown := [name for name in names if name not in (*BUILT_IN, READ_PAGE)]:
            known = ", ".join((*BUILT_IN, READ_PAGE))
            raise ConfigError("TOOLS", f"there is no tool {unknown[0]}; there are {known}")
        usable = [name for name in names if name in BUILT_IN and (paints or name != IMAGE.name)]
        tools: list[Tool] = [BUILT_IN[name]() for name in usable]
        if settings.image_callbacks and IMAGE.name in names:
            # The picture has a task of its own, by the key of its call: it is painted once.
            tools = [OfTurn(IMAGE, "idempotent") if one.spec == IMAGE else one for one in tools]
        if settings.search and settings.search != "native":
            session = await stack.enter_async_context(settings.way.session(limit=20))
            key = settings.search_key.get_secret_value()
            tools.append(WebSearch(session, settings.search, key, settings.search_url))
        if settings.search or READ_PAGE in names:
            outside = await stack.enter_async_context(Outside(settings.way))
            tools.append(ReadPage(outside, Sandbox()))
        accounts = None
        if kept is not None:
            outside = await stack.enter_async_context(Outside(settings.way))
            accounts = Accounts(oauth_of(settings, outside), kept)
        opened = Servers(entries, pins, accounts, settings.way, idle=idle)
        servers = await stack.enter_async_context(opened)
        yield Tools(tools, servers.known), servers


def oauth_of(settings: Settings, outside: Outside) -> OAuth:
    """Who we are to authorization servers: they take a document of ours from https only."""
    url = settings.public_url
    return OAuth(outside, f"{url}{BACK}", f"{url}{DOCUMENT}" if url.startswith("https:") else "")
