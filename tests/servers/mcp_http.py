"""A strict MCP server of streamable HTTP, without the SDK, as a stranger would write or abuse it.

Sources: modelcontextprotocol.io/specification/2025-06-18 (and 2025-03-26, 2025-11-25),
basic/transports#streamable-http and basic/lifecycle. Each broken rule is noted in `broken`.
"""

import asyncio
import json
import secrets
from contextlib import asynccontextmanager

from aiohttp import web

from tests.servers.loopback import listening

OBJECT = {"type": "object", "properties": {"text": {"type": "string"}}}
WHO = {"name": "whoami", "description": "Who is signed in.", "inputSchema": OBJECT}
ECHO = {"name": "echo", "description": "Say it again.", "inputSchema": OBJECT}
SEND = {"name": "send", "description": "Send it.", "inputSchema": OBJECT}


class McpHttp:
    """Answers as *mode* says. *user* gives the user of a request; `None`: 401 with `challenge`."""

    def __init__(self, mode="plain", version="2025-06-18", sessions=True, user=None):
        self.mode, self.version, self.with_sessions = mode, version, sessions
        self.user = user
        self.tools = [dict(WHO), dict(ECHO), dict(SEND)]
        self.sessions = {}
        self.broken = []
        self.calls = []
        """Each call of a tool that was carried out: (user, name, text)."""
        self.headers = []
        self.initialized = 0
        self.challenge = "Bearer"
        self.streams = []
        self.elsewhere = ""
        self.hold = asyncio.Event()
        self.url = ""

    @asynccontextmanager
    async def running(self, *routes):
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/mcp", self.post)
        app.router.add_get("/mcp", self.get)
        app.router.add_delete("/mcp", self.delete)
        app.add_routes(routes)
        async with listening(app) as root:
            self.url = f"{root}/mcp"
            yield self
            self.hold.set()
            for queue in self.streams:
                queue.put_nowait(None)

    def rule(self, kept, told):
        if not kept:
            self.broken.append(told)

    async def tell(self, method):
        """A notification on each open stream."""
        for queue in self.streams:
            queue.put_nowait({"jsonrpc": "2.0", "method": method})

    def _denied(self, request):
        self.headers.append(dict(request.headers))
        if self.mode == "moved":
            raise web.HTTPTemporaryRedirect(self.elsewhere)
        # .../basic/authorization: a token is never in the address.
        self.rule("access_token" not in request.query, "a token in the address")
        if self.user is None:
            return "somebody"
        user = self.user(request)
        if user is None:
            headers = {"WWW-Authenticate": self.challenge}
            raise web.HTTPUnauthorized(headers=headers)
        return user

    async def post(self, request):
        user = self._denied(request)
        # #sending-messages-to-the-server: both content types must be accepted.
        accept = request.headers.get("Accept", "")
        self.rule("application/json" in accept and "text/event-stream" in accept, "Accept")
        body = await request.json()
        # 2025-06-18 removed batches.
        self.rule(isinstance(body, dict), "a batch")
        method = body.get("method")
        if method == "server/discover" or (method != "initialize" and not self._known(request)):
            # #session-management: 400 without a session, 404 for one that has ended.
            lost = "Mcp-Session-Id" in request.headers
            raise web.HTTPNotFound if lost else web.HTTPBadRequest
        if "id" not in body:
            return web.Response(status=202)
        headers = {}
        if method == "initialize":
            self.initialized += 1
            if self.with_sessions:
                session = secrets.token_hex(8)
                self.sessions[session] = user
                headers["Mcp-Session-Id"] = session
        elif self.version >= "2025-06-18":
            version = request.headers.get("MCP-Protocol-Version")
            self.rule(version == self.version, f"MCP-Protocol-Version {version}")
        answer = {"jsonrpc": "2.0", "id": body["id"], **await self._answer(user, body)}
        if self.mode == "floods" and method == "tools/call":
            return await self._flood(request)
        if self.mode == "lies" and method == "tools/call":
            # The answer to a question that nobody asked, and then none.
            answer["id"] = 424_242
        if self.mode == "sse":
            stream = web.StreamResponse(headers={"Content-Type": "text/event-stream", **headers})
            await stream.prepare(request)
            await stream.write(f"event: message\ndata: {json.dumps(answer)}\n\n".encode())
            return stream
        return web.json_response(answer, headers=headers)

    def _known(self, request):
        if not self.with_sessions:
            return True
        return request.headers.get("Mcp-Session-Id") in self.sessions

    async def _answer(self, user, body):
        method, params = body["method"], body.get("params") or {}
        if method == "initialize":
            capabilities = {"tools": {"listChanged": True}, "resources": {}, "prompts": {}}
            info = {"name": "stranger", "version": "1"}
            return {
                "result": {
                    "protocolVersion": self.version,
                    "capabilities": capabilities,
                    "serverInfo": info,
                }
            }
        if method == "tools/list":
            return {"result": {"tools": self.tools}}
        if method == "resources/list":
            return {"result": {"resources": [{"uri": "memo://one", "name": "one"}]}}
        if method == "resources/read":
            return {"result": {"contents": [{"uri": "memo://one", "text": f"memo of {user}"}]}}
        if method == "prompts/list":
            found = [{"name": "greet", "arguments": [{"name": "who", "required": True}]}]
            return {"result": {"prompts": found}}
        if method == "prompts/get":
            text = {"type": "text", "text": f"Greet {params['arguments']['who']}."}
            return {"result": {"messages": [{"role": "user", "content": text}]}}
        if method == "tools/call":
            text = (params.get("arguments") or {}).get("text", "")
            self.calls.append((user, params["name"], text))
            if self.mode == "hangs":
                await self.hold.wait()
            said = user if params["name"] == "whoami" else f"{text} ({user})"
            return {"result": {"content": [{"type": "text", "text": said}]}}
        return {"error": {"code": -32601, "message": "Method not found"}}

    async def _flood(self, request):
        stream = web.StreamResponse(headers={"Content-Type": "application/json"})
        await stream.prepare(request)
        with_bytes = b"x" * (1 << 20)
        await stream.write(b'{"jsonrpc": "2.0", "id": 1, "result": "')
        for _ in range(1024):
            await stream.write(with_bytes)
        return stream

    async def get(self, request):
        self._denied(request)
        if not self._known(request):
            raise web.HTTPNotFound
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        queue = asyncio.Queue()
        self.streams.append(queue)
        while (message := await queue.get()) is not None:
            await stream.write(f"data: {json.dumps(message)}\n\n".encode())
        return stream

    async def delete(self, request):
        self.sessions.pop(request.headers.get("Mcp-Session-Id"), None)
        return web.Response(status=200)
