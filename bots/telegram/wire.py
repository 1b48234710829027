"""Telegram's JSON, read item by item, so that one bad update delays nobody else.

The client library reads a batch of updates as a whole. If it cannot read one of them (say, a poll
of an older server), it refuses the batch, at every poll, for ever.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

from telegram import Bot, Update
from telegram.error import BadRequest, InvalidToken, RetryAfter

from bots.telegram.decoding import DEPTH, Json
from bots.telegram.request import Request, Unreadable
from bots.telegram.slow_mode import POSTS, SlowModes, SlowModeWait, seconds_of
from core.border import set_aside
from core.errors import PlatformError
from core.lent import Recent
from core.net.way import Way

BORDER = "telegram.update"
BATCH = 100
"""getUpdates: limit, 1 to 100."""
UPDATE_CHARS = 1_000_000
"""A message has 4096 characters, and so has what it replies to. More cannot be an update."""

# The main fields of a message. The other fields (a poll, a gift, the message replied to) may have
# shapes that the library does not know. Without them the words can still be answered.
_WORDS = frozenset(
    (
        *("message_id", "date", "edit_date", "chat", "from", "sender_chat", "is_topic_message"),
        *("message_thread_id", "text", "entities", "caption", "caption_entities", "photo"),
        *("media_group_id", "guest_query_id"),
    )
)
_MESSAGES = ("message", "edited_message", "guest_message")
_EVERYWHERE = ("getMe", "getUpdates", "sendMessage", "editMessageText")
_OWN = ("message_id", "date", "chat", "photo", "document", "ephemeral_message_id")
"""The fields that are read of our own posts. Others may have any shape."""

_ASIDE = "ephemeral_message_parameters"
"""What only one person sees is no post in the group."""


class TelegramBot(Bot):
    """The library's bot, but it reads updates one by one, and knows of slow mode."""

    def __init__(self, recent: Recent, token: str, **more: Any) -> None:
        super().__init__(token, **more)
        self._slow = SlowModes(self.call, recent)

    @property
    def slow(self) -> SlowModes:
        """Where posts must wait for longer than other calls."""
        return self._slow

    async def poll(
        self, offset: int | None, timeout_s: int, allowed: Sequence[str]
    ) -> tuple[list[Update], int | None]:
        """Wait for updates from *offset* on.

        Returns:
            Those that can be read, and the next offset. None: nothing is left to confirm. After a
            week without updates Telegram chooses their numbers anew, so an old offset could be
            higher than the new numbers (core.telegram.org/bots/api#update).

        Raises:
            PlatformError: the answer is not a list of updates.
            TelegramError: as in all calls.
        """
        try:
            batch = await self._get(offset, BATCH, timeout_s, allowed)
        except Unreadable as error:
            if not error.ids:
                raise
            batch, number = await self._first(offset, allowed)
            if number is not None:
                set_aside(BORDER, "no JSON")
                return [], number + 1
        if not batch:
            return [], None
        numbers = [number for one in batch if (number := _number(one)) is not None]
        if not numbers:
            set_aside(BORDER, "no update")
            raise PlatformError("Telegram gave no updates that have a number")
        return [update for one in batch if (update := self.read(one)) is not None], numbers[-1] + 1

    async def _first(
        self, offset: int | None, allowed: Sequence[str]
    ) -> tuple[Sequence[object], int | None]:
        """Read the first update of a batch that is not JSON; if that fails, give its number."""
        try:
            return await self._get(offset, 1, 0, allowed), None
        except Unreadable as error:
            if not error.ids:
                raise
            return (), error.ids[0]

    async def _get(
        self, offset: int | None, limit: int, timeout_s: int, allowed: Sequence[str]
    ) -> Sequence[object]:
        asked = {"offset": offset, "limit": limit, "timeout": timeout_s, "allowed_updates": allowed}
        batch = await self._post("getUpdates", asked, read_timeout=timeout_s + 10)
        if not isinstance(batch, list):
            set_aside(BORDER, "no list")
            raise PlatformError("Telegram gave no list of updates")
        return batch

    def read(self, raw: object) -> Update | None:
        """The update of *raw*, without fields that cannot be read; None: it is set aside."""
        if not isinstance(raw, dict) or _number(raw) is None:
            set_aside(BORDER, "no update")
            return None
        if not _fits(raw):
            set_aside(BORDER, "too large")
            return None
        try:
            return Update.de_json(raw, self)
        except Exception as error:
            # The library may raise anything. The next update may be readable.
            set_aside(BORDER, error)
        for kind in _MESSAGES:
            if isinstance(message := raw.get(kind), dict):
                return self._words_of(raw, kind, message)
        return None

    def _words_of(self, raw: Json, kind: str, message: Json) -> Update | None:
        known = {name: value for name, value in message.items() if name in _WORDS}
        try:
            return Update.de_json({"update_id": raw["update_id"], kind: known}, self)
        except Exception:
            # It is counted already.
            return None

    async def call(self, endpoint: str, data: Json) -> Any:
        """Call a method with *data* as it stands, and return what Telegram says.

        For methods that the library does not know, and for those of every turn: what the library
        makes of arguments and answers costs as much as the call.
        """
        given = {name: one for name, one in data.items() if one is not None}
        url, request = f"{self.base_url}/{endpoint}", cast(Request, self.request)
        return await self._made(endpoint, given, lambda: request.call(url, given))

    async def _do_post(self, endpoint: str, data: Json, **timeouts: Any) -> Any:
        make = super()._do_post
        return await self._made(endpoint, data, lambda: make(endpoint, data, **timeouts))

    async def _made(self, endpoint: str, data: Json, make: Callable[[], Awaitable[Any]]) -> Any:
        """What comes of *make*, the call of *endpoint* with *data*."""
        group = _group_of_post(endpoint, data)
        if group is not None:
            await self._slow.before(group)
        try:
            result: Any = await make()
        except RetryAfter as error:
            if group is None:
                raise
            seconds = seconds_of(error)
            if (bucket := await self._slow.refused(group, seconds)) is None:
                raise
            raise SlowModeWait(round(seconds), bucket) from error
        except InvalidToken as error:
            if endpoint in _EVERYWHERE or "not found" not in str(error).lower():
                raise
            # 404 may also mean that an older server does not know the method.
            raise BadRequest(f"{endpoint} is not known here") from None
        match result:
            case {"message_id": _}:
                return _own(result)
            case [{"message_id": _}, *_]:
                return [_own(one) for one in result]
            case _:
                return result


def open_bot(token: str, api_url: str, way: Way, recent: Recent) -> TelegramBot:
    """The bot of *token* at *api_url*. All its calls take *way*."""
    # The pool of all calls but polling. Previews of many chats go out at once.
    return TelegramBot(
        recent,
        token,
        base_url=f"{api_url}/bot",
        base_file_url=f"{api_url}/file/bot",
        request=Request(way, at_once=256),
        get_updates_request=Request(way, at_once=2),
    )


def _group_of_post(endpoint: str, data: Json) -> int | None:
    """The group that the call makes a new post in, for all its members; None: it does not."""
    chat = data.get("chat_id")
    if endpoint not in POSTS or not isinstance(chat, int) or chat > 0 or _ASIDE in data:
        return None
    return chat


def _own(post: Mapping[str, Any]) -> Json:
    return {name: post[name] for name in _OWN if name in post}


def _number(raw: object) -> int | None:
    number = raw.get("update_id") if isinstance(raw, dict) else None
    # JSON numbers may have any length, and `True` is an int in Python.
    return number if type(number) is int and abs(number) < 2**63 else None


def _fits(raw: Json) -> bool:
    """Whether *raw* is small and flat enough to be an update."""
    left, waiting = UPDATE_CHARS, [(raw, 0)]
    while waiting and left > 0:
        value, depth = waiting.pop()
        if depth > DEPTH:
            return False
        match value:
            case str():
                left -= len(value)
            case dict():
                left -= len(value)
                waiting += [(one, depth + 1) for one in value.values()]
            case list():
                left -= len(value)
                waiting += [(one, depth + 1) for one in value]
    return left > 0
