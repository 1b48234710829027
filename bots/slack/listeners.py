"""What Slack tells: events, buttons and slash commands, accepted one by one.

An event is acknowledged when its listener returns, and a listener returns when
the inbox holds the event (`process_before_response`); else Slack sends it again.
"""

import logging
import re
from collections.abc import Collection
from contextlib import suppress
from typing import Any, Protocol

import msgspec
from slack_bolt.async_app import AsyncApp
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bots.arrivals import Arrivals
from bots.slack.inbound import Me, Slash, read_event, read_press, read_slash, slash_incoming
from bots.slack.markup import BLOCK_CHARS, fallback, render
from bots.slack.people import People
from bots.slack.surface import slack_errors
from core.errors import Gone, PlatformError
from core.messages import Incoming

log = logging.getLogger(__name__)

ACCEPT_S = 2.3
"""Slack waits 3 s for an acknowledgement, then sends the event again."""
EVERYTHING = re.compile(".*")
SUGGESTIONS = ("suggest_abilities", "suggest_table", "suggest_explaining")


class Speak(Protocol):
    """Gives the sentence *name*, for who has set *language* (an IETF tag, or nothing)."""

    def __call__(self, name: str, language: str, /, **values: object) -> str: ...


class Listeners:
    """Reads what is told to *me* by one of *addresses*, and puts it into *arrivals*."""

    def __init__(
        self,
        client: AsyncWebClient,
        people: People,
        arrivals: Arrivals,
        me: Me,
        addresses: Collection[str],
        speak: Speak,
    ) -> None:
        self._client = client
        self._people = people
        self._arrivals = arrivals
        self._me = me
        self._addresses = addresses
        self._speak = speak

    def app(self, signing_secret: str) -> AsyncApp:
        """Bolt's app with these listeners; *signing_secret* is empty in Socket Mode."""
        app = AsyncApp(
            client=self._client,
            signing_secret=signing_secret or None,
            request_verification_enabled=bool(signing_secret),
            process_before_response=True,
        )
        # Catch-alls: what nobody handles would not be acknowledged, and come again.
        app.event(EVERYTHING)(self._on_event)
        app.command(EVERYTHING)(self._on_slash)
        app.action(EVERYTHING)(self._on_press)

        @app.error
        async def failed(error: Exception) -> BoltResponse:
            log.warning("event not accepted: %s %s", type(error).__name__, error)
            return BoltResponse(status=503, body="")

        return app

    async def _on_event(self, body: dict[str, Any]) -> None:
        event = body.get("event", {})
        if event.get("type") == "app_home_opened" and event.get("tab") == "messages":
            await self._suggest(str(event.get("channel", "")), str(event.get("user", "")))
            return
        incoming = read_event(body, self._me)
        if incoming is not None and incoming.address in self._addresses:
            await self._accept(incoming)

    async def _on_press(self, body: dict[str, Any], ack: Any) -> None:
        incoming = read_press(body, self._me)
        if incoming is not None:
            await self._accept(incoming)
        await ack()

    async def _on_slash(self, body: dict[str, Any], ack: Any) -> None:
        slash = read_slash(body, self._me)
        direct = str(body.get("channel_name")) == "directmessage"
        thread = ""
        if slash.command in ("", "image"):
            # Others do not see a slash command: what was asked becomes a post, and its thread.
            try:
                thread = await self._show_asked(slash)
            except Gone:
                sender = await self._people.sender(slash.user)
                await ack(self._speak("not_invited", sender.language))
                return
        await self._accept(slash_incoming(slash, self._me, thread, private=direct))
        await ack()

    async def _show_asked(self, slash: Slash) -> str:
        asked = f"/image {slash.text}" if slash.command else slash.text
        asked = asked[: BLOCK_CHARS // 2]
        quoted = render(asked).replace("\n", "\n> ")
        sender = await self._people.sender(slash.user)
        asks = self._speak("asks", sender.language, name=render(sender.name))
        with slack_errors():
            posted = await self._client.chat_postMessage(
                channel=slash.channel,
                text=fallback(asked),
                blocks=[{"type": "markdown", "text": f"{asks}\n> {quoted}"}],
                unfurl_links=False,
                unfurl_media=False,
            )
        return str(posted["ts"])

    async def _accept(self, incoming: Incoming) -> None:
        sender = await self._people.sender(incoming.sender.name)
        await self._arrivals.accept(msgspec.structs.replace(incoming, sender=sender), ACCEPT_S)

    async def _suggest(self, channel: str, user: str) -> None:
        language = (await self._people.sender(user)).language
        messages = [self._speak(name, language) for name in SUGGESTIONS]
        with suppress(PlatformError), slack_errors():
            await self._client.assistant_threads_setSuggestedPrompts(
                channel_id=channel, prompts=[{"title": one, "message": one} for one in messages]
            )
