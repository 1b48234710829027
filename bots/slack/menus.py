"""Menus in a dialog: a command that shows buttons, such as `/settings`, and asks for texts.

A dialog must be opened within three seconds after the press or the slash command that asks for it
(docs.slack.dev, surfaces/modals). The core needs longer. So we open it at once, and the core's text
and buttons are put into it. A button in it changes it again. What a dialog says about itself (its
channel, its thread) only tells where to look: the core decides for the person who pressed.
"""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.asides import AsideSurface, HomeSurface
from bots.slack.failures import slack_errors
from bots.slack.fields import items, mapping, string
from bots.slack.home import answer_of, menu_view, text_dialog
from bots.slack.inbound import Me
from bots.slack.limits import App, of_one_budget
from bots.slack.people import People
from bots.slack.posts import ASKS, controls
from core.errors import PlatformError, RateLimited
from core.lent import CommandInfo
from core.messages import Button, ConversationId, Incoming, conversation_id
from core.platform import Bucket

OPEN_S = 1.5
WAITS = "…"
MENU = "menu"
TEXT = "text"
_ID = re.compile(r"[A-Z][A-Z0-9]{1,30}")
_TS = re.compile(r"\d{1,12}\.\d{1,9}|")


class Spot(NamedTuple):
    """Where a dialog is about: a channel, and a thread of it or none."""

    channel: str
    thread: str

    def packed(self, **more: str) -> str:
        return json.dumps({"c": self.channel, "t": self.thread, **more})


def spot_of(view: Mapping[str, Any]) -> Spot | None:
    """What the dialog *view* is about; None if it does not say so in our words."""
    told = string(view, "private_metadata")
    try:
        found: Any = json.loads(told)
    except ValueError:
        found = {"c": told}  # The Home tab names its channel only.
    if not isinstance(found, dict):
        return None
    channel, thread = string(found, "c"), string(found, "t")
    good = _ID.fullmatch(channel) and _TS.fullmatch(thread)
    return Spot(channel, thread) if good else None


class Menus:
    """Opens the dialogs of one workspace's app, and reads what people do in them."""

    def __init__(self, client: AsyncWebClient, people: People, me: Me, speak: Any) -> None:
        self._client = client
        self._people = people
        self._me = me
        self._speak = speak

    def is_menu(self, command: str) -> bool:
        """Whether the answer to *command* (with its arguments) is a menu."""
        info = self._me.commands.get(command.partition(" ")[0], CommandInfo())
        return info.as_menu

    async def open(self, trigger: str, spot: Spot, user: str) -> str:
        """Open an empty dialog; the reference for what goes into it, or empty."""
        language = (await self._people.sender(user)).language
        view = menu_view(self._speak("settings_title", language), WAITS, (), spot.packed())
        opened = await self._call("open", trigger, view)
        return f"{MENU} {opened} {user}" if opened else ""

    async def pressed(self, body: Mapping[str, Any]) -> Incoming | None:
        """The incoming of a button of a menu; None if it is none, or asks for a text first."""
        (action, *_) = items(body, "actions") or [{}]
        command, _, heading = string(action, "value").partition("\n")
        user, view = string(mapping(body, "user"), "id"), mapping(body, "view")
        message = mapping(body, "message")
        here = Spot(
            string(mapping(body, "channel"), "id"),
            string(message, "thread_ts") or string(message, "ts"),
        )
        spot = spot_of(view) if view else here
        if not (user and spot and spot.channel and self.is_menu(command)):
            return None
        trigger = string(body, "trigger_id")
        if string(action, "action_id").startswith(ASKS):
            await self._ask(trigger, spot, user, command, heading, view)
            return None
        if string(view, "type") == "modal":
            reply_to = f"{MENU} {string(view, 'id')} {user}"
        else:
            reply_to = await self.open(trigger, spot, user) or f"@{user}"
        return self._incoming(trigger, spot, user, command, reply_to)

    async def _ask(
        self,
        trigger: str,
        spot: Spot,
        user: str,
        command: str,
        heading: str,
        view: Mapping[str, Any],
    ) -> None:
        language = (await self._people.sender(user)).language
        title, save, cancel = (
            self._speak(one, language) for one in ("settings_title", "settings_save", "ask_cancel")
        )
        about = spot.packed(w=command)
        dialog = text_dialog(title, save, cancel, heading, about, TEXT)
        await self._call("push" if string(view, "type") == "modal" else "open", trigger, dialog)

    async def written(self, body: Mapping[str, Any]) -> Incoming | None:
        """The incoming of a text that was asked for; None if it was another dialog."""
        view, user = mapping(body, "view"), string(mapping(body, "user"), "id")
        spot = spot_of(view)
        if string(view, "callback_id") != TEXT or spot is None or not user:
            return None
        command = string(json.loads(string(view, "private_metadata")), "w")
        text = answer_of(view).strip()
        if not (text and self.is_menu(command)):
            return None
        root = string(view, "root_view_id")
        above = root if root != string(view, "id") else ""
        reply_to = f"{MENU} {above} {user}" if above else f"@{user}"
        return self._incoming(string(view, "id"), spot, user, f"{command} {text}", reply_to)

    def _incoming(self, event: str, spot: Spot, user: str, command: str, reply_to: str) -> Incoming:
        return Incoming(
            event_id=f"{self._me.tenant}:{self._me.team}:{event}",
            conversation=conversation_id(self._me.tenant, spot.channel, spot.thread),
            sender=self._people.unnamed(user),
            text="",
            command=command,
            reply_to=reply_to,
            under=reply_to,
            private=spot.channel.startswith("D"),
            of_place=not spot.thread,
        )

    async def _call(self, method: str, trigger: str, view: dict[str, Any]) -> str:
        """Open or push *view*. Its id; empty if that did not work in time."""
        call = self._client.views_push if method == "push" else self._client.views_open
        with suppress(PlatformError, TimeoutError), slack_errors():
            async with asyncio.timeout(OPEN_S):
                answer: Any = await call(trigger_id=trigger, view=view)
            return string(mapping(answer.data, "view"), "id")
        return ""


class MenuSurface(AsideSurface):
    """The dialog *view* of *user*. If they closed it, they are told in a post of their own."""

    def __init__(
        self,
        client: AsyncWebClient,
        session: aiohttp.ClientSession,
        app: App,
        conversation: ConversationId,
        reference: str,
        speak: Any,
    ) -> None:
        _, self._view, user = reference.split(" ")
        super().__init__(client, session, app, conversation, user, "")
        self._title = speak("settings_title", "")

    @property
    def budget(self) -> Sequence[Bucket]:
        # docs.slack.dev, views.update: Tier 4.
        return of_one_budget(self._app, "views")

    async def finish(self, text: str, buttons: Sequence[Button] = ()) -> None:
        spot = Spot(self._channel, self._thread)
        view = menu_view(self._title, text, controls(buttons), spot.packed())
        try:
            with slack_errors():
                await self._client.views_update(view_id=self._view, view=view)
        except RateLimited:
            raise
        except PlatformError:
            await super().finish(text, ())


def of_one(reply_to: str) -> bool:
    """Whether only one person sees what is said to *reply_to*."""
    return reply_to.startswith(("@", "home ", f"{MENU} "))


def surface_of_one(
    client: AsyncWebClient,
    session: aiohttp.ClientSession,
    app: App,
    conversation: ConversationId,
    reply_to: str,
    speak: Any,
) -> AsideSurface | HomeSurface:
    """The surface for *reply_to*: `@USER URL THREAD`, a menu, or the Home.

    URL is a response_url; it may be empty, and so may THREAD, in which it is shown.
    """
    if reply_to.startswith("@"):
        user, url, within, *_ = [*reply_to[1:].split(" "), "", ""]
        return AsideSurface(client, session, app, conversation, user, url, within)
    if reply_to.startswith("home "):
        return HomeSurface(client, app, conversation, reply_to[5:])
    return MenuSurface(client, session, app, conversation, reply_to, speak)
