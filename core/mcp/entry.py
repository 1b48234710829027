"""An MCP server in `palaver.toml`: how to reach it, and what of it may be used where."""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from core import tenant_names
from core.credentials import secret_in
from core.errors import ConfigError
from core.mcp.frames import Open, ServerTool
from core.messages import Effect
from core.net.urls import fault_of
from core.net.way import DIRECT, Way

CONNECT_S, START_S = 20.0, 60.0
"""How long connecting may take by HTTP, and to a program: it may have to be downloaded first."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,23}")
_PLACE = re.compile(rf"{tenant_names.NAME}(:\S+)?")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110, 5.6.2."""
_VARIABLE = re.compile(r"[=\0]|^$")


class ServerEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[tools.server]]`.

    Args:
        name: stands before the names of its tools: `crm__find`.
        url: of a server that speaks streamable HTTP; or *command*: a program that is started here.
        key: the variable that holds a bearer token for *url*.
        headers: more headers; each value names a variable.
        env: variables of the program; each value names a variable of ours.
        allow: the tools that may be used, by name or pattern (`get_*`). None is, if it is empty.
        read: those that change nothing. `repeat`: those that may be done twice without harm.
        ask: those that always ask first. `trust`: believe what the server says of its tools.
        places: where they may be used, as `platform:id` or `platform`; empty: everywhere.
        role: the least role of a person who may use them.
        sign_in: each person signs in there, and their calls are made in their own name.
        client_id: what we are to its authorization server; unset: we register. `client_secret`
            names the variable of its secret, `issuer` that server, if it is not found by itself or
            has an address inside. `scope`: what to ask for, if not what the server names.
        timeout_s: how long one call may take without a sign of life.
        memory_mb: how much memory the program may take.
    """

    name: str
    url: str = ""
    command: tuple[str, ...] = ()
    key: str = ""
    headers: dict[str, str] = {}
    env: dict[str, str] = {}
    allow: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    repeat: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    trust: bool = False
    places: tuple[str, ...] = ()
    role: Literal["member", "admin", "owner"] = "member"
    sign_in: bool = False
    client_id: str = ""
    client_secret: str = ""
    issuer: str = ""
    scope: tuple[str, ...] = ()
    timeout_s: float = 30.0
    memory_mb: int = 1024

    def allows(self, tool: str) -> bool:
        return _matches(tool, self.allow)

    def asks(self, tool: str) -> bool:
        return _matches(tool, self.ask)

    def effect(self, tool: ServerTool) -> Effect:
        """What *tool* may do to the world. The operator's word counts, then a trusted server's."""
        if _matches(tool.name, self.read):
            return "read_only"
        if _matches(tool.name, self.repeat):
            return "idempotent"
        if self.trust and tool.read_only:
            return "read_only"
        if self.trust and tool.idempotent and tool.destructive is False:
            return "idempotent"
        return "effects"

    def check(self) -> None:
        """Raises ConfigError: the entry cannot work."""
        fault = ""
        if not _NAME.fullmatch(self.name):
            fault = "a name has 1 to 24 small letters, digits and hyphens"
        elif bool(self.url) == bool(self.command):
            fault = "it needs either url or command"
        elif self.url and (wrong := fault_of(self.url)):
            fault = f"url: {wrong}"
        elif self.sign_in and (self.key or not self.url):
            fault = "sign_in needs a url, and no key: people sign in there for themselves"
        elif self.issuer and (wrong := fault_of(self.issuer)):
            fault = f"issuer: {wrong}"
        elif not 1 <= self.timeout_s <= 600:
            fault = "timeout_s must be between 1 and 600"
        elif not 64 <= self.memory_mb <= 65_536:
            fault = "memory_mb must be between 64 and 65536"
        elif not all(map(_PLACE.fullmatch, self.places)):
            fault = "places: each is platform:id, or a platform"
        elif not all(map(_HEADER.fullmatch, self.headers)):
            fault = "headers: a name is none that a header may have"
        elif any(map(_VARIABLE.search, self.env)) or "\0" in "".join(self.command):
            fault = "env and command: a name holds what none may hold"
        if fault:
            raise ConfigError("PALAVER_CONFIG", f"tools.server {self.name[:40]}: {fault}")

    def opening(self, cwd: str, way: Way = DIRECT) -> Open:
        """The first frame for this server. Raises ConfigError: a variable is not set."""
        who = f"the tool server {self.name}"
        headers = _from_variables(self.headers, who)
        if self.key:
            headers["Authorization"] = f"Bearer {secret_in(self.key, who)}"
        return Open(
            url=self.url,
            headers=headers,
            command=self.command,
            env=_from_variables(self.env, who),
            cwd=cwd,
            memory_bytes=self.memory_mb << 20,
            connect_s=CONNECT_S if self.url else START_S,
            by_person=self.sign_in,
            proxy=way.proxy_for(self.url) or "" if self.url else "",
            ca=way.ca,
        )


def _from_variables(named: Mapping[str, str], who: str) -> dict[str, str]:
    return {name: secret_in(variable, who) for name, variable in named.items()}


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
