"""Serving the mail of a turn: answer a question, or carry out a command."""

from core.languages.catalogue import say
from core.messages import ConversationId, place_id
from core.people.roles import tenant_of
from core.store.claim import FAILED, START
from core.telemetry import logger
from core.turn.afford import hint, refuse
from core.turn.answer import answer
from core.turn.bursts import answered_remark
from core.turn.commands import carry_out
from core.turn.commands.answers import too_long
from core.turn.context import Report, TurnContext
from core.turn.prompt import QUESTION_CHARS, asked_text, with_part
from core.turn.spending import OverBudget, Unpriced
from core.turn.summaries import titled
from core.turn.useful import unasked, without_answer

log = logger(__name__)

MOST_TRIES = 4 * FAILED + START
MOST_TRIES_WHOLE = 20 * START
"""A turn that ended in an error five times, or killed its process twice, is set aside at its next
start. If its answer is whole and only has to be shown, it may fail more often: the question is not
the cause then."""


async def serve(context: TurnContext) -> Report:
    """Do what the mail of *context* asks for, if that may be spent."""
    try:
        report = await _serve(context)
    except (OverBudget, Unpriced) as error:
        if unasked(context):
            await context.commit()
            return Report("over budget")
        report = await refuse(context, error)
    if not unasked(context):
        await hint(context)
    return report


async def _serve(context: TurnContext) -> Report:
    first, language = context.first, context.language
    if to := first.moved_to or context.turn.moved_to:
        return await _move(context, to)
    if first.deleted:
        await context.take_away(context.checkpoint.posts)
        await context.commit()
        return Report("nothing")
    most = MOST_TRIES_WHOLE if context.checkpoint.done else MOST_TRIES
    if context.turn.tries > most:
        await context.say(say("set_aside", language))
        await context.commit(dead="no answer after several tries")
        return Report("set aside")
    if context.journal.rounds:
        await context.services.servers.started(called=True)
    if first.edited:
        return await _ask_again_as_edited(context)
    if first.command:
        return await carry_out(context)
    question = asked_text(context.mail, context.turn.history[-1] if context.turn.history else None)
    if not question.strip():
        return await context.close("rejected", say("empty", language))
    if len(question) > QUESTION_CHARS:
        return await too_long(context, question)
    if (spared := await without_answer(context, question)) is not None:
        return spared
    if (remark := answered_remark(context)) is not None:
        question, history = f"{remark.question}\n\n{question}", context.before(remark)
        both = [*remark.attachments, *context.attachments]
        return await answer(context, question, history, both, replaces=remark, again=True)
    async with titled(context, question):
        past, rewords = context.turn.history, context.turn.reworded
        return await answer(context, question, past, context.attachments, rewords=rewords)


async def _move(context: TurnContext, to: ConversationId) -> Report:
    """The chat goes on as *to*, with all that was chosen, set and spent in it."""
    services, conversation = context.services, context.claim.conversation
    before, after = place_id(conversation), place_id(to)
    await services.reminders.move(conversation, to)
    await services.budgets.move(context.accounts, before, after)
    if before in services.places or before in services.access.places(tenant_of(before)):
        log.warning("a group has a new id: the settings name the old one", old=before, new=after)
    await context.claim.move(to, said=bool(context.first.moved_to))
    return Report("moved")


async def _ask_again_as_edited(context: TurnContext) -> Report:
    """Answer the new wording of the person's last question. Edits of older ones do nothing."""
    last, edited = context.past, context.first
    asked = {last.message, *dict(last.parts)} if last is not None else {""}
    if last is None or edited.message not in asked or edited.command:
        await context.commit()
        return Report("nothing")
    history = context.before(last)
    question = asked_text(context.mail, history[-1] if history else None)
    if last.parts:
        question = "\n\n".join(text for _, text in with_part(last.parts, edited) if text)
    if last.question == question:
        await context.commit()
        return Report("nothing")
    attachments = context.attachments or (last.attachments if last.parts else ())
    again = bool(edited.instead)
    return await answer(context, question, history, attachments, replaces=last, again=again)
