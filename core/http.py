"""The one HTTP server: health, readiness, metrics, and what the platforms add."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import generate_latest

from core.errors import ConfigError
from core.telemetry import Metrics

BODY_BYTES = 2 * 1024 * 1024

Readiness = Callable[[], Awaitable[dict[str, str]]]
"""What is not as it should be, by part; empty when all is well."""


@asynccontextmanager
async def http_server(
    host: str,
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
        wrong = await readiness()
        body = {"status": "not ready" if wrong else "ready", "wrong": wrong}
        return web.json_response(body, status=503 if wrong else 200)

    async def show_metrics(_: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(metrics.registry),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    app = web.Application(client_max_size=BODY_BYTES)
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
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise ConfigError("HTTP_PORT", f"cannot listen on {host}:{port} ({error})") from error
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
