"""What a turn does: answers a question, or carries out a command."""

from core.languages.catalogue import say
from core.store.claim import FAILED, START
from core.turn.answer import answer
from core.turn.commands import carry_out
from core.turn.commands.answers import too_long
from core.turn.digest import titled
from core.turn.prompt import QUESTION_CHARS, asked_text
from core.turn.stage import Report, Stage

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
    if first.command:
        return await carry_out(stage)
    question = asked_text(stage.mail, stage.turn.history[-1] if stage.turn.history else None)
    if not question.strip():
        return await stage.close("rejected", say("empty", language))
    if len(question) > QUESTION_CHARS:
        return await too_long(stage, question)
    async with titled(stage, question):
        return await answer(stage, question, stage.turn.history, stage.attachments)


async def _ask_again_as_edited(stage: Stage) -> Report:
    """Answer the new wording of one's last question; edits of older ones are left alone."""
    last = stage.past
    if last is None or last.message != stage.first.message or stage.first.command:
        await stage.commit()
        return Report("nothing")
    history = stage.before(last)
    question = asked_text(stage.mail, history[-1] if history else None)
    if last.question == question:
        await stage.commit()
        return Report("nothing")
    return await answer(stage, question, history, stage.attachments, replaces=last.event_id)
