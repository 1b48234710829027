"""The HTTP server of the process: health, readiness, metrics, and the routes of the platforms."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from traceback import walk_tb
from typing import NamedTuple

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from prometheus_client import generate_latest

from core.border import set_aside
from core.connections import Connections
from core.errors import ConfigError
from core.large_bodies import MOST_LARGE, SMALL_BYTES, wait_unread
from core.telemetry import Metrics

BODY_BYTES = 2 * 1024 * 1024

HOST = re.compile(r"(?:[A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")
"""RFC 9110, 7.2: a name or an address, and a port. Other texts have no parts to read."""


class Health(NamedTuple):
    """*wrong*: why nothing can be accepted, by part. *warnings*: what is only worth saying."""

    wrong: Mapping[str, str]
    warnings: Sequence[str] = ()


Readiness = Callable[[], Awaitable[Health]]
_Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class _Strangers(logging.Filter):
    """Counts malformed requests and seldom logs them: a stranger can send a million of them."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        strange = isinstance(error, HttpProcessingError | web.RequestPayloadError) or (
            isinstance(error, ValueError) and not _ours(error)
        )
        if error is not None and strange:
            set_aside("http.request", error)
        return not strange


def _ours(error: BaseException) -> bool:
    """Whether *error* came from one of our handlers. Then it is our bug, and is logged."""
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    return any(
        frame.f_globals.get("__name__", "").partition(".")[0] in ("bots", "core")
        # Every request passes through `bounded`, even those that aiohttp itself cannot read.
        and frame.f_code.co_name != "bounded"
        for frame in frames
    )


_strangers = _Strangers()


@asynccontextmanager
async def http_server(
    address: str,
    port: int,
    routes: Iterable[web.AbstractRouteDef],
    metrics: Metrics,
    readiness: Readiness,
) -> AsyncIterator[str]:
    """Serve until the block ends. Gives the server's URL.

    Raises:
        ConfigError: the port is in use, or the host is not this machine's.
    """
    logging.getLogger("aiohttp.server").addFilter(_strangers)
    connections = Connections()
    app = web.Application(client_max_size=BODY_BYTES)
    app.add_routes([*_own_routes(metrics, readiness), *routes])
    # Event streams never end by themselves, so a stop must not wait for them.
    # No decompression: aiohttp would unpack even a body that nobody reads.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, auto_decompress=False)
    await runner.setup()
    assert runner.server is not None  # noqa: S101 - `setup` made it
    # Around all of it: a middleware would come after aiohttp's own reading of some headers.
    runner.server.request_handler = _bounded(connections, runner.server.request_handler)
    try:
        async with connections:
            try:
                server = await asyncio.get_running_loop().create_server(
                    connections.accepting(runner.server), address, port
                )
            except (OSError, ValueError) as error:
                # A name that cannot be looked up is a `UnicodeError`.
                raise ConfigError(
                    "HTTP_PORT", f"cannot listen on {address}:{port} ({error})"
                ) from error
            try:
                yield _url(address, server.sockets[0].getsockname()[1])
            finally:
                server.close()
    finally:
        await runner.cleanup()


def _own_routes(metrics: Metrics, readiness: Readiness) -> Sequence[web.RouteDef]:
    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_: web.Request) -> web.Response:
        wrong, warnings = await readiness()
        body = {
            "status": "not ready" if wrong else "ready",
            "wrong": dict(wrong),
            "warnings": list(warnings),
        }
        return web.json_response(body, status=503 if wrong else 200)

    async def show_metrics(_: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(metrics.registry),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    return [
        web.get("/healthz", healthz),
        web.get("/readyz", readyz),
        web.get("/metrics", show_metrics),
    ]


def _bounded(connections: Connections, handler: _Handler) -> _Handler:
    """*handler*, which gets no request that cannot be read."""
    at_once = asyncio.Semaphore(MOST_LARGE)

    async def bounded(request: web.BaseRequest) -> web.StreamResponse:
        async with AsyncExitStack() as stack:
            stack.enter_context(connections.answering(request))
            host = HOST.fullmatch(request.headers.get("Host", ""))
            if host is None or int(host[1] or 0) > 65_535:
                return web.Response(status=400, text="the Host header is missing, or is none")
            if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
                # RFC 9110, 15.5.16. 200 kB can unpack to 200 MB.
                text, taken = "a body must come as it is", {"Accept-Encoding": "identity"}
                return web.Response(status=415, text=text, headers=taken)
            if request.headers.get("Expect", "100-continue").lower() != "100-continue":
                # RFC 9110, 10.1.1. aiohttp would quote it, whatever bytes it holds.
                return web.Response(status=417, text="this is not expected here")
            large = request.body_exists and (request.content_length or BODY_BYTES) > SMALL_BYTES
            if large:
                await wait_unread(request, stack, at_once)
            try:
                response = await handler(request)
                if large:
                    # An open connection keeps its last request, and so the body, for 75 s.
                    response.force_close()
                return response
            except web.RequestPayloadError as error:
                # The body was cut, or is not in the encoding that it names.
                set_aside("http.body", error)
                return web.Response(status=400, text="the body cannot be read")
            except ConnectionError as error:
                if request.transport is not None and not request.transport.is_closing():
                    raise
                # Who asked is gone, and gets no answer.
                set_aside("http.request", error)
                return web.Response(status=400)
            except ValueError as error:
                if _ours(error):
                    raise
                # aiohttp itself could not read it.
                set_aside("http.request", error)
                return web.Response(status=400, text="the request cannot be read")

    return bounded


def _url(address: str, port: int) -> str:
    """The URL for a browser on this machine if the server listens at *address*."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
