"""Message shortcuts: "Ask about this" opens a dialog, "Summarise thread" asks at once.

Slack has no slash commands inside threads, but it has these there (docs.slack.dev, shortcuts).
"""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from msgspec.structs import replace
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.failures import slack_errors
from bots.slack.fields import items, mapping, string
from bots.slack.home import answer_of, text_dialog
from bots.slack.inbound import Me
from bots.slack.manifest import ASK_ABOUT, SUMMARISE
from bots.slack.markup import fallback, render
from bots.slack.people import People
from bots.slack.reading import mentioned_in
from bots.slack.said import content_of
from core.errors import ChatLost, Impossible, NoRight, PlatformError
from core.messages import THREAD, Attachment, Incoming, Quote, Sender, conversation_id

MOST_MESSAGES = 200
MOST_CHARS = 40_000
READ_S = 1.5
METADATA_CHARS = 2_900
"""docs.slack.dev, views: `private_metadata` holds 3,000 characters."""


class Shortcuts:
    """Handles the shortcuts that people use on a message."""

    def __init__(self, client: AsyncWebClient, people: People, me: Me, speak: Any) -> None:
        self._client = client
        self._people = people
        self._me = me
        self._speak = speak

    async def used(self, body: Mapping[str, Any], standing: Any) -> Incoming | None:
        """The incoming of a shortcut on a message; None if there is none, or none yet."""
        message, channel = mapping(body, "message"), string(mapping(body, "channel"), "id")
        user, ts = string(mapping(body, "user"), "id"), string(message, "ts")
        if not (user and channel and ts):
            return None
        thread = string(message, "thread_ts") or ts
        sender = await self._people.sender(user)
        event_id = f"{self._me.tenant}:{self._me.team}:{string(body, 'trigger_id')}"
        asked = self._asked(event_id, channel, thread, sender, "")
        match await standing(asked):
            case "blocked":
                return None
            case "stranger":
                return _alone(asked, user)
        match string(body, "callback_id"):
            case name if name == ASK_ABOUT:
                await self._ask(body, message, channel, thread, sender)
                return None
            case name if name == SUMMARISE:
                return await self._summary(asked, channel, thread, sender)
        return None

    async def answered(self, body: Mapping[str, Any], standing: Any) -> Incoming | None:
        """The incoming of the question in the dialog. It is shown to nobody if it may not be asked:
        much can have changed since the dialog was opened.
        """
        view, user = mapping(body, "view"), string(mapping(body, "user"), "id")
        question = answer_of(view).strip()
        try:
            about = json.loads(string(view, "private_metadata"))
            channel, thread, ts = str(about["c"]), str(about["t"]), str(about["m"])
            author, said = str(about["a"]), str(about["s"])
        except (ValueError, KeyError, TypeError):
            return None
        if not (user and question):
            return None
        sender = await self._people.sender(user)
        event_id = f"{self._me.tenant}:{self._me.team}:{string(view, 'id')}"
        asked = self._asked(event_id, channel, thread, sender, question)
        match await standing(asked):
            case "blocked":
                return None
            case "stranger":
                return _alone(asked, user)
        if not await self._show_asked(channel, thread, sender, question):
            return None
        said, files = await self._again(channel, ts, said)
        return Incoming(
            event_id=asked.event_id,
            conversation=asked.conversation,
            sender=sender,
            text=question,
            private=asked.private,
            quote=Quote(author, said),
            attachments=files,
        )

    def _asked(
        self, event_id: str, channel: str, thread: str, sender: Sender, text: str
    ) -> Incoming:
        return Incoming(
            event_id=event_id,
            conversation=conversation_id(self._me.tenant, channel, thread),
            sender=sender,
            text=text,
            private=channel.startswith("D"),
        )

    async def _ask(
        self,
        body: Mapping[str, Any],
        message: Mapping[str, Any],
        channel: str,
        thread: str,
        sender: Sender,
    ) -> None:
        names = await self._people.names({string(message, "user"), *mentioned_in(message)} - {""})
        said, _ = content_of(message, names)
        author = names.get(string(message, "user"), "") or string(message, "username")
        about = {"c": channel, "t": thread, "m": string(message, "ts"), "a": author[:80]}
        room = METADATA_CHARS - len(json.dumps({**about, "s": ""}))
        while len(json.dumps(said)) > room:
            said = said[: len(said) * 3 // 4]
        language = sender.language
        title, send, cancel, label = (
            self._speak(f"ask_{one}", language) for one in ("title", "send", "cancel", "it")
        )
        view = text_dialog(title, send, cancel, label, json.dumps({**about, "s": said}))
        with suppress(PlatformError), slack_errors():
            await self._client.views_open(trigger_id=string(body, "trigger_id"), view=view)

    async def _summary(
        self, asked: Incoming, channel: str, thread: str, sender: Sender
    ) -> Incoming | None:
        try:
            async with asyncio.timeout(READ_S):
                with slack_errors():
                    answer: Any = await self._client.conversations_replies(
                        channel=channel, ts=thread, limit=MOST_MESSAGES
                    )
        except Impossible:
            await self._tell(channel, sender.id.partition(":")[2], "not_invited", sender)
            return None
        messages = [one for one in items(answer.data, "messages") if not one.get("hidden")]
        ids = {string(one, "user") for one in messages} - {""}
        names = await self._people.names(ids.union(*map(mentioned_in, messages)))
        lines = []
        for one in messages:
            who = names.get(string(one, "user"), "") or string(one, "username") or "somebody"
            lines.append(f"{who}: {content_of(one, names)[0]}")
        question = self._speak("summarise", sender.language)
        if not await self._show_asked(channel, thread, sender, question):
            return None
        return Incoming(
            event_id=asked.event_id,
            conversation=asked.conversation,
            sender=sender,
            text=question,
            private=asked.private,
            quote=Quote(THREAD, "\n".join(lines)[-MOST_CHARS:]),
        )

    async def _again(self, channel: str, ts: str, said: str) -> tuple[str, tuple[Attachment, ...]]:
        """The whole message *ts*. The dialog kept only its first words."""
        with suppress(PlatformError, TimeoutError), slack_errors():
            async with asyncio.timeout(READ_S):
                answer: Any = await self._client.conversations_replies(
                    channel=channel, ts=ts, latest=ts, inclusive=True, limit=1
                )
            for message in items(answer.data, "messages"):
                if string(message, "ts") == ts:
                    names = await self._people.names(mentioned_in(message))
                    return content_of(message, names)
        return said, ()

    async def _show_asked(self, channel: str, thread: str, sender: Sender, question: str) -> bool:
        """Show the question in the thread; False if we are not a member there."""
        asks = self._speak("asks", sender.language, name=render(sender.name))
        quoted = render(question).replace("\n", "\n> ")
        try:
            with slack_errors():
                await self._client.chat_postMessage(
                    channel=channel,
                    thread_ts=thread,
                    text=fallback(question),
                    blocks=[{"type": "markdown", "text": f"{asks}\n> {quoted}"}],
                    unfurl_links=False,
                    unfurl_media=False,
                )
        except (ChatLost, NoRight):
            await self._tell(channel, sender.id.partition(":")[2], "not_invited", sender)
            return False
        return True

    async def _tell(self, channel: str, user: str, sentence: str, sender: Sender) -> None:
        """Tell only the person; in our direct message, if that does not work in the channel."""
        text = self._speak(sentence, sender.language, id=sender.id)
        try:
            with slack_errors():
                await self._client.chat_postEphemeral(channel=channel, user=user, text=text)
        except PlatformError:
            with suppress(PlatformError), slack_errors():
                await self._client.chat_postMessage(channel=user, text=text)


def _alone(asked: Incoming, user: str) -> Incoming:
    """*asked*, whose answer only *user* sees."""
    return replace(asked, if_barred=f"@{user}", aside=f"@{user}")
