"""Reads what was said in a thread or a channel. Nothing of it is kept.

Slack gives a thread from its beginning, up to a thousand messages in one call, and a channel from
its end (docs.slack.dev, conversations.replies, conversations.history). Of a longer thread the end
is looked for: a second call asks for what is not older than a guess.

An app that is distributed outside Slack's Marketplace gets 15 messages in a call, and one call a
minute (docs.slack.dev, rate limits, since 2025-05-29). It goes without in between, as whoever is
refused does: nobody waits for a rate limit here.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import msgspec

from bots.slack.failures import refusal, slack_errors
from bots.slack.fields import items, mapping, number, string
from bots.slack.inbound import Me, seconds
from bots.slack.people import People
from bots.slack.said import is_said, named_in, read_said
from core.border import set_aside
from core.credentials import Credential
from core.errors import ChatLost, ContentRefused, NoRight, PlatformError, RateLimited
from core.messages import ConversationId, split_conversation
from core.net.bounded_body import read_up_to
from core.said import MOST_LEFT_OUT, Missing, Said, Span, Transcript, newest

log = logging.getLogger(__name__)

PAGE = 999
"""docs.slack.dev: the most for conversations.history; one more for conversations.replies."""
MOST_CALLS = 4
READ_S = 5.0
ANSWER_BYTES = 16 * 1024 * 1024
SMALL_PAGE = 100
"""How many are asked for if more are too large."""
CLOSED_S = 300.0
"""Where we may not read, we ask again after so long."""
ABSENT_S = 30.0
"""The same where we are no member: somebody may be inviting us."""
_RIGHTS = frozenset(("missing_scope", "not_allowed_token_type", "channel_is_limited_access"))

_Found = dict[str, Mapping[str, Any]]
"""Messages by their ts."""
_json = msgspec.json.Decoder(dict[str, Any])


class History:
    """Reads with *credential* what was said in the channels that we are a member of."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        credential: Credential,
        api_url: str,
        people: People,
        me: Me,
    ) -> None:
        self._session = session
        self.credential = credential
        self._api_url = api_url
        self._people = people
        self._me = me
        self._closed: dict[str, tuple[float, PlatformError]] = {}
        self._told: set[str] = set()

    async def read(self, conversation: ConversationId, span: Span) -> Transcript:
        """See `core.platform.Platform.read`."""
        _, channel, thread = split_conversation(conversation)
        found: _Found = {}
        missing: Missing = "newer"
        try:
            async with asyncio.timeout(READ_S):
                if thread:
                    missing = await self._thread(channel, thread, span, found)
                else:
                    missing = await self._channel(channel, span, found)
                    await self._replies(channel, span, found)
        except (PlatformError, TimeoutError) as error:
            # What the calls before it brought is better than nothing.
            if not found:
                raise (
                    error if isinstance(error, PlatformError) else PlatformError("late")
                ) from error
            missing = "newer" if thread else "older"
        messages = [one for _, one in sorted(found.items()) if is_said(one)]
        head = bool(thread) and [string(one, "ts") for one in messages[:1]] == [thread]
        # To read one takes time. So only those that may be wanted are read.
        wanted = [*messages[:head], *messages[head:][-span.most :]]
        transcript = newest(await self._said(wanted, in_channel=not thread), span, head=head)
        dropped = transcript.missing or ("older" if len(wanted) < len(messages) else "")
        left_out = await self._left_out(messages, transcript.said, span) if thread else ()
        return Transcript(transcript.said, missing or dropped, left_out)

    async def _left_out(
        self, messages: Sequence[Mapping[str, Any]], told: Sequence[Said], span: Span
    ) -> tuple[Said, ...]:
        """Those of a thread's *messages* that are not *told*, and have files."""
        known = {one.message for one in told}
        filed = [one for one in messages if items(one, "files") and string(one, "ts") not in known]
        said = await self._said(filed[-MOST_LEFT_OUT:], in_channel=False)
        return tuple(one for one in said if one.attachments and one.at >= span.since)

    async def _said(self, messages: Sequence[Mapping[str, Any]], *, in_channel: bool) -> list[Said]:
        """*messages*, with names. Those of the newest are looked up first, and writers' first."""
        named = [named_in(one) for one in reversed(messages)]
        ids = dict.fromkeys([*(one[0] for one in named if one), *(i for one in named for i in one)])
        names = await self._people.names(ids)
        said = (read_said(one, self._me, names, in_channel=in_channel) for one in messages)
        return [one for one in said if one is not None]

    async def _channel(self, channel: str, span: Span, found: _Found) -> Missing:
        """Put the end of the channel into *found*."""
        more = {"cursor": ""}
        for _ in range(MOST_CALLS):
            # Joins and the like come too.
            page = {"channel": channel, "limit": min(PAGE, span.most + 20), **_bounds(span), **more}
            answer = await self._call("conversations.history", page)
            _add(answer, found)
            more["cursor"] = string(mapping(answer, "response_metadata"), "next_cursor")
            if not more["cursor"] or len(found) >= span.most:
                break
        return "older" if more["cursor"] else ""

    async def _replies(self, channel: str, span: Span, found: _Found) -> None:
        """Add what was said in the newest threads of those that begin in *found*."""
        begun = [one for one in found.values() if number(one, "reply_count")]
        begun.sort(key=lambda one: seconds(string(one, "latest_reply")), reverse=True)
        for one in begun[: span.threads]:
            page = {"channel": channel, "ts": string(one, "ts"), "limit": PAGE, **_bounds(span)}
            later: _Found = {}
            _add(await self._call("conversations.replies", page), later)
            # The root comes with them, and is there already.
            found |= {ts: reply for ts, reply in later.items() if ts not in found}

    async def _thread(self, channel: str, thread: str, span: Span, found: _Found) -> Missing:
        """Put the thread's root and its end into *found*."""
        page = {"channel": channel, "ts": thread, "limit": PAGE, **_bounds(span)}
        answer = await self._call("conversations.replies", page)
        count = _add(answer, found)
        if not _has_more(answer):
            return ""
        root = found.get(thread, {})
        end = min(seconds(string(root, "latest_reply")) or time.time(), _end(span))
        left = max(number(root, "reply_count") - count, 1)
        start = max(map(seconds, found))
        # The end holds as many messages a second as the rest, as a first guess.
        ago = (end - start) * min(1.0, PAGE / 2 / left)
        reached = False
        for _ in range(MOST_CALLS - 1):
            later: _Found = {}
            answer = await self._call(
                "conversations.replies", {**page, "oldest": f"{end - ago:.6f}"}
            )
            count = _add(answer, later)
            found |= later
            reached = reached or not _has_more(answer)
            if _has_more(answer):
                ago /= 8
            elif count - 1 < min(span.most, left) and end - ago > start:
                ago = min(4 * ago, end - start)
            else:
                break
        if not reached:
            return "newer"
        return "" if len(found) > number(root, "reply_count") > 0 else "older"

    async def _call(self, method: str, parameters: Mapping[str, object]) -> dict[str, Any]:
        """Call *method*, unless a refusal of it still holds."""
        channel = str(parameters["channel"])
        now = time.monotonic()
        for name in (method, channel):
            until, error = self._closed.get(name, (0.0, PlatformError()))
            if now < until:
                raise error
        try:
            with slack_errors():
                return await self._asked(method, parameters)
        except RateLimited as error:
            self._close(method, error.retry_after_s, error)
            raise
        except (ChatLost, ContentRefused) as error:
            refused: PlatformError = error
            if str(error) in _RIGHTS:
                refused = NoRight(str(error), "history")
            absent = isinstance(refused, ChatLost)
            self._close(channel, ABSENT_S if absent else CLOSED_S, refused)
            self._tell(str(error))
            raise refused from error

    def _close(self, name: str, seconds: float, error: PlatformError) -> None:
        now = time.monotonic()
        self._closed = {one: kept for one, kept in self._closed.items() if kept[0] > now}
        self._closed[name] = now + seconds, error

    def _tell(self, code: str) -> None:
        """Tell the operator once why the bot does not read what was said."""
        if code not in self._told:
            self._told.add(code)
            need = "invite it, or give it the scopes channels:history and groups:history"
            log.warning("Slack does not let the bot read what was said (%s): %s", code, need)

    async def _asked(self, method: str, parameters: Mapping[str, object]) -> dict[str, Any]:
        url = f"{self._api_url}{method}"
        headers = self.credential.to(url)
        form = {name: str(value) for name, value in parameters.items() if value not in ("", None)}
        async with self._session.post(
            url, data=form, headers=headers, allow_redirects=False
        ) as response:
            body = await read_up_to(response.content, ANSWER_BYTES)
            status, sent = response.status, response.headers
        if len(body) > ANSWER_BYTES:
            if int(form["limit"]) <= SMALL_PAGE:
                raise PlatformError("Slack's answer is too long")
            return await self._asked(method, {**parameters, "limit": SMALL_PAGE})
        try:
            answer = await asyncio.to_thread(_json.decode, body)
        except (msgspec.MsgspecError, RecursionError) as error:
            set_aside("slack.history", error)
            answer = {}
        if answer.get("ok") is not True:
            raise refusal(string(answer, "error"), status, sent)
        return answer


def _bounds(span: Span) -> dict[str, object]:
    return {"latest": span.before, "oldest": f"{span.since:.6f}" if span.since else ""}


def _end(span: Span) -> float:
    return seconds(span.before) if span.before else time.time()


def _has_more(answer: Mapping[str, Any]) -> bool:
    return bool(answer.get("has_more"))


def _add(answer: Mapping[str, Any], found: _Found) -> int:
    """Put the messages of *answer* into *found*. Returns how many they are."""
    messages = [one for one in items(answer, "messages") if string(one, "ts")]
    found |= {string(one, "ts"): one for one in messages}
    return len(messages)


def link_to(workspace: str, conversation: ConversationId, ts: str) -> str:
    """The address of a message. *workspace*: the address that `auth.test` tells.

    Source: docs.slack.dev/reference/methods/chat.getPermalink, whose answers look like this.
    """
    _, channel, thread = split_conversation(conversation)
    if not (workspace and channel and ts):
        return ""
    place = f"{workspace.rstrip('/')}/archives/{channel}/p{ts.replace('.', '')}"
    return f"{place}?thread_ts={thread}&cid={channel}" if thread and thread != ts else place
