"""What Slack tells: events, buttons, shortcuts and slash commands, accepted one by one.

A listener returns when the inbox holds the event, and Bolt then acknowledges the event
(`process_before_response`). If it is not acknowledged, Slack sends it again. What cannot be read is
set aside and acknowledged, because it would not be better the next time.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, Protocol

from msgspec.structs import replace
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse

from bots.push_queue import PushQueue
from bots.slack.border import QUIET
from bots.slack.client import SlackClient
from bots.slack.commands import HOME, Slash, read_press, read_slash, slash_incoming
from bots.slack.failures import slack_errors
from bots.slack.fields import mapping, string
from bots.slack.inbound import Me, read_event
from bots.slack.markup import BLOCK_CHARS, fallback, render
from bots.slack.menus import Menus, Spot
from bots.slack.order import Order
from bots.slack.people import People
from bots.slack.reading import mentioned_in
from bots.slack.shortcuts import Shortcuts
from bots.slack.stubs import completed
from core.border import clean, set_aside
from core.errors import Barred, ChatLost, NoRight, PlatformError, StoreError
from core.languages.catalogue import Speak
from core.languages.detection import language_of
from core.lent import Overhears, Standing
from core.messages import Incoming, Sender, conversation_id, split_conversation

log = logging.getLogger(__name__)

ACCEPT_S = 1.8
"""Slack sends an event again if it is not acknowledged in 3 s. Looking up names may take 1 s."""
EVERYTHING = re.compile(".*", re.DOTALL)
SUGGESTIONS = ("suggest_summary", "suggest_reply", "suggest_tasks")


class StandingOf(Protocol):
    """Whether the sender of an incoming may ask."""

    def __call__(self, incoming: Incoming, /) -> Awaitable[Standing]: ...


class Listeners:
    """Reads the events for *me* from one of *addresses*, and puts them into *push_queue*.

    Others are read too in places where the core *overhears* what is said.
    """

    def __init__(
        self,
        client: SlackClient,
        people: People,
        push_queue: PushQueue,
        me: Me,
        *,
        addresses: Collection[str],
        overhears: Overhears,
        standing: StandingOf,
        speak: Speak,
    ) -> None:
        self._client = client
        self._people = people
        self._push_queue = push_queue
        self._me = me
        self._addresses = addresses
        self._overhears = overhears
        self._standing = standing
        self._speak = speak
        self._shortcuts = Shortcuts(client, people, me, speak)
        self._menus = Menus(client, people, me, speak)
        self._order = Order()

    def app(self, signing_secret: str, bot: str) -> AsyncApp:
        """Bolt's app with these listeners. In Socket Mode *signing_secret* is empty.

        *bot*: the `bot_id` of our own messages.
        """

        # Without this, Bolt looks for tokens in files as soon as the environment has a
        # SLACK_CLIENT_ID, and acknowledges each event for which it finds none.
        async def authorize() -> AuthorizeResult:
            token, me = self._client.token, self._me
            who = {"bot_token": token, "bot_id": bot, "bot_user_id": me.user_id}
            return AuthorizeResult(enterprise_id=None, team_id=me.team, **who)

        app = AsyncApp(
            client=self._client,
            authorize=authorize,
            signing_secret=signing_secret or None,
            request_verification_enabled=bool(signing_secret),
            process_before_response=True,
            logger=QUIET,
        )
        # These catch everything. Slack would repeat an event that no listener acknowledges.
        app.event(EVERYTHING)(self._on_event)
        app.command(EVERYTHING)(self._on_slash)
        app.action(EVERYTHING)(self._on_press)
        app.shortcut(EVERYTHING)(self._on_shortcut)
        app.view(EVERYTHING)(self._on_dialog)

        @app.error
        async def failed(error: Exception) -> BoltResponse:
            if isinstance(error, TimeoutError | PlatformError | StoreError):
                # The inbox or Slack is away. It may be back at the next delivery.
                log.warning("event not accepted: %s %s", type(error).__name__, error)
                return BoltResponse(status=503, body="")
            set_aside("slack.event", error)
            return BoltResponse(status=200, body="")

        return app

    async def _on_event(self, body: dict[str, Any]) -> None:
        body = cleaned(body)
        event = mapping(body, "event")
        if string(event, "type") == "app_home_opened":
            await self._opened(event, string(body, "event_id"))
            return
        if (incoming := read_event(body, self._me, {})) is None:
            return
        unwanted = incoming.address not in self._addresses
        if unwanted and not await self._overhears(incoming.conversation):
            return
        # Look up names and files only now, when it is known that the event is for us.
        message = mapping(event, "message") or event
        wanted = {string(message, "user"), *mentioned_in(message)} - {""}
        channel = split_conversation(incoming.conversation)[1]
        self._client.heard(channel)
        async with self._order.place(channel) as turn:
            names, _ = await asyncio.gather(
                self._people.names(wanted), completed(self._client, message)
            )
            incoming = read_event(body, self._me, names)
            await turn()
            if incoming is not None:
                await self._accept(incoming)

    async def _on_press(self, body: dict[str, Any], ack: Callable[..., Awaitable[Any]]) -> None:
        body = cleaned(body)
        incoming = read_press(body, self._me.tenant, self._me.team)
        if incoming is not None and self._menus.is_menu(incoming.command):
            incoming = await self._menus.pressed(body)
        if incoming is not None:
            await self._accept(incoming)
        await ack()

    async def _on_slash(self, body: dict[str, Any], ack: Callable[..., Awaitable[Any]]) -> None:
        body = cleaned(body)
        slash = read_slash(body, self._me.commands)
        if not (slash.user and slash.channel):
            set_aside("slack.event", "a command of nobody")
            await ack()
            return
        direct = string(body, "channel_name") == "directmessage"
        asked = slash_incoming(slash, self._me.tenant, self._me.team, "", private=direct)
        sender = await self._people.sender(slash.user)
        language = language_of(slash.text, "", sender.language)
        match await self._standing(replace(asked, sender=sender)):
            case "blocked":
                await ack()
                return
            case "stranger":
                # The ingress tells them alone. What they asked is shown to nobody.
                await self._accept(asked)
                await ack()
                return
        if not slash.command or self._me.commands[slash.command].takes == "prompt":
            # Others do not see a slash command. So we post the question, and answer in its thread.
            try:
                thread = await self._show_asked(slash, sender)
            except Barred as error:
                await ack(self._speak(f"barred_{error.why}", language))
                return
            except (ChatLost, NoRight):
                await ack(self._speak("not_invited", language))
                return
            asked = slash_incoming(slash, self._me.tenant, self._me.team, thread, private=direct)
        if self._menus.is_menu(slash.command) and not slash.text:
            opened = await self._menus.open(slash.trigger, Spot(slash.channel, ""), slash.user)
            asked = replace(asked, reply_to=opened or asked.reply_to)
        await self._accept(asked)
        await ack()

    async def _on_shortcut(self, body: dict[str, Any], ack: Callable[..., Awaitable[Any]]) -> None:
        incoming = await self._shortcuts.used(cleaned(body), self._standing)
        if incoming is not None:
            await self._accept(incoming)
        await ack()

    async def _on_dialog(self, body: dict[str, Any], ack: Callable[..., Awaitable[Any]]) -> None:
        body = cleaned(body)
        incoming = await self._menus.written(body)
        incoming = incoming or await self._shortcuts.answered(body, self._standing)
        if incoming is not None:
            await self._accept(incoming)
        await ack()

    async def _show_asked(self, slash: Slash, sender: Sender) -> str:
        asked = f"/{slash.command} {slash.text}" if slash.command else slash.text
        asked = asked[: BLOCK_CHARS // 2]
        quoted = render(asked).replace("\n", "\n> ")
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
        user, name = incoming.sender.id.partition(":")[2], incoming.sender.name
        channel = "" if incoming.private else split_conversation(incoming.conversation)[1]
        sender, names = await asyncio.gather(
            self._people.sender(user, name), self._people.names({channel} - {""})
        )
        incoming = replace(incoming, sender=sender, place_name=names.get(channel, ""))
        await self._push_queue.accept(incoming, ACCEPT_S)

    async def _opened(self, event: Mapping[str, Any], event_id: str) -> None:
        """Somebody opened our Home tab or our direct message."""
        user, channel = string(event, "user"), string(event, "channel")
        if not (user and channel):
            return
        if string(event, "tab") == "messages":
            await self._suggest(channel, user)
            return
        incoming = Incoming(
            event_id=f"{self._me.tenant}:{self._me.team}:{event_id}",
            conversation=conversation_id(self._me.tenant, channel),
            sender=Sender(f"{self._me.tenant}:{user}", user),
            text="",
            command=HOME,
            reply_to=f"{HOME} {user}",
            private=channel.startswith("D"),
            of_place=True,
        )
        await self._accept(incoming)

    async def _suggest(self, channel: str, user: str) -> None:
        language = (await self._people.sender(user)).language
        messages = [self._speak(name, language) for name in SUGGESTIONS]
        with suppress(PlatformError), slack_errors():
            await self._client.assistant_threads_setSuggestedPrompts(
                channel_id=channel, prompts=[{"title": one, "message": one} for one in messages]
            )


def cleaned(value: Any) -> Any:
    """The JSON *value*, changed so that all its strings can be encoded."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: cleaned(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [cleaned(inner) for inner in value]
    return value
