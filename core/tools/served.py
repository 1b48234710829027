"""The tools of one MCP server, as a turn knows them."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from core.mcp.authorization import SignInFailed, challenge
from core.mcp.entry import ServerEntry
from core.mcp.frames import Done, Item, ServerTool
from core.mcp.server import CallFailed, McpServer
from core.messages import Effect
from core.models.folding import visible
from core.tools.accounts import Accounts
from core.tools.registry import may_use
from core.tools.tool import (
    SignInNeeded,
    ToolContext,
    ToolError,
    ToolResult,
    ToolSpec,
    ToolUnsure,
)

BETWEEN = "__"
"""Stands between the names of a server and its tool. A server's own name never has it."""
READ, FILL, SIGN_IN = "read_resource", "use_prompt", "sign_in"
ITEMS = 30
_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_ROLES = ("member", "admin", "owner")


def tools_of(server: McpServer, accounts: Accounts | None) -> Iterator["ServedTool"]:
    """What *server* offers and its entry allows. *accounts*: of those who sign in there."""
    entry, listed = server.entry, server.listed
    for tool in listed.tools:
        if entry.allows(tool.name):
            yield ServedTool(server, tool, entry.effect(tool), accounts)
    for name, field, items in ((READ, "uri", listed.resources), (FILL, "name", listed.prompts)):
        if items and entry.allows(name):
            yield ServedTool(server, _for_items(name, field, items), "read_only", accounts)
    if entry.sign_in:
        # Until somebody has signed in, nobody knows what else there is. Its own tool of that name,
        # if it has one, is of no use.
        yield ServedTool(server, _signing_in(entry.name), "read_only", accounts)


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


def _signing_in(server: str) -> ServerTool:
    what = (
        f"Lets the person sign in to {server}; its tools are known after that. Call it if the "
        f"person wants something of {server} and no other tool of it is there."
    )
    return ServerTool(SIGN_IN, what, {"type": "object", "properties": {}})


class ServedTool:
    """A tool of a server."""

    def __init__(
        self, server: McpServer, tool: ServerTool, effect: Effect, accounts: Accounts | None
    ) -> None:
        self._server = server
        self._tool = tool
        self._accounts = accounts
        self.trusted = server.entry.trust
        self.spec = _spec(server.entry, tool, effect)

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        try:
            done = await self._call(dict(arguments), context)
        except CallFailed as error:
            text = f"the tool server {self._server.entry.name}: {error.why}: {error}"
            raise (ToolError if error.sure else ToolUnsure)(text) from error
        except SignInFailed as error:
            raise ToolError(str(error)) from error
        return ToolResult(visible(done.text), is_error=done.is_error)

    async def _call(self, given: dict[str, Any], context: ToolContext) -> Done:
        """Call it, if people sign in there in the name of who asks."""
        entry = self._server.entry
        if not entry.sign_in:
            return await self._ask(given, context, "")
        if self._accounts is None:
            raise ToolError("nobody can sign in here: ACCOUNTS_KEY or PUBLIC_URL is not set")
        account = await self._accounts.of(context.person, entry)
        for _ in range(2):
            if account is None:
                break
            try:
                return await self._ask(given, context, account.access)
            except CallFailed as error:
                if error.why != "denied":
                    raise
                asked = challenge(str(error))
            if asked.get("error") == "insufficient_scope":
                scopes = dict.fromkeys(f"{account.scope} {asked.get('scope', '')}".split())
                raise SignInNeeded(entry.name, " ".join(scopes))
            account = await self._accounts.of(context.person, entry, refused=account.access)
        raise SignInNeeded(entry.name)

    async def _ask(self, given: dict[str, Any], context: ToolContext, token: str) -> Done:
        name, server = self._tool.name, self._server
        if name == READ:
            uri = str(given.get("uri"))
            # An address that the model makes up could carry away what it has read.
            if all(uri != one.name for one in server.listed.resources):
                raise ToolError("There is no such resource. Read one of those that are listed.")
            return await server.call("read", uri, {}, token=token)
        if name == FILL:
            words = given.get("arguments") or {}
            return await server.call("fill", str(given.get("name")), words, token=token)
        if name == SIGN_IN:
            await server.call("list", "", {}, token=token)
            return Done(0, "The person is signed in. Call its tools.")
        return await server.call(
            "call",
            name,
            given,
            key=context.key,
            token=token,
            on_progress=context.progress,
        )


def may_sign_in(entry: ServerEntry, context: ToolContext) -> bool:
    """Whether the server of *entry* is known in the place and to the role of *context*."""
    return may_use(_spec(entry, _signing_in(entry.name), "read_only"), context)


def _spec(entry: ServerEntry, tool: ServerTool, effect: Effect) -> ToolSpec:
    foreign = not (entry.trust and tool.open_world is False)
    return ToolSpec(
        name=_named(entry.name, tool.name),
        description=visible(tool.description),
        schema=tool.schema,
        effect=effect,
        timeout_s=4 * entry.timeout_s + 5,
        foreign=foreign,
        # The addresses of resources are looked up in the server's own list.
        sends=foreign and tool.name not in (READ, SIGN_IN),
        places=entry.places,
        roles=_ROLES[_ROLES.index(entry.role) :],
        asks=entry.asks(tool.name),
    )


def _named(server: str, tool: str) -> str:
    """A name that every provider takes, different for different tools."""
    name = f"{server}{BETWEEN}{tool}"
    plain = _NAME.sub("_", name)
    if plain == name and len(name) <= 64:
        return name
    return f"{plain[:55]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def hints(tool: ServedTool) -> Mapping[str, str]:
    """What is pinned besides: what a server that is believed says of its tool's effects.

    It stands under a name of its own, so that what older versions pinned stays as it is.
    """
    if not tool.trusted:
        return {}
    return {f"{tool.spec.name} hints": f"{tool.spec.effect} {tool.spec.foreign}"}


def digest(spec: ToolSpec) -> str:
    """The same as long as the model is told the same of the tool."""
    told = msgspec.json.encode((spec.name, spec.description, spec.schema), order="sorted")
    return hashlib.sha256(told).hexdigest()
