"""The border before Bolt: an event that Bolt cannot read is set aside and acknowledged.

Bolt looks for user, channel and team in everything that arrives. It raises on other shapes before
it asks any listener of ours. Slack would then deliver such an event three times more.
"""

import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import (
    run_async_bolt_app,
    send_async_response,
)
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackClientError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.failures import slack_errors
from core.border import set_aside
from core.errors import PlatformError, StoreError
from core.net.way import Way

log = logging.getLogger(__name__)
QUIET = logging.getLogger(f"{__name__}.bolt")
QUIET.setLevel(logging.ERROR)
"""Bolt's own warnings hold whole events, with what people wrote."""
Choose = Callable[[Mapping[str, Any]], Awaitable[AsyncApp | None]]
_UNREADABLE = (TypeError, ValueError, AttributeError, LookupError, RecursionError)


class Socket(AsyncSocketModeHandler):
    """Bolt's handler of Socket Mode. It gets only what passed the border.

    *choose*: whose app takes it, if there are several; without an answer Slack sends it again.
    """

    choose: Choose | None = None

    async def handle(self, client: AsyncBaseSocketModeClient, req: SocketModeRequest) -> None:
        try:
            if req.type == "events_api" and not _tells_its_type(req.payload):
                raise ValueError("no type")
            if self.choose is None:
                await super().handle(cast(SocketModeClient, client), req)
                return
            app = await self.choose(req.payload)
            if app is None:
                await client.send_socket_mode_response(SocketModeResponse(req.envelope_id))
                return
            response = await run_async_bolt_app(app, req)
            await send_async_response(client, req, response, time.time())
        except (PlatformError, StoreError) as error:
            log.warning("event not accepted: %s", error)
        except _UNREADABLE as error:
            set_aside("slack.event", error)
            await client.send_socket_mode_response(SocketModeResponse(req.envelope_id))


@asynccontextmanager
async def connected(
    app: AsyncApp,
    app_token: str,
    api_url: str,
    session: aiohttp.ClientSession,
    way: Way,
    choose: Choose | None = None,
) -> AsyncGenerator[None]:
    """Let *app* hear through a socket meanwhile, by our way out. Raises `PlatformError`."""
    client = AsyncWebClient(token=app_token, base_url=api_url, session=session)
    handler = Socket(app, app_token, web_client=client)
    handler.choose = choose
    # Without this, it would take the proxy of the environment and ignore `NO_PROXY`.
    if way.socks:
        await handler.client.aiohttp_client_session.close()
        handler.client.aiohttp_client_session = way.session()
    else:
        handler.client.proxy = way.proxy_for(api_url)
    try:
        with slack_errors("SLACK_APP_TOKEN"):
            await handler.connect_async()  # type: ignore[no-untyped-call]  # bolt's own
        yield
    finally:
        with suppress(SlackClientError, aiohttp.ClientError, OSError):
            await handler.close_async()  # type: ignore[no-untyped-call]  # bolt's own


async def is_signed(request: web.Request, signing_secret: str) -> bool:
    """Whether Slack signed *request*.

    A stranger may send any time, signature and bytes. The verifier expects digits, ASCII and UTF-8
    (docs.slack.dev/authentication/verifying-requests-from-slack), and raises on others.
    """
    body, headers = await request.read(), dict(request.headers)
    try:
        return SignatureVerifier(signing_secret).is_valid_request(body, headers)
    except (TypeError, ValueError):
        return False


async def serve(app: AsyncApp, signing_secret: str, request: web.Request) -> web.StreamResponse:
    """Answer one HTTP request of Slack. A request without Slack's signature is refused."""
    if not await is_signed(request, signing_secret):
        return web.Response(status=401)
    try:
        response = await app.async_dispatch(await to_bolt_request(request))
    except _UNREADABLE as error:
        set_aside("slack.event", error)
        return web.Response()
    if response.status == 404:
        # The request is signed, but there is no listener for its kind.
        set_aside("slack.event", "unknown kind")
        return web.Response()
    return await to_aiohttp_response(response)


def _tells_its_type(payload: Any) -> bool:
    event = payload.get("event") if isinstance(payload, Mapping) else None
    return isinstance(event, Mapping) and isinstance(event.get("type"), str)
