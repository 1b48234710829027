"""What a turn hears of what was said here to others, by the choice `context` of the place.

`off`: nothing. `thread`: the thread in which somebody asks, where the platform can tell it.
`recent N`: outside of threads the last N messages too. A platform that cannot tell them, such as
Telegram, has them overheard: only where the place itself chose `recent N`, since then.

What is heard enters this turn's prompt, and nothing else: no history, summary, cache or log.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import NamedTuple

from msgspec.structs import replace

from core.errors import PlatformError, StoreError
from core.languages.catalogue import say
from core.messages import DUE, THREAD, Attachment, Exchange, place_of, split_conversation
from core.models.request import ChatMessage
from core.said import Said, Span, Transcript
from core.store.layers import Layers
from core.store.reminder import read_occurrence
from core.telemetry import logger
from core.times.rules import preceding, zone_named
from core.turn.context import TurnContext
from core.turn.foreign import READ, framed, new_mark, transcribed
from core.turn.pointing import pointed_at

log = logger(__name__)

MOST = 200
"""The most that `recent` takes, and that is read of a thread."""
MOST_THREADS = 3
"""So many threads of a Slack channel are read for a summary: each is one call more."""
HEARD_TOKENS = 8_000
CHARS_PER_TOKEN = 4
UNHEARD = (
    "[What was said here before to others could not be read just now. If the question is about it, "
    "say so.]"
)
_HEAD = "What was said here before the question, oldest first."


class Heard(NamedTuple):
    """What the model is told, as *messages* before the question, and the files that it is given."""

    messages: tuple[ChatMessage, ...] = ()
    files: tuple[Attachment, ...] = ()


def read_choice(choice: str) -> tuple[str, int]:
    """(word, number) of a choice of `context`. What cannot be read is `off`."""
    word, _, number = choice.strip().lower().partition(" ")
    if word == "recent" and number.strip().isdecimal():
        return word, min(int(number), MOST)
    return (word, 0) if word == "thread" else ("off", 0)


async def hear(
    context: TurnContext,
    question: str,
    history: Sequence[Exchange],
    again: Exchange | None = None,
) -> Heard:
    """What the turn hears. *again*: the exchange that is answered anew."""
    quotes = [one.quote for one in context.mail if one.quote is not None]
    if context.first.private or any(quote.author == THREAD for quote in quotes):
        return Heard()
    before = again.message if again is not None else context.first.message
    try:
        transcript = await _transcript(context, before)
    except (PlatformError, StoreError) as error:
        log.info("not heard", conversation=context.claim.conversation, reason=str(error))
        return Heard((ChatMessage("user", UNHEARD), ChatMessage("assistant", READ)))
    transcript = _new(transcript, context, [*history, *([again] if again is not None else [])])
    if not transcript.said:
        return Heard()
    before_these = (*transcript.left_out, *transcript.said)
    files = pointed_at(question, before_these, context.attachments)
    zone = context.choices.now.tzinfo
    most = min(HEARD_TOKENS, context.services.settings.history_tokens)
    body = transcribed(transcript, zone, most, head=_is_thread(context, before), shown=files)
    frame = ChatMessage("user", framed(_HEAD, body, new_mark()))
    return Heard((frame, ChatMessage("assistant", READ)), tuple(files))


async def said_here(context: TurnContext) -> Sequence[Said]:
    """What the turn may hear of what was said here to others, as it was said.

    Raises:
        PlatformError, StoreError: it cannot be read now.
    """
    if context.first.private:
        return ()
    return (await _transcript(context, context.first.message)).said


async def _transcript(context: TurnContext, before: str) -> Transcript:
    """What the place's choice lets the turn hear, as the platform or the store tells it."""
    conversation = context.claim.conversation
    _, _, thread = split_conversation(conversation)
    platform, since = context.platform, context.turn.since
    word, number = read_choice(context.choices.context)
    threads = 0
    if (begins := _schedule_begins(context)) is not None:
        # A question that comes again is often about what was said since it came last.
        number, since, threads = MOST, max(since, begins), MOST_THREADS
    if platform.limits.reads:
        where, most = conversation, MOST
        if not thread or thread == before:
            where, most = place_of(conversation), number
        if word == "off" or not most:
            return Transcript()
        span = _span(most, before=before, since=since, threads=threads)
        return await platform.read(where, span)
    if not (most := overhears(context.turn.layers.own("context"))):
        return Transcript()
    return await context.services.overheard.read(conversation, _span(most, since=since))


def _schedule_begins(context: TurnContext) -> float | None:
    """When the question of a schedule, which is asked now, was asked before it; None: it is none.

    Of a question that is asked once: a day ago.
    """
    if context.first.command != DUE or (due := read_occurrence(context.first)) is None:
        return None
    one = due.reminder
    return preceding(one.rule, zone_named(one.zone) or UTC, one.due, due.missed + 1)


def overhears(chosen: object) -> int:
    """How many messages are overheard in a place that itself *chose* so."""
    word, number = read_choice(chosen if isinstance(chosen, str) else "")
    return number if word == "recent" else 0


async def switched(context: TurnContext, field: str, layers: Layers) -> str:
    """What to say when *field* was changed here to what *layers* hold; empty: nothing.

    *field*: `context` or `when`. Some of their values need that we are told what others say.
    """
    if field == "context":
        needs = _overhears_here(context) and overhears(layers.own("context")) > 0
    else:
        chosen = layers.preferences.when not in ("", "mention")
        needs = chosen and not context.first.private
    if not needs or await context.platform.hears(context.claim.conversation):
        return ""
    told = "hears_no_events" if context.platform.limits.reads else "hears_nothing"
    return say(told, context.language)


async def erase_if_off(context: TurnContext, layers: Layers) -> None:
    """Erase what was overheard here, if by *layers* nothing is overheard here any more."""
    if not _overhears_here(context) or overhears(layers.own("context")):
        return
    conversation = context.claim.conversation
    if conversation == place_of(conversation):
        await context.services.overheard.end(conversation)
    else:
        await context.services.overheard.forget(conversation)


def _overhears_here(context: TurnContext) -> bool:
    """Whether what is said here can only be known by overhearing it."""
    return not (context.platform.limits.reads or context.first.private)


def _span(most: int, *, before: str = "", since: float = 0.0, threads: int = 0) -> Span:
    chars = CHARS_PER_TOKEN * HEARD_TOKENS
    return Span(most=most, most_chars=chars, before=before, since=since, threads=threads)


def _new(transcript: Transcript, context: TurnContext, history: Iterable[Exchange]) -> Transcript:
    """*transcript* without what the model sees anyway: the question, and our exchanges here."""
    known = {*context.posts, *(one.message for one in context.mail)}
    for exchange in history:
        known |= {exchange.message, *exchange.posts}
    asked = max(one.sent_at for one in context.mail)
    said: list[Said] = []
    remembers = False
    for one in transcript.said:
        remembers = remembers or one.message in known
        # From where history begins, our other posts are notices and parts of answers.
        if one.message not in known and not (remembers and one.by == "us"):
            said.append(one)
    if asked and not context.platform.limits.reads:
        # What came after the question is not before it.
        said = [one for one in said if one.at <= asked]
    return replace(transcript, said=tuple(said))


def _is_thread(context: TurnContext, before: str) -> bool:
    """Whether a thread is read: who asks outside of threads, by *before*, begins one by that."""
    thread = split_conversation(context.claim.conversation)[2]
    return bool(thread) and thread != before and context.platform.limits.reads
