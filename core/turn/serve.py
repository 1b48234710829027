"""What a turn does: answers a question, or carries out a command."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec.structs import replace

from core.messages import TITLE, Attachment, Exchange
from core.people.texts import say
from core.store.claim import FAILED, START
from core.turn.answer import answer
from core.turn.commands import home, run_command, usage
from core.turn.compare import COMMAND as COMPARISON
from core.turn.compare import compare
from core.turn.digest import titled
from core.turn.picture import COMMAND, paint, paint_again
from core.turn.prompt import asked_text
from core.turn.stage import Report, Stage

QUESTION_CHARS = 48_000
TITLE_CHARS = 200
MOST_TRIES = 4 * FAILED + START
MOST_TRIES_WHOLE = 20 * START
"""A turn that ended in an error five times, or ended the process twice, is set aside at its next
start; later, when its answer is whole and only waits to be shown: then it was bad luck, and not
the question."""


async def serve(stage: Stage) -> Report:
    """Do what the mail of *stage* asks for."""
    first, language = stage.first, stage.language
    if to := first.moved_to or stage.turn.moved_to:
        await stage.claim.move(to, said=bool(first.moved_to))
        return Report("moved")
    if first.deleted:
        await stage.take_away(stage.checkpoint.posts)
        await stage.commit()
        return Report("nothing")
    most = MOST_TRIES_WHOLE if stage.checkpoint.done else MOST_TRIES
    if stage.turn.tries > most:
        await stage.say(say("set_aside", language))
        await stage.commit(dead="no answer after several tries")
        return Report("set aside")
    if first.edited:
        return await _ask_again_as_edited(stage)
    if handle := _COMMANDS.get(first.command):
        return await handle(stage)
    if first.command:
        return await _say_and_change(stage)
    question = asked_text(stage.mail, stage.turn.history[-1] if stage.turn.history else None)
    if not question.strip():
        return await stage.close("rejected", say("empty", language))
    if len(question) > QUESTION_CHARS:
        return await _too_long(stage, question)
    async with titled(stage, question):
        return await answer(stage, question, stage.turn.history, _attached(stage))


async def _too_long(stage: Stage, text: str) -> Report:
    told = say("too_long", stage.language, chars=len(text), most=QUESTION_CHARS)
    return await stage.close("rejected", told)


async def _rate(stage: Stage) -> Report:
    """Keep what somebody thought of an answer; nothing is said of it."""
    verdict, _, event_id = stage.first.text.partition(" ")
    if verdict in ("up", "down") and event_id:
        await stage.claim.rate(event_id, verdict)
        stage.context.metrics.ratings.labels(stage.platform.name, verdict).inc()
    await stage.commit()
    return Report("rated")


async def _entitled(stage: Stage) -> Report:
    """Keep what somebody called the conversation; nothing is said of it."""
    title = stage.first.text[:TITLE_CHARS]
    await stage.commit(preferences=replace(stage.turn.preferences, title=title))
    return Report("command")


async def _retry(stage: Stage) -> Report:
    """Ask one's last question again, or that under whose answer the button was pressed.

    Its exchange is replaced when the new one is committed.
    """
    under = stage.first.under
    pressed = (one for one in stage.turn.history if under and under in one.posts)
    last = next(pressed, stage.past)
    if last is None:
        return await stage.close("rejected", say("nothing_to_retry", stage.language))
    if stage.first.under and not stage.owns(last):
        return await stage.close("rejected", say("retry_is_theirs", stage.language))
    history, replaces = _before(stage, last), last.event_id
    if last.question.startswith(COMMAND):
        return await paint_again(stage, "again")
    if last.question.startswith(COMPARISON):
        asked = last.question.removeprefix(COMPARISON)
        return await compare(stage, asked, history, last.attachments, replaces=replaces)
    again = last if stage.first.under in last.posts else None
    return await answer(
        stage, last.question, history, last.attachments, replaces=replaces, again=again
    )


async def _go_on(stage: Stage) -> Report:
    """Go on with one's last answer, if it was cut; its exchange then holds all of it."""
    last = stage.past
    whole = last is None or not last.cut or not last.answer
    if last is None or whole or last.question.startswith((COMMAND, COMPARISON)):
        return await stage.close("rejected", say("nothing_to_continue", stage.language))
    return await answer(
        stage,
        last.question,
        _before(stage, last),
        last.attachments,
        replaces=last.event_id,
        before=last.answer,
    )


async def _ask_again_as_edited(stage: Stage) -> Report:
    """Answer the new wording of one's last question; edits of older ones are left alone."""
    last = stage.past
    if last is None or last.message != stage.first.message or stage.first.command:
        await stage.commit()
        return Report("nothing")
    history = _before(stage, last)
    question = asked_text(stage.mail, history[-1] if history else None)
    if last.question == question:
        await stage.commit()
        return Report("nothing")
    return await answer(stage, question, history, _attached(stage), replaces=last.event_id)


def _before(stage: Stage, exchange: Exchange) -> Sequence[Exchange]:
    """What had been said when *exchange* was asked."""
    return stage.turn.history[: stage.turn.history.index(exchange)]


def _attached(stage: Stage) -> list[Attachment]:
    return [attached for incoming in stage.mail for attached in incoming.attachments]


async def _image(stage: Stage) -> Report:
    return await paint(stage, stage.first.text, _attached(stage))


async def _paint_again(stage: Stage) -> Report:
    return await paint_again(stage, stage.first.command)


async def _compare(stage: Stage) -> Report:
    text = stage.first.text
    if len(text) > QUESTION_CHARS:
        return await _too_long(stage, text)
    return await compare(stage, text, stage.turn.history, _attached(stage))


async def _home(stage: Stage) -> Report:
    spent = await stage.claim.spent()
    text, buttons = home(stage.first, stage.turn, spent, stage.context, stage.language)
    shown = await stage.say(text, buttons)
    await stage.commit()
    return Report("command", shown)


async def _usage(stage: Stage) -> Report:
    spent = await stage.claim.spent()
    return await stage.close("command", usage(stage.turn, spent, stage.context, stage.language))


async def _stop(stage: Stage) -> Report:
    """Take away the post under which it was pressed, if nobody knows that post.

    It grew, and its making was never heard of: it says nothing any more.
    """
    post = stage.first.under
    known = (one.posts for one in stage.turn.history)
    if not post or any(post in posts for posts in (*known, stage.checkpoint.posts)):
        return await _say_and_change(stage)
    await stage.take_away([post])
    await stage.commit()
    return Report("command")


async def _say_and_change(stage: Stage) -> Report:
    """A command that says something, and perhaps changes what holds here."""
    first = stage.first
    outcome = run_command(first, stage.turn, stage.context, stage.language)
    alone = outcome.preferences is None and not outcome.forget_all
    shown = await stage.say(outcome.text, outcome.buttons, aside=alone)
    await stage.commit(
        forget_all=outcome.forget_all,
        everywhere=outcome.forget_all and first.of_place,
        preferences=outcome.preferences,
    )
    return Report("command", shown)


_COMMANDS: Mapping[str, Callable[[Stage], Awaitable[Report]]] = {
    "retry": _retry,
    "continue": _go_on,
    "image": _image,
    "again": _paint_again,
    "another": _paint_again,
    "larger": _paint_again,
    "compare": _compare,
    "rate": _rate,
    TITLE: _entitled,
    "home": _home,
    "usage": _usage,
    "stop": _stop,
}
