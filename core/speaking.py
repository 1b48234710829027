"""Speaking unasked: which messages to nobody in particular a place wants answered (`when`).

- `mention`: none. What speaks to us is decided before.
- `reply`: also what replies to a message that spoke to us.
- `always`: every message, but not what people say to one person.
- `useful`: also questions that a small model finds worth an answer (`core.turn.useful`), if nobody
  has answered them for a moment. A question that waits so is lost if this process ends: nobody
  waits for an answer to it. Thanks and good news wait for a second; they get a reaction at most.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Literal

import msgspec

from core.errors import StoreError
from core.languages.cues import asks, glad
from core.live.pace import Pacer
from core.messages import (
    FORWARD,
    ConversationId,
    Incoming,
    Preferences,
    place_of,
    split_conversation,
)
from core.platform import Bucket
from core.retry import retry_until_available
from core.store.limits import Notices, asked_name
from core.store.recent import SharedRecent
from core.store.values import read_each
from core.tenant_names import home_tenant

Wanted = Literal["", "answer", "judge"]
WAIT_S = 20.0
"""So long somebody else may answer a question first."""
CHEERS_S = 1.0
"""So long after thanks or good news they may get a reaction."""
JUDGED_PER_HOUR = 30
"""How many questions of a place a model judges, and a third as many cheerful messages."""
CHARS = (8, 1_500)
"""Who writes less asks nothing that can be understood, and who writes more has pasted something."""


class _Spoke(msgspec.Struct, frozen=True):
    """What is remembered for some minutes of a message in a place that chose `useful`."""

    message: str
    person: str
    talk: str
    under: str
    asks: bool = False
    deleted: bool = False


_spoke = msgspec.json.Decoder(_Spoke)


class Speaking:
    """Decides what is answered unasked. Waits for an absent store."""

    def __init__(self, notices: Notices, recent: SharedRecent, pacer: Pacer) -> None:
        self._notices = notices
        self._recent = recent
        self._budget = pacer.budget

    async def wants(self, incoming: Incoming, chosen: Preferences) -> Wanted:
        """Whether *incoming*, which does not speak to us, is answered all the same.

        *chosen*: what holds in its conversation.
        """
        when = chosen.when
        if when in ("", "mention") or incoming.private or incoming.moved_to or incoming.command:
            return ""
        if when == "useful":
            await self._remember(incoming)
        if incoming.edited or incoming.deleted:
            # A message of long ago does not become a question by being edited.
            return "answer" if await self._was_asked(incoming, incoming.message) else ""
        if incoming.replies_to and await self._was_asked(incoming, incoming.replies_to):
            return "answer"
        if when == "reply" or _to_one_person(incoming):
            return ""
        if when == "always":
            return "answer"
        if incoming.address == "direct" or not _own_words(incoming):
            return ""
        return "judge" if _may_be_question(incoming) or glad(incoming.text) else ""

    async def judge_later(
        self, incoming: Incoming, put: Callable[[Incoming], Awaitable[object]]
    ) -> None:
        """*put* the question *incoming* if nobody answers it in a moment."""
        place, cheers = place_of(incoming.conversation), glad(incoming.text)
        kind, most = ("cheered", JUDGED_PER_HOUR // 3) if cheers else ("judged", JUDGED_PER_HOUR)
        bucket = Bucket(f"{kind}:{place}", most, 3600.0, reserve=0, of=home_tenant(place))
        if (await self._budget.take([bucket], "final")).wait_s:
            return
        # In a thread that we follow, it may be for us after all.
        await asyncio.sleep(min(WAIT_S, CHEERS_S) if cheers else WAIT_S)
        answered = not cheers and await self._answered(incoming)
        if not (answered or await self._was_asked(incoming)):
            await put(incoming)

    async def _was_asked(self, incoming: Incoming, message: str = "") -> bool:
        name = asked_name(incoming, message)
        return await retry_until_available(
            partial(self._notices.already_given, name), "asked before"
        )

    async def _remember(self, incoming: Incoming) -> None:
        spoke = _Spoke(
            incoming.message,
            incoming.sender.id,
            _talk_of(incoming),
            incoming.replies_to or split_conversation(incoming.conversation)[2],
            asks=asks(incoming.text),
            deleted=incoming.deleted,
        )
        name = _log_name(incoming.conversation)
        keep = partial(self._recent.look, name, msgspec.json.encode(spoke))
        await retry_until_available(keep, "who spoke")

    async def _answered(self, incoming: Incoming) -> bool:
        """Whether somebody has said something to *incoming*, or it was taken back."""
        try:
            raw = await self._recent.look(_log_name(incoming.conversation))
        except StoreError:
            return True
        found = read_each(_spoke, raw, "store.recent")
        this = incoming.message
        others = [one for one in found if one.person != incoming.sender.id]
        if any(one.under == this for one in others):
            return True
        # What is no reply may be an answer too, if it came later and is no question itself.
        mine = [at for at, one in enumerate(found) if one.message == this]
        later = found[mine[0] :] if mine else found
        talk = _talk_of(incoming)
        return any(
            one.deleted
            if one.message == this
            else one in others and one.talk == talk and not one.asks
            for one in later
        )


def _log_name(conversation: ConversationId) -> str:
    return f"said:{place_of(conversation)}"


def _talk_of(incoming: Incoming) -> str:
    """Where people read *incoming*. What begins a thread stands outside of all threads."""
    thread = split_conversation(incoming.conversation)[2]
    begins = bool(thread) and thread == incoming.message
    return place_of(incoming.conversation) if begins else incoming.conversation


def _to_one_person(incoming: Incoming) -> bool:
    return bool(incoming.replies_to) or incoming.text.lstrip().startswith("@")


def _own_words(incoming: Incoming) -> bool:
    return incoming.burst != FORWARD and (incoming.quote is None or not incoming.quote.forwarded)


def _may_be_question(incoming: Incoming) -> bool:
    least, most = CHARS
    return least <= len(incoming.text) <= most and asks(incoming.text)
