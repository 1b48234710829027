"""The turn of `/catchup`: what was said here, in short, for the asker alone.

It is answered from what the platform or the store tells now, not from the conversation's history,
and nothing of it enters history. Who asks can read it here anyway: it is shown to them alone, so
that it disturbs nobody.
"""

import datetime
from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from core.errors import Impossible, PlatformError, StoreError
from core.languages.catalogue import LANGUAGES, Language, failure, say
from core.live.delivery import post
from core.live.reply import Reply
from core.messages import ConversationId, conversation_id, split_conversation
from core.models.request import ChatMessage, ChatRequest
from core.said import Said, Span, Transcript
from core.telemetry import logger
from core.times.past import since
from core.turn.afford import afford
from core.turn.choices import one_line
from core.turn.citations import cited
from core.turn.context import Report, TurnContext
from core.turn.cost import record, spent_by
from core.turn.foreign import framed, moment, new_mark, transcribed
from core.turn.generation import Generation
from core.turn.hearing import CHARS_PER_TOKEN, MOST_THREADS, overhears, read_choice
from core.turn.prompt import clock
from core.turn.writing import write

log = logger(__name__)

MOST = 500
DAYS = 7
"""Without a number or a day, no older messages are told."""
TOLD_TOKENS = 16_000
ANSWER_TOKENS = 1_500
HERE = "here"
_HEAD = "What was said here, oldest first, each message with its number."
_TASK = (
    "You tell {name}, who was away, what was said in a chat: who said what, what was decided, and "
    "which questions are open, in at most 250 words, in {language}. Leave out what does not "
    "matter. Call people by their names. Behind each point cite the numbers of its messages, such "
    "as [3] or [4, 7]. Write no links. If it is only small talk, say so in one sentence."
)


class Wish(NamedTuple):
    """What the asker wants: since a time, the last *most* messages, or (0) since their own last."""

    since: float
    most: int
    mine: bool
    here: bool


def read_wish(text: str, now: datetime.datetime, languages: Sequence[Language] = ()) -> Wish:
    """What the arguments of the command say."""
    words = text.lower().split()
    here = HERE in words
    if (begins := since(text, now, languages)) is not None:
        return Wish(begins.timestamp(), MOST, mine=False, here=here)
    for word in words:
        if word.isdecimal() and int(word[:9]) > 0:
            return Wish(0.0, min(int(word[:9]), MOST), mine=False, here=here)
    week = (now - datetime.timedelta(days=DAYS)).timestamp()
    return Wish(week, MOST, mine=True, here=here)


async def catch_up(context: TurnContext) -> Report:
    """Tell the asker alone what was said here."""
    wish = read_wish(context.first.text, context.choices.now, [context.language])
    if why := await _barred(context):
        return await context.close("rejected", why)
    try:
        transcript = await _heard(context, wish)
    except (PlatformError, StoreError) as error:
        log.info("not heard", conversation=context.claim.conversation, reason=str(error))
        return await context.close("rejected", say("catchup_unread", context.language))
    if not transcript.said:
        return await context.close("command", say("catchup_nothing", context.language))
    reply = await _reply(context, transcript, here=wish.here)
    if reply is None:
        return await context.close("rejected", say("catchup_alone", context.language))
    return await _tell(context, transcript, reply)


async def _barred(context: TurnContext) -> str:
    """Why there is nothing to catch up here; empty if there may be something."""
    language = context.language
    if context.first.private:
        return say("catchup_private", language)
    if context.platform.limits.reads:
        off = read_choice(context.choices.context)[0] == "off"
        return say("catchup_off", language) if off else ""
    if overhears(context.turn.layers.own("context")):
        return ""
    hears = await context.platform.hears(context.claim.conversation)
    parts = (say("catchup_off", language), "" if hears else say("hears_nothing", language))
    return "\n\n".join(filter(None, parts))


async def _heard(context: TurnContext, wish: Wish) -> Transcript:
    """What was said here that *wish* is about."""
    conversation, first = context.claim.conversation, context.first
    chars = CHARS_PER_TOKEN * TOLD_TOKENS
    span = Span(
        most=wish.most,
        most_chars=chars,
        before=first.message,
        since=wish.since,
        threads=MOST_THREADS,
    )
    if context.platform.limits.reads:
        transcript = await context.platform.read(conversation, span)
    else:
        kept = await context.services.overheard.read(conversation, span)
        both = [*kept.said, *(one for one in _exchanged(context) if one.at >= wish.since)]
        both = sorted(both, key=lambda one: one.at)[-wish.most :]
        transcript = replace(kept, said=tuple(both))
    mail = {one.message for one in context.mail}
    said = [one for one in transcript.said if one.message not in mail]
    if wish.mine:
        mine = [at for at, one in enumerate(said) if one.person == first.sender.id]
        said = said[mine[-1] + 1 :] if mine else said
    if all(one.by == "us" for one in said):
        said = []
    return replace(transcript, said=tuple(said))


def _exchanged(context: TurnContext) -> Sequence[Said]:
    """What was asked and answered here, which is not overheard."""
    said: list[Said] = []
    for one in context.turn.history:
        person = one.person or one.speaker
        asked = Said(
            message=one.message, at=one.at, author=one.speaker, person=person, text=one.question
        )
        post = one.posts[0] if one.posts else ""
        said += [asked, Said(message=post, at=one.at, author="", text=one.answer, by="us")]
    return [one for one in said if one.text]


async def _reply(context: TurnContext, transcript: Transcript, *, here: bool) -> Reply | None:
    """The reply that tells it: here to all if that is wanted, else where only the asker sees it.

    None: there is no such place.
    """
    platform, first, pacer = context.platform, context.first, context.services.pacer
    conversation = context.claim.conversation
    may_show, reference = context.lease.may_show, await platform.alone(first)
    if here and reference and reference == first.reply_to:
        # Nobody else saw the command, and its answer is for all.
        return Reply(platform, conversation, "", pacer, may_show=may_show)
    if here:
        return context.reply(handles=context.posts)
    if reference:
        return Reply(platform, conversation, reference, pacer, may_show=may_show)
    try:
        private = await platform.private_with(first.sender.id)
        surface = platform.open_surface(private, "")
        # Before a model is paid it must be known whether they can be written to.
        await post(surface, _title(context, transcript), private, pacer.budget)
    except Impossible:
        return None
    await context.say(say("catchup_sent", context.language), aside=True)
    return Reply(platform, private, "", pacer, handles=[surface.handle])


async def _tell(context: TurnContext, transcript: Transcript, reply: Reply) -> Report:
    choices, services, language = context.choices, context.services, context.language
    name, spoken = one_line(context.first.sender.name), LANGUAGES[language].name
    body = transcribed(transcript, choices.now.tzinfo, TOLD_TOKENS, head=False, numbered=True)
    request = ChatRequest(
        messages=(
            ChatMessage("system", _TASK.format(name=name, language=spoken)),
            ChatMessage("user", framed(_HEAD, body, new_mark())),
        ),
        model=choices.model,
        options=choices.options,
        max_tokens=min(ANSWER_TOKENS, services.settings.max_tokens or ANSWER_TOKENS),
        clock=clock(choices.now),
    )
    request = await afford(context, request)
    generation = Generation("")
    try:
        async with context.stop.stoppable():
            await write(generation, services, request, lambda: None)
    except TimeoutError:
        if not context.stop.given:
            raise
        generation.stopped = True
    links = {at: _link(context, one) for at, one in enumerate(transcript.said, 1)}
    parts = [_title(context, transcript), cited(generation.best, links)]
    if generation.stopped:
        parts.append(say("stopped", language))
    elif generation.error is not None:
        parts.append(failure(generation.error, language))
    await reply.finish("\n\n".join(filter(None, parts)))
    model, spent = spent_by(context, request, generation)
    await context.commit(spent={model: spent})
    record(context, model, generation, spent)
    return Report(generation.outcome, reply.shown)


def _title(context: TurnContext, transcript: Transcript) -> str:
    """Where that was, how much, and since when."""
    first = moment(transcript.said[0].at, context.choices.now.tzinfo)
    return say(
        "catchup_head",
        context.language,
        place=context.choices.preferences.name or context.platform.name,
        messages=len(transcript.said),
        since=f"{first:%Y-%m-%d %H:%M}",
    )


def _link(context: TurnContext, one: Said) -> str:
    """The address of *one*; empty if it has none."""
    conversation: ConversationId = context.claim.conversation
    if one.thread:
        platform, space, _ = split_conversation(conversation)
        conversation = conversation_id(platform, space, one.thread)
    return context.platform.link_to(conversation, one.message)
