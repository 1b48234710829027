"""`/retry`, `/continue`, `/compare`, and the thumbs: what may be done with answers."""

from core.languages.catalogue import say
from core.turn.answer import answer
from core.turn.commands.command import Command, Outcome, says
from core.turn.compare import COMMAND as COMPARISON
from core.turn.compare import compare
from core.turn.picture import COMMAND as PICTURE
from core.turn.picture import paint_again
from core.turn.prompt import QUESTION_CHARS
from core.turn.stage import Report, Stage


async def too_long(stage: Stage, text: str) -> Report:
    """Say that nobody can be asked *text*."""
    sentence = say("too_long", stage.language, chars=len(text), most=QUESTION_CHARS)
    return await stage.close("rejected", sentence)


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
    history, replaces = stage.before(last), last.event_id
    if last.question.startswith(PICTURE):
        return await paint_again(stage, "again")
    if last.question.startswith(COMPARISON):
        asked = last.question.removeprefix(COMPARISON)
        return await compare(stage, asked, history, last.attachments, replaces=replaces)
    again = last if stage.first.under in last.posts else None
    return await answer(
        stage, last.question, history, last.attachments, replaces=replaces, again=again
    )


async def _continue(stage: Stage) -> Report:
    """Go on with one's last answer, if it was cut; its exchange then holds all of it."""
    last = stage.past
    whole = last is None or not last.cut or not last.answer
    if last is None or whole or last.question.startswith((PICTURE, COMPARISON)):
        return await stage.close("rejected", say("nothing_to_continue", stage.language))
    return await answer(
        stage,
        last.question,
        stage.before(last),
        last.attachments,
        replaces=last.event_id,
        before=last.answer,
    )


async def _compare(stage: Stage) -> Report:
    text = stage.first.text
    if len(text) > QUESTION_CHARS:
        return await too_long(stage, text)
    return await compare(stage, text, stage.turn.history, stage.attachments)


async def _rate(stage: Stage) -> Report:
    """Keep what somebody thought of an answer; nothing is said of it."""
    verdict, _, event_id = stage.first.text.partition(" ")
    if verdict in ("up", "down") and event_id:
        await stage.claim.rate(event_id, verdict)
        stage.services.metrics.ratings.labels(stage.platform.name, verdict).inc()
    await stage.commit()
    return Report("rated")


async def _stop(stage: Stage) -> Report:
    """Take away the post under which it was pressed, if nobody knows that post.

    It grew, and its making was never heard of: it says nothing any more.
    """
    post = stage.first.under
    known = (one.posts for one in stage.turn.history)
    if not post or any(post in posts for posts in (*known, stage.checkpoint.posts)):
        return await _nothing_to_stop(stage)
    await stage.take_away([post])
    await stage.commit()
    return Report("command")


_nothing_to_stop = says(lambda stage: Outcome(say("nothing_to_stop", stage.language)))

COMMANDS = (
    Command("stop", _stop, of_place=True, in_menu=True),
    Command("retry", _retry, of_place=True, in_menu=True),
    Command("continue", _continue, in_menu=True),
    Command("compare", _compare, "prompt", in_menu=True),
    Command("rate", _rate, takes="text"),
)
