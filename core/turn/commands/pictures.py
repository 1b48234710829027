"""`/image`, and the buttons under a picture."""

from core.turn.commands.command import Command
from core.turn.context import Report, TurnContext
from core.turn.picture import paint, paint_again


async def _image(context: TurnContext) -> Report:
    return await paint(context, context.first.text, context.attachments)


async def _again(context: TurnContext) -> Report:
    return await paint_again(context, context.first.command)


COMMANDS = (
    Command("image", _image, "prompt", in_menu=True, act="image"),
    Command("again", _again, takes="text"),
    Command("another", _again, takes="text"),
    Command("larger", _again, takes="text"),
)
