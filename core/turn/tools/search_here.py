"""The tool `search_here`: what was said in this conversation, by words.

It reads the history of this very conversation, and what the turn may hear here of others
(`core.turn.hearing`): nothing of another place, thread or person's private chat.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from core.errors import PlatformError, StoreError
from core.messages import Exchange
from core.models.chunks import Source
from core.models.folding import visible
from core.said import Said
from core.tools.tool import ToolContext, ToolResult
from core.turn.context import TurnContext
from core.turn.foreign import author_of, moment
from core.turn.hearing import said_here

MOST_FOUND = 8
SHOWN_CHARS = 500
_WORDS = re.compile(r"[^\W_]+")
_UNHEARD = "[what people said to each other here could not be read now]"


class _Found(NamedTuple):
    """Something that was said. *message*: the platform's reference of it, or empty."""

    at: float
    by: str
    text: str
    message: str
    foreign: bool


class Searching:
    """Searches the conversation of *context*."""

    def __init__(self, context: TurnContext) -> None:
        self._context = context

    async def act(self, arguments: Mapping[str, Any], tool: ToolContext) -> ToolResult:
        context = self._context
        wanted = set(_WORDS.findall(str(arguments["query"]).casefold()))
        conversation, since = context.claim.conversation, context.turn.since
        found = [
            part
            async for one in context.claim.archive.exchanges(conversation)
            if one.at >= since and not (one.refused or one.aside)
            for part in _parts(one, context)
        ]
        note = ""
        try:
            found += _heard(await said_here(context), {one.message for one in found if one.message})
        except (PlatformError, StoreError):
            note = _UNHEARD
        best = _best(found, wanted)
        zone = context.choices.now.tzinfo
        rows, sources = [], []
        for one in best:
            link = context.platform.link_to(conversation, one.message) if one.message else ""
            if link:
                sources.append(Source(link, f"{one.by}, {moment(one.at, zone):%d %b %H:%M}"))
            number = f"[{tool.cited + len(sources)}] " if link else ""
            when = f"{moment(one.at, zone):%a %d %b %Y %H:%M}"
            rows.append(f"{number}{one.by} ({when}):\n{_around(one.text, wanted)}")
        rows = rows or ["[nothing of that was said here]"]
        text = visible("\n\n".join(filter(None, (*rows, note))))
        harmless = not any(one.foreign for one in best)
        return ToolResult(text, tuple(sources), harmless=harmless)


def _parts(one: Exchange, context: TurnContext) -> Iterable[_Found]:
    foreign = one.tainted or not context.owns(one)
    yield _Found(one.at, one.speaker, one.question, one.message, foreign)
    yield _Found(one.at, "you", one.answer or one.notes, "", foreign)


def _heard(said: Iterable[Said], known: set[str]) -> list[_Found]:
    return [
        _Found(one.at, author_of(one), one.text, one.message, foreign=True)
        for one in said
        if one.message not in known and one.by != "us"
    ]


def _best(found: Iterable[_Found], wanted: set[str]) -> list[_Found]:
    """Those of *found* that hold most of the *wanted* words; of equals the newer; oldest first."""
    scored = [(_score(one.text, wanted), one.at, one) for one in found]
    hits = sorted((one for one in scored if one[0]), key=lambda one: one[:2], reverse=True)
    return sorted((one for _, _, one in hits[:MOST_FOUND]), key=lambda one: one.at)


def _score(text: str, wanted: set[str]) -> int:
    folded = text.casefold()
    return sum(word in folded for word in wanted)


def _around(text: str, wanted: set[str]) -> str:
    """*text*, or the part of it around the first word that was wanted."""
    if len(text) <= SHOWN_CHARS:
        return text
    folded = text.casefold()
    places = [at for word in wanted if (at := folded.find(word)) >= 0]
    begin = max(0, min(places, default=0) - SHOWN_CHARS // 3)
    end = begin + SHOWN_CHARS
    return f"{'…' if begin else ''}{text[begin:end]}{'…' if end < len(text) else ''}"
