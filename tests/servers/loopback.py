"""How our servers listen: on a free port that only this machine reaches."""

from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def listening(app):
    """The address at which *app* is served meanwhile."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
