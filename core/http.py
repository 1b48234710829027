"""The one HTTP server: health, readiness, metrics, and what the platforms add."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler
from prometheus_client import generate_latest

from core.border import set_aside
from core.connections import Connections
from core.errors import ConfigError
from core.telemetry import Metrics

BODY_BYTES = 2 * 1024 * 1024

HOST = re.compile(r"(?:[A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")
"""RFC 9110, 7.2: a name or an address, and a port. What is none cannot be asked for its parts."""


class Health(NamedTuple):
    """What is *wrong*, by part, so that nothing can be accepted; and what is only to be said."""

    wrong: Mapping[str, str]
    warnings: Sequence[str] = ()


Readiness = Callable[[], Awaitable[Health]]


class _Strangers(logging.Filter):
    """Requests that are none are counted, and told seldom: anybody can send a million of them."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError | web.RequestPayloadError | ValueError):
            set_aside("http.request", error)
            return False
        return True


_strangers = _Strangers()


@asynccontextmanager
async def http_server(
    address: str,
    port: int,
    routes: Iterable[web.AbstractRouteDef],
    metrics: Metrics,
    readiness: Readiness,
) -> AsyncIterator[str]:
    """Serve until the block ends; gives the server's URL.

    Raises:
        ConfigError: the port is taken, or the host is not ours.
    """

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

    logging.getLogger("aiohttp.server").addFilter(_strangers)
    connections = Connections()

    @web.middleware
    async def bounded(request: web.Request, handler: Handler) -> web.StreamResponse:
        with connections.answering(request):
            host = HOST.fullmatch(request.headers.get("Host", ""))
            if host is None or int(host[1] or 0) > 65_535:
                return web.Response(status=400, text="the Host header is missing, or is none")
            try:
                return await handler(request)
            except web.RequestPayloadError as error:
                # Cut off, or not in the encoding that it names.
                set_aside("http.body", error)
                return web.Response(status=400, text="the body cannot be read")

    app = web.Application(client_max_size=BODY_BYTES, middlewares=[bounded])
    app.add_routes(
        [
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            web.get("/metrics", show_metrics),
            *routes,
        ]
    )
    # Event streams never end by themselves: a stop must not wait for them.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    assert runner.server is not None  # noqa: S101 - `setup` made it
    try:
        async with connections:
            try:
                server = await asyncio.get_running_loop().create_server(
                    connections.accepting(runner.server), address, port
                )
            except OSError as error:
                raise ConfigError(
                    "HTTP_PORT", f"cannot listen on {address}:{port} ({error})"
                ) from error
            try:
                shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
                shown = f"[{shown}]" if ":" in shown else shown
                yield f"http://{shown}:{server.sockets[0].getsockname()[1]}"
            finally:
                server.close()
    finally:
        await runner.cleanup()
