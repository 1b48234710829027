"""Tools of MCP servers: each server is kept alive by itself, and its tools join the registry.

What a server says of its tools is a stranger's text that the model reads as if it were ours. So it
is pinned when it is first seen. If it changes later, the tool waits until an admin accepts that.
"""

import asyncio
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Protocol, Self

import msgspec

from core.errors import StoreError
from core.mcp.entry import ServerEntry
from core.mcp.frames import Item, ServerTool
from core.mcp.server import NOT_STARTED, CallFailed, McpServer
from core.messages import Effect
from core.models.folding import visible
from core.tasks import end
from core.telemetry import logger
from core.tools.registry import Known
from core.tools.tool import ToolContext, ToolError, ToolResult, ToolSpec, ToolUnsure

log = logger(__name__)

BETWEEN = "__"
"""Stands between the names of a server and its tool. A server's own name never has it."""
READ, FILL = "read_resource", "use_prompt"
ITEMS = 30
_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_ROLES = ("member", "admin", "owner")
PINS_AGAIN_S = 5.0
START_S = 5.0
"""How long after the start of the program turns wait for servers that were not tried yet."""


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
    """

    def __init__(self, entries: Sequence[ServerEntry], pins: Pins, *, idle: bool = False) -> None:
        self._pins = pins
        self._idle = idle
        self._servers = [McpServer(entry, self._look_later) for entry in entries]
        self._known: Mapping[str, Known] = {}
        self._changed: Mapping[str, str] = {}
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.tried = asyncio.Event()
        """Set once each server is connected, or has failed to be."""
        self._latest = 0.0

    async def __aenter__(self) -> Self:
        if not self._idle:
            self.begin()
        return self

    def begin(self) -> None:
        """Start the servers, unless that was done."""
        if self._tasks:
            return
        self._latest = asyncio.get_running_loop().time() + START_S
        self._tasks = [
            asyncio.create_task(server.run(), name=f"tool server {server.entry.name}")
            for server in self._servers
        ]
        if self._servers:
            self._tasks.append(asyncio.create_task(self._follow(), name="tools of servers"))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await end(self._tasks, again_s=20.0)

    async def started(self) -> None:
        """Wait for servers that are still being started for the first time.

        Without this, a process that takes a turn over just after its start would not know the tools
        that the turn calls.
        """
        if self._tasks and not self.tried.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._latest):
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
        await self._pins.accept(accepted)
        self._look_later()
        return list(accepted)

    def _look_later(self) -> None:
        self._news.set()

    async def _follow(self) -> None:
        """Keep the list of tools up to date."""
        while True:
            await self._news.wait()
            self._news.clear()
            tools = {tool.spec.name: tool for server in self._servers for tool in _tools_of(server)}
            seen = {name: _digest(tool.spec) for name, tool in tools.items()}
            try:
                pinned = await self._pins.pin(seen)
            except StoreError as error:
                log.warning("tools of servers wait for the store", reason=str(error))
                await asyncio.sleep(PINS_AGAIN_S)
                self._news.set()
                continue
            changed = {name: seen[name] for name in seen if pinned.get(name) != seen[name]}
            for name in changed.keys() - self._changed.keys():
                log.warning("a tool has changed, and waits for an admin", tool=name)
            self._changed = changed
            self._known = dict(_checked(tools[name] for name in tools if name not in changed))
            if all(server.fault != NOT_STARTED for server in self._servers):
                self.tried.set()


def _those_of(server: str, names: Iterable[str]) -> list[str]:
    """Those of *names* that are of tools of *server*."""
    return [one for one in names if one.startswith(f"{server}{BETWEEN}")]


def _waiting(changed: Sequence[str]) -> str:
    return f"changed, waits for /tools accept: {', '.join(changed)}" if changed else ""


def _checked(tools: Iterator["ServedTool"]) -> Iterator[tuple[str, Known]]:
    for tool in tools:
        try:
            yield tool.spec.name, Known(tool)
        except ValueError as error:
            log.warning("a tool cannot be used", tool=tool.spec.name, reason=str(error))


def _tools_of(server: McpServer) -> Iterator["ServedTool"]:
    entry, listed = server.entry, server.listed
    for tool in listed.tools:
        if entry.allows(tool.name):
            yield ServedTool(server, tool, entry.effect(tool))
    for name, field, items in ((READ, "uri", listed.resources), (FILL, "name", listed.prompts)):
        if items and entry.allows(name):
            yield ServedTool(server, _for_items(name, field, items), "read_only")


def _for_items(name: str, field: str, items: Sequence[Item]) -> ServerTool:
    """A tool that reads the resources, or fills the prompts, of a server."""
    rows = "\n".join(
        f"- {one.name} {', '.join(one.arguments)}: {one.description}" for one in items[:ITEMS]
    )
    what = "Reads one of these resources:" if name == READ else "Gives one of these instructions:"
    properties: dict[str, Any] = {field: {"type": "string", "maxLength": 2_000}}
    if name == FILL:
        properties["arguments"] = {"type": "object", "additionalProperties": {"type": "string"}}
    schema = {"type": "object", "properties": properties, "required": [field]}
    return ServerTool(name, f"{what}\n{rows}", schema)


class ServedTool:
    """A tool of a server."""

    def __init__(self, server: McpServer, tool: ServerTool, effect: Effect) -> None:
        entry = server.entry
        self._server = server
        self._tool = tool
        self.spec = ToolSpec(
            name=_named(entry.name, tool.name),
            description=visible(tool.description),
            schema=tool.schema,
            effect=effect,
            timeout_s=4 * entry.timeout_s + 5,
            foreign=not (entry.trust and tool.open_world is False),
            places=entry.places,
            roles=_ROLES[_ROLES.index(entry.role) :],
            asks=entry.asks(tool.name),
        )

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        name, given = self._tool.name, dict(arguments)
        try:
            if name == READ:
                done = await self._server.call("read", str(given.get("uri")), {})
            elif name == FILL:
                words = given.get("arguments") or {}
                done = await self._server.call("fill", str(given.get("name")), words)
            else:
                done = await self._server.call(
                    "call", name, given, key=context.key, on_progress=context.progress
                )
        except CallFailed as error:
            text = f"the tool server {self._server.entry.name}: {error.why}: {error}"
            raise (ToolError if error.sure else ToolUnsure)(text) from error
        return ToolResult(visible(done.text), is_error=done.is_error)


def _named(server: str, tool: str) -> str:
    """A name that every provider takes, different for different tools."""
    name = f"{server}{BETWEEN}{tool}"
    plain = _NAME.sub("_", name)
    if plain == name and len(name) <= 64:
        return name
    return f"{plain[:55]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _digest(spec: ToolSpec) -> str:
    """The same as long as the model is told the same of the tool."""
    told = msgspec.json.encode((spec.name, spec.description, spec.schema), order="sorted")
    return hashlib.sha256(told).hexdigest()
