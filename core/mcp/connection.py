"""One connection to an MCP server, by the official SDK, and the calls that go through it.

A server of HTTP in whose name nobody speaks alone has a connection for each person who signed in:
what one of them may do, the calls of another cannot.
"""

import asyncio
import os
import ssl
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal, cast

import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import (
    CONNECTION_CLOSED,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    REQUEST_TIMEOUT,
    ServerNotification,
)

from core.mcp.answers import TEXT_CHARS, listed, text_of
from core.mcp.faults import OLD, is_old, reason
from core.mcp.frames import Call, Done, Failed, News, Open, Progress
from core.words import cut, shortened

PROGRESS_CHARS, PROGRESS_EVERY_S = 80, 1.0
AGAIN_S = 600.0
"""Servers of older protocols that do not tell of changes are asked again this often."""
LOST = "the connection is lost"
CHALLENGE_CHARS = 2_000
Why = Literal["refused", "timeout", "broken", "away", "denied"]
_WHY: Mapping[int, Why] = {
    INVALID_PARAMS: "refused",
    METHOD_NOT_FOUND: "refused",
    REQUEST_TIMEOUT: "timeout",
}


_denials: ContextVar[list[str]] = ContextVar("denials")
"""What the server said to one call when it wanted its person to sign in."""


class Connection:
    """The server of *spec*, as whoever *token* is of; empty: as the operator.

    Attributes:
        fault: why it ended, once it has.
        expired: the server has forgotten the session. What was asked in it was not done.
        running: how many calls go through it. `used`: when the last one began.
    """

    def __init__(self, spec: Open, say: Callable[[News], None], token: str = "") -> None:
        self.fault = ""
        self.expired = False
        self.running = 0
        self.used = asyncio.get_running_loop().time()
        self.ready = asyncio.Event()
        """Set once it is connected, or has ended."""
        self._spec = spec
        self._say = say
        self._token = token
        self._denials: list[str] = []
        """What the server said when it wanted somebody to sign in before it was connected."""
        self._status = 0
        """Of the last answer by HTTP before it was connected, if that refused something."""
        self._lost = asyncio.Event()
        self._changed = asyncio.Event()
        self._client = Client(self._transport(), message_handler=self._on_message)
        self._task = asyncio.create_task(self._run(), name="connection")

    @property
    def ending(self) -> bool:
        """Whether no new call may go through it."""
        return self._task.done() or self._lost.is_set()

    def close(self) -> None:
        self._lost.set()

    async def wait_lost(self) -> None:
        await self._lost.wait()

    async def wait_closed(self) -> None:
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        """Keep the connection: the SDK wants it opened and closed in one task."""
        spec = self._spec
        try:
            async with asyncio.timeout(spec.connect_s) as connecting, self._client as client:
                connecting.reschedule(None)
                self._say(await listed(client))
                self.ready.set()
                if spec.command:
                    _watch(self._lost)
                following = asyncio.create_task(self._follow())
                try:
                    await self._lost.wait()
                finally:
                    following.cancel()
        except TimeoutError:
            self.fault = "it does not answer"
        except (BaseExceptionGroup, Exception) as error:
            status = self._status
            old = bool(spec.url) and await is_old(self._http(), spec.url, status)
            self.fault = OLD if old else reason(error, status)
        except asyncio.CancelledError:
            # The SDK cancels the task around it when a server of HTTP goes away.
            self.fault = LOST
        finally:
            self.fault = self.fault or LOST
            if self._denials and not self._token:
                self.fault = f"it wants somebody to sign in ({self._denials[-1]})"
            self._lost.set()
            self.ready.set()

    def _transport(self) -> Any:
        spec = self._spec
        if spec.url:
            return streamable_http_client(spec.url, http_client=self._http())
        launch = Path(__file__).with_name("launch.py")
        return StdioServerParameters(
            command=sys.executable,
            args=["-I", "-S", str(launch), str(os.getpid()), str(spec.memory_bytes), *spec.command],
            env=spec.env,
            cwd=spec.cwd,
            encoding_error_handler="replace",
        )

    def _http(self) -> httpx2.AsyncClient:
        spec, trusted = self._spec, ssl.create_default_context()
        if spec.ca:
            trusted.load_verify_locations(spec.ca)
        own = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return httpx2.AsyncClient(
            headers={**spec.headers, **own},
            timeout=httpx2.Timeout(spec.connect_s, read=300.0),
            follow_redirects=False,
            proxy=spec.proxy or None,
            verify=trusted,
            # It would also send the passwords of `.netrc`.
            trust_env=False,
            event_hooks={"response": [self._on_response]},
        )

    async def _on_response(self, response: httpx2.Response) -> None:
        """Notice what the SDK does not tell apart."""
        if not self.ready.is_set():
            self._status = response.status_code if response.is_error else 0
        asked = response.headers.get("WWW-Authenticate", "")
        scope = response.status_code == 403 and "insufficient_scope" in asked
        if response.status_code == 401 or scope:
            # The SDK sends in the context of who asked.
            _denials.get(self._denials).append(cut(asked, CHALLENGE_CHARS) or "Bearer")
        # .../2025-06-18/basic/transports#session-management: 404 ends a session.
        if response.status_code == 404 and "mcp-session-id" in response.request.headers:
            self.expired = True
            self._lost.set()

    async def _on_message(self, message: object) -> None:
        if isinstance(message, ServerNotification) and "list_changed" in message.method:
            self._changed.set()

    async def _follow(self) -> None:
        """Tell what the server offers, whenever that may have changed."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_S):
                    await self._changed.wait()
            self._changed.clear()
            self._say(await listed(self._client))

    async def carry_out(self, call: Call) -> News:
        """The answer to *call*."""
        self.running += 1
        denials: list[str] = []
        _denials.set(denials)
        loop = asyncio.get_running_loop()
        self.used = loop.time()
        try:
            async with asyncio.timeout(call.seconds) as deadline:
                await self.ready.wait()
                if self.ending:
                    denials = self._denials
                    return self._failed(call, denials, "away", self.fault or LOST)
                return await self._answer(call, deadline, loop.time() + call.most_s)
        except TimeoutError:
            return Failed(call.id, "timeout")
        except MCPError as error:
            if error.code == CONNECTION_CLOSED:
                self._lost.set()
            why = _WHY.get(error.code, "broken")
            return self._failed(call, denials, why, cut(error.error.message, 500))
        except Exception as error:
            # A result that breaks the protocol, in any of many ways.
            return self._failed(call, denials, "broken", type(error).__name__)
        finally:
            self.running -= 1

    def _failed(self, call: Call, denials: Sequence[str], why: Why, text: str) -> Failed:
        if denials:
            return Failed(call.id, "denied", denials[-1])
        return Failed(call.id, "away" if self.expired else why, text)

    async def _answer(self, call: Call, deadline: asyncio.Timeout, latest: float) -> News:
        client = self._client
        if call.kind == "list":
            return Done(call.id)  # It was told when this was connected.
        if call.kind == "read":
            found = await client.read_resource(call.name)
            texts = (getattr(one, "text", "") or "[not text]" for one in found.contents)
            return Done(call.id, shortened("\n\n".join(texts), TEXT_CHARS))
        if call.kind == "fill":
            words = {name: str(value) for name, value in call.arguments.items()}
            prompt = await client.get_prompt(call.name, words)
            lines = (f"{one.role}: {getattr(one.content, 'text', '')}" for one in prompt.messages)
            return Done(call.id, shortened("\n\n".join(lines), TEXT_CHARS))
        last, clock = 0.0, asyncio.get_running_loop().time

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            nonlocal last
            now = clock()
            deadline.reschedule(min(now + call.seconds, latest))
            if now - last >= PROGRESS_EVERY_S:
                last = now
                self._say(Progress(call.id, _progress(progress, total, message)))

        result = await client.call_tool(
            call.name,
            call.arguments,
            read_timeout_seconds=call.most_s,
            progress_callback=on_progress,
            meta=cast(Any, {"palaver/key": call.key}) if call.key else None,
        )
        return Done(call.id, text_of(result), bool(result.is_error))


def _progress(progress: float, total: float | None, message: str | None) -> str:
    """What a server says of its progress, in one short line; empty if it says nothing."""
    if said := " ".join((message or "").split()):
        return cut(said, PROGRESS_CHARS)
    if not total or not 0 <= progress / total <= 1:
        return ""
    return f"{100 * progress / total:.0f} %"


def _watch(lost: asyncio.Event) -> None:
    """Set *lost* when the program, our only child, ends. The SDK would tell at the next call."""
    with suppress(OSError, ValueError, AttributeError):
        pid = int(Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()[0])
        ended = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(ended, lost.set)
