"""Tools of MCP servers: each server is kept alive by itself, and its tools join the registry.

What a server says of its tools is a stranger's text that the model reads as if it were ours. So it
is pinned when it is first seen. If it changes later, the tool waits until an admin accepts that.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

import msgspec

from core.errors import StoreError
from core.mcp.entry import ServerEntry
from core.mcp.frames import Listed
from core.mcp.oauth import Account
from core.mcp.server import NOT_STARTED, McpServer
from core.models.folding import visible
from core.net.way import DIRECT, Way
from core.tasks import end
from core.telemetry import logger
from core.tools.accounts import Accounts
from core.tools.registry import Known
from core.tools.served import BETWEEN, ServedTool, digest, hints, tools_of

log = logger(__name__)

PINS_AGAIN_S = 5.0
START_S, CALLED_S = 15.0, 60.0
"""How long after the start of the program turns wait for servers that were not tried yet; and how
long calls do that were planned before the start."""


class Pins(Protocol):
    """What was first seen of each tool. Each method raises `StoreError`."""

    async def pin(self, seen: Mapping[str, str]) -> Mapping[str, str]:
        """Keep the digest of each tool in *seen* that has none yet. Returns those that hold."""
        ...

    async def accept(self, seen: Mapping[str, str]) -> None:
        """Keep the digests in *seen*, whatever was kept before."""
        ...


class ServerState(msgspec.Struct, frozen=True):
    """What an operator may know of a server.

    *changed*: tools that wait for an admin. *barred*: those that its entry does not allow, by the
    server's own names.
    """

    name: str
    fault: str
    tools: tuple[str, ...]
    changed: tuple[str, ...]
    barred: tuple[str, ...]


class Servers:
    """The servers of *entries*. An async context manager: they run while it is open.

    *idle*: they wait for `begin`.

    Attributes:
        accounts: of people who sign in to servers; None if nobody can.
    """

    def __init__(
        self,
        entries: Sequence[ServerEntry],
        pins: Pins,
        accounts: Accounts | None = None,
        way: Way = DIRECT,
        *,
        idle: bool = False,
    ) -> None:
        self._pins = pins
        self._idle = idle
        self.accounts = accounts
        self._servers = [McpServer(entry, self._look_later, way) for entry in entries]
        self._updating = asyncio.Lock()
        self._known: Mapping[str, Known] = {}
        self._changed: Mapping[str, Mapping[str, str]] = {}
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.tried = asyncio.Event()
        """Set once each server is connected, or has failed to be."""
        self._began = 0.0

    async def __aenter__(self) -> Self:
        if not self._idle:
            self.begin()
        return self

    def begin(self) -> None:
        """Start the servers, unless that was done."""
        if self._tasks:
            return
        self._began = asyncio.get_running_loop().time()
        self._tasks = [
            asyncio.create_task(server.run(), name=f"tool server {server.entry.name}")
            for server in self._servers
        ]
        if self._servers:
            self._tasks.append(asyncio.create_task(self._follow(), name="tools of servers"))
        if self.accounts is not None:
            hearing = self._hear(self.accounts)
            self._tasks.append(asyncio.create_task(hearing, name="offers of servers"))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await end(self._tasks, again_s=20.0)
        if self.accounts is not None:
            await self.accounts.close()

    async def started(self, *, called: bool = False) -> None:
        """Wait for servers that are still being started for the first time.

        Without this, a process that takes a turn over just after its start would not know the tools
        that the turn calls. *called*: it calls some for sure.
        """
        if self._tasks and not self.tried.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._began + (CALLED_S if called else START_S)):
                    await self.tried.wait()

    def known(self) -> Mapping[str, Known]:
        """The tools that may be used now, by their names."""
        return self._known

    def states(self) -> Sequence[ServerState]:
        """How the servers are, for those who run the bot."""
        return [
            ServerState(
                name := server.entry.name,
                server.fault,
                tuple(_those_of(name, self._known)),
                tuple(_those_of(name, self._changed)),
                tuple(
                    visible(tool.name)[:64]
                    for tool in server.listed.tools
                    if not server.entry.allows(tool.name)
                ),
            )
            for server in self._servers
        ]

    @property
    def faults(self) -> Sequence[str]:
        """Which servers are away, or have tools that wait for an admin, for who runs the bot."""
        wrong = ((one.name, one.fault or _waiting(one.changed)) for one in self.states())
        said = ((name, why) for name, why in wrong if why not in ("", NOT_STARTED))
        return [f"tool server {name}: {why}" for name, why in said]

    async def accept(self, server: str) -> Sequence[str]:
        """Let the changed tools of *server* be used. Returns their names. Raises StoreError."""
        accepted = {name: self._changed[name] for name in _those_of(server, self._changed)}
        await self._pins.accept({k: v for one in accepted.values() for k, v in one.items()})
        self._look_later()
        return list(accepted)

    def _look_later(self) -> None:
        self._news.set()

    def asking(self, name: str) -> ServerEntry | None:
        """The entry of the server *name*, if it asks people to sign in."""
        found = (one.entry for one in self._servers if one.entry.sign_in)
        return next((one for one in found if one.name == name), None)

    async def connect(self, name: str, account: Account) -> None:
        """Learn what the server *name* offers to who has *account*."""
        server = next(one for one in self._servers if one.entry.name == name)
        await server.call("list", "", {}, token=account.access)
        await self.update()

    async def _follow(self) -> None:
        """Keep the list of tools up to date."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self.update()
            except StoreError as error:
                log.warning("tools of servers wait for the store", reason=str(error))
                await asyncio.sleep(PINS_AGAIN_S)
                self._news.set()
                continue
            if all(server.fault != NOT_STARTED for server in self._servers):
                self.tried.set()

    async def _hear(self, accounts: Accounts) -> None:
        """What somebody was offered through another process is in the store."""
        while True:
            with suppress(StoreError):
                async with accounts.kept.offered() as notes:
                    self._look_later()
                    async for _ in notes:
                        self._look_later()
            await asyncio.sleep(PINS_AGAIN_S)

    async def update(self) -> None:
        """Bring the list of tools up to date. Raises `StoreError`."""
        async with self._updating:
            for server in self._servers:
                await self._share(server)
            served = [tools_of(server, self.accounts) for server in self._servers]
            tools = {tool.spec.name: tool for some in served for tool in some}
            seen = {name: {name: digest(tool.spec), **hints(tool)} for name, tool in tools.items()}
            pinned = await self._pins.pin({k: v for one in seen.values() for k, v in one.items()})
            changed = {
                name: now
                for name, now in seen.items()
                if any(pinned.get(one) != told for one, told in now.items())
            }
            for name in changed.keys() - self._changed.keys():
                log.warning("a tool has changed, and waits for an admin", tool=name)
            self._changed = changed
            self._known = dict(_checked(tools[name] for name in tools if name not in changed))

    async def _share(self, server: McpServer) -> None:
        """What people were offered by *server* here is kept, and what others were is known."""
        if self.accounts is None or not server.entry.sign_in:
            return
        told, server.told = server.told, Listed()
        try:
            kept = await self.accounts.kept.offers(server.entry.name) or Listed()
            server.listed = kept.joined(told)
            if server.listed != kept:
                await self.accounts.kept.keep_offers(server.entry.name, server.listed)
        except StoreError:
            server.told = told.joined(server.told)
            raise


def _those_of(server: str, names: Iterable[str]) -> list[str]:
    """Those of *names* that are of tools of *server*."""
    return [one for one in names if one.startswith(f"{server}{BETWEEN}")]


def _waiting(changed: Sequence[str]) -> str:
    return f"changed, waits for /tools accept: {', '.join(changed)}" if changed else ""


def _checked(tools: Iterator["ServedTool"]) -> Iterator[tuple[str, Known]]:
    for tool in tools:
        known = Known(tool)
        try:
            known.check()  # A stranger's schema: making the check is what may fail.
        except ValueError as error:
            log.warning("a tool cannot be used", tool=tool.spec.name, reason=str(error))
        else:
            yield tool.spec.name, known
