"""
Tools whose effects can be counted: a loopback server that does them, and tools that call it.

`tests/with_tools.py` starts Palaver with these tools in a process of its own.
"""

import asyncio
import re
from collections import Counter
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from core.tools.tool import ToolContext, ToolError, ToolResult, ToolSpec
from tests.servers.loopback import listening

SCHEMA = {
    "type": "object",
    "properties": {"what": {"type": "string"}},
    "required": ["what"],
    "additionalProperties": False,
}
EFFECTS = {"look": "read_only", "set": "idempotent", "make": "effects"}
"""The tools by what they do outside."""
ALL = ("time", "calculate", *EFFECTS)
MARK = re.compile(r"^=== [0-9a-f]{8} ===\n|\n=== [0-9a-f]{8} ===", re.MULTILINE)


class ToolServer:
    """Counts what it is asked to do, as (tool, what). `hold` keeps answers back until it is set."""

    def __init__(self):
        self.done = Counter()
        self.keys = {}
        """The keys of the calls, in order, by (tool, what)."""
        self.running = 0
        self.most_running = 0
        self.order = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.seconds = 0.0
        self.hold_at = ""
        """The tool whose answers never come."""
        self.url = ""

    @asynccontextmanager
    async def running_at(self):
        app = web.Application()
        app.router.add_post("/{tool}", self._do)
        async with listening(app) as self.url:
            yield self

    async def _do(self, request):
        body = await request.json()
        what = request.match_info["tool"], body["what"]
        self.done[what] += 1
        self.order.append(what)
        self.keys.setdefault(what, []).append(body["key"])
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(self.seconds)
            await self.hold.wait()
            while self.hold_at == what[0]:
                await asyncio.sleep(0.05)
        finally:
            self.running -= 1
        if body["what"].startswith("wrong"):
            return web.json_response({"error": "it cannot be done"}, status=400)
        return web.json_response({"text": f"{what[0]} {what[1]} number {self.done[what]}"})


class ServedTool:
    """The tool *name* of the `ToolServer` at *url*. *more* may change its effect."""

    def __init__(self, url, name, **more):
        self._url = url
        fields = {"effect": EFFECTS.get(name, "effects"), "schema": SCHEMA, **more}
        self.spec = ToolSpec(name, f"Does {name}.", **fields)

    async def call(self, arguments, context: ToolContext):
        asked = {"what": arguments["what"], "key": context.key}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self._url}/{self.spec.name}", json=asked) as response,
        ):
            said = await response.json()
        if response.status != 200:
            raise ToolError(said["error"])
        return ToolResult(said["text"])


def outputs(body):
    told = [one["content"] for one in body["messages"] if one["role"] == "tool"]
    return [MARK.sub("", one) for one in told]


def calling(model, *rounds):
    """The model makes these rounds, each a text and calls; then it tells what came of all."""

    def call(body):
        done = sum(
            one["role"] == "assistant" and bool(one.get("tool_calls")) for one in body["messages"]
        )
        return rounds[done] if done < len(rounds) else None

    model.calling = call
    model.answer = lambda messages: "RESULT " + " / ".join(outputs({"messages": messages}))
