"""What people may do with answers: `/retry`, `/continue`, `/compare`, and the thumbs."""

from dataclasses import replace

from core.languages.catalogue import say
from core.messages import Exchange
from core.turn.answer import answer
from core.turn.commands.command import Command, Outcome, says
from core.turn.compare import COMMAND as COMPARISON
from core.turn.compare import compare
from core.turn.context import Report, TurnContext
from core.turn.picture import COMMAND as PICTURE
from core.turn.picture import paint_again
from core.turn.prompt import QUESTION_CHARS


async def too_long(context: TurnContext, text: str) -> Report:
    """Say that *text* is too long to be answered."""
    sentence = say("too_long", context.language, chars=len(text), most=QUESTION_CHARS)
    return await context.close("rejected", sentence)


def asking_for(context: TurnContext, exchange: Exchange) -> TurnContext:
    """*context*; for an answer to somebody else, without what its person wants remembered."""
    return context if context.owns(exchange) else replace(context, memory=())


async def _retry(context: TurnContext) -> Report:
    """Ask a question again: the person's last one, or that of the answer with the pressed button.

    The commit of the new exchange replaces the old one.
    """
    last = context.pressed or context.past
    if last is None:
        return await context.close("rejected", say("nothing_to_retry", context.language))
    if not context.owns(last) and not await context.may("others"):
        return await context.refuse("others")
    context = asking_for(context, last)
    history = context.before(last)
    if last.question.startswith(PICTURE):
        return await paint_again(context, "again")
    if last.question.startswith(COMPARISON):
        question = last.question.removeprefix(COMPARISON)
        return await compare(context, question, history, last.attachments, replaces=last)
    again = context.first.under in last.posts
    return await answer(
        context, last.question, history, last.attachments, replaces=last, again=again
    )


async def _continue(context: TurnContext) -> Report:
    """Go on with an answer that was cut. Its exchange then holds all of it.

    It is the answer with the pressed button, else the last one to the person.
    """
    last = context.pressed or context.past
    if last is not None and not context.owns(last) and not await context.may("others"):
        return await context.refuse("others")
    whole = last is None or not last.cut or not last.answer
    if last is None or whole or last.question.startswith((PICTURE, COMPARISON)):
        return await context.close("rejected", say("nothing_to_continue", context.language))
    return await answer(
        asking_for(context, last),
        last.question,
        context.before(last),
        last.attachments,
        replaces=last,
        before=last.answer,
    )


async def _compare(context: TurnContext) -> Report:
    text = context.first.text
    if len(text) > QUESTION_CHARS:
        return await too_long(context, text)
    return await compare(context, text, context.turn.history, context.attachments)


async def _rate(context: TurnContext) -> Report:
    """Keep somebody's verdict on an answer. Nothing is said in the chat."""
    verdict, _, event_id = context.first.text.partition(" ")
    if verdict in ("up", "down") and event_id:
        await context.claim.ledger.rate(event_id, verdict)
        context.services.metrics.ratings.labels(context.platform.name, verdict).inc()
    await context.commit()
    return Report("rated")


async def _stop(context: TurnContext) -> Report:
    """Delete the post with the pressed button, if no exchange and no checkpoint knows it.

    Such a post is left over from a turn that was lost before its checkpoint was saved.
    """
    post = context.first.under
    known = (one.posts for one in context.turn.history)
    if not post or any(post in posts for posts in (*known, context.checkpoint.posts)):
        return await _nothing_to_stop(context)
    if not context.first.private and await context.claim.ledger.others_answered():
        # The post may be the answer that somebody else is getting.
        name = context.services.rights.who_may("others")
        return await context.close("rejected", say(name, context.language))
    await context.take_away([post])
    await context.commit()
    return Report("command")


_nothing_to_stop = says(lambda context: Outcome(say("nothing_to_stop", context.language)))

COMMANDS = (
    Command("stop", _stop, of_place=True, in_menu=True),
    Command("retry", _retry, of_place=True, in_menu=True),
    Command("continue", _continue, in_menu=True),
    Command("compare", _compare, "prompt", in_menu=True, act="compare"),
    Command("rate", _rate, takes="text"),
)
