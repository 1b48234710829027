"""The process of one MCP server: the official SDK on one side, our frames on the other.

Why a process of its own: the SDK checks results against a stranger's schema on its loop, joins long
lines in quadratic time, and cancels the task around it when a server goes away. Here that harms
this server's calls alone. If a deadline is not kept, the process is killed from outside.

It ends when Palaver closes the socket, or when the server is lost. Palaver then starts it again.
"""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
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
    Tool,
)

from core.mcp.answers import TEXT_CHARS, all_of, text_of, told
from core.mcp.frames import (
    Call,
    Cancel,
    Closed,
    Done,
    Failed,
    Item,
    Listed,
    News,
    Open,
    Progress,
    frame,
    orders,
    read_frame,
)
from core.words import cut, shortened

PROGRESS_CHARS, PROGRESS_EVERY_S = 80, 1.0
AGAIN_S = 600.0
"""Servers of older protocols that do not tell of changes are asked again this often."""
_WHY: Mapping[int, Literal["refused", "timeout"]] = {
    INVALID_PARAMS: "refused",
    METHOD_NOT_FOUND: "refused",
    REQUEST_TIMEOUT: "timeout",
}


class _Server:
    """One connected server, and the calls to it."""

    def __init__(self, client: Client, writer: asyncio.StreamWriter) -> None:
        self.lost = asyncio.Event()
        self._client = client
        self._writer = writer
        self._calls: dict[int, asyncio.Task[None]] = {}

    def say(self, news: News) -> None:
        try:
            self._writer.write(frame(news))
        except ValueError as error:
            if not isinstance(news, Done):
                raise
            self._writer.write(frame(Failed(news.id, "broken", str(error))))

    async def obey(self, reader: asyncio.StreamReader) -> None:
        """Do what Palaver asks for, until it goes away."""
        async with asyncio.TaskGroup() as group:
            with suppress(EOFError):
                while True:
                    match orders.decode(await read_frame(reader)):
                        case Call() as call:
                            self._calls[call.id] = group.create_task(self._carry_out(call))
                        case Cancel(id=done):
                            if (task := self._calls.get(done)) is not None:
                                task.cancel()
            for task in self._calls.values():
                task.cancel()

    async def list_all(self) -> None:
        """Tell what the server offers."""
        capabilities, client = self._client.server_capabilities, self._client
        tools: Sequence[Tool] = ()
        resources: Sequence[Any] = ()
        prompts: Sequence[Any] = ()
        # A server that sends no capabilities is asked all the same: it costs one error.
        with suppress(MCPError):
            tools = await all_of(client.list_tools, "tools")
        if capabilities.resources is not None:
            with suppress(MCPError):
                resources = await all_of(client.list_resources, "resources")
        if capabilities.prompts is not None:
            with suppress(MCPError):
                prompts = await all_of(client.list_prompts, "prompts")
        self.say(
            Listed(
                tuple(told(tools)),
                tuple(
                    Item(str(one.uri), cut(one.description or one.name, 200)) for one in resources
                ),
                tuple(
                    Item(
                        one.name,
                        cut(one.description or "", 200),
                        tuple(argument.name for argument in one.arguments or ()),
                    )
                    for one in prompts
                ),
                client.protocol_version,
            )
        )

    async def _carry_out(self, call: Call) -> None:
        try:
            latest = asyncio.get_running_loop().time() + call.most_s
            async with asyncio.timeout(call.seconds) as deadline:
                self.say(await self._answer(call, deadline, latest))
        except TimeoutError:
            self.say(Failed(call.id, "timeout"))
        except MCPError as error:
            self.say(Failed(call.id, _WHY.get(error.code, "broken"), cut(error.error.message, 500)))
            if error.code == CONNECTION_CLOSED:
                self.lost.set()
        except asyncio.CancelledError:
            # The SDK has told the server. Nobody waits for an answer.
            raise
        except Exception as error:
            # A result that breaks the protocol, in any of many ways.
            self.say(Failed(call.id, "broken", type(error).__name__))
        finally:
            self._calls.pop(call.id, None)

    async def _answer(self, call: Call, deadline: asyncio.Timeout, latest: float) -> News:
        client = self._client
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
                self.say(Progress(call.id, _progress(progress, total, message)))

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


def _transport(spec: Open) -> Any:
    if spec.url:
        client = httpx2.AsyncClient(
            headers=spec.headers,
            timeout=httpx2.Timeout(spec.connect_s, read=300.0),
            follow_redirects=False,
        )
        return streamable_http_client(spec.url, http_client=client)
    launch = Path(__file__).with_name("launch.py")
    return StdioServerParameters(
        command=sys.executable,
        args=["-I", "-S", str(launch), str(os.getpid()), str(spec.memory_bytes), *spec.command],
        env=spec.env,
        cwd=spec.cwd,
        encoding_error_handler="replace",
    )


async def serve(channel: socket.socket) -> None:
    """Serve the one who has the other end of *channel*."""
    reader, writer = await asyncio.open_connection(sock=channel)
    spec = orders.decode(await read_frame(reader))
    if not isinstance(spec, Open):
        raise TypeError("the first frame opens the server")
    fault = ""
    try:
        changed = asyncio.Event()

        async def on_message(message: object) -> None:
            if isinstance(message, ServerNotification) and "list_changed" in message.method:
                changed.set()

        client = Client(_transport(spec), message_handler=on_message)
        async with asyncio.timeout(spec.connect_s) as connecting, client:
            connecting.reschedule(None)
            server = _Server(client, writer)
            await server.list_all()
            if spec.command:
                _watch(server.lost)
            tasks = [
                asyncio.create_task(_follow(server, changed)),
                asyncio.create_task(server.obey(reader)),
                asyncio.create_task(server.lost.wait()),
            ]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
    except TimeoutError:
        fault = "it does not answer"
    except BaseExceptionGroup as errors:
        fault = _reason(errors)
    except Exception as error:
        fault = _reason(error)
    except asyncio.CancelledError:
        # The SDK cancels the task around it when a server of HTTP goes away.
        fault = "the connection is lost"
    with suppress(ConnectionError):
        writer.write(frame(Closed(fault or "the connection is lost")))
        await writer.drain()


async def _follow(server: _Server, changed: asyncio.Event) -> None:
    """Tell what the server offers, whenever that may have changed."""
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(AGAIN_S):
                await changed.wait()
        changed.clear()
        await server.list_all()


def _watch(lost: asyncio.Event) -> None:
    """Set *lost* when the program, our only child, ends. The SDK would tell at the next call."""
    with suppress(OSError, ValueError, AttributeError):
        pid = int(Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()[0])
        ended = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(ended, lost.set)


def _reason(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, MCPError):
        return cut(error.error.message, 200)
    return cut(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__, 200)


def main() -> None:
    """Run with the number of an inherited socket as the only argument."""
    logging.disable()
    asyncio.run(serve(socket.socket(fileno=int(sys.argv[1]))))


if __name__ == "__main__":
    main()
