"""The buttons under an answer with a step that may have happened: do it again, or leave it."""

from core.languages.catalogue import say
from core.turn.answer import answer
from core.turn.commands.command import Command
from core.turn.context import Report, TurnContext
from core.turn.doubts import redo_of


async def _redo(context: TurnContext) -> Report:
    """Do the step again, once, and let the model tell what came of it."""
    place, _, event_id = context.first.text.strip().partition(" ")
    found = (one for one in context.turn.history if one.event_id == event_id)
    exchange = next(filter(context.owns, found), None)
    redo = redo_of(exchange, place) if exchange is not None else None
    if redo is None:
        return await context.close("rejected", say("redo_nothing", context.language))
    done = (step.again for one in context.turn.history for step in one.steps)
    if redo.name in done:
        return await context.close("rejected", say("redo_already", context.language))
    question = say("redo_asked", context.language, tool=redo.call.name)
    return await answer(context, question, context.turn.history, (), redo=redo)


async def _leave(context: TurnContext) -> Report:
    return await context.close("command", say("step_left", context.language))


COMMANDS = (
    Command("redo", _redo, takes="text", act="tools"),
    Command("leave", _leave, takes="text"),
)
