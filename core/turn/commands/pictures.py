"""`/image`, and the buttons under a picture."""

from core.turn.commands.command import Command
from core.turn.picture import paint, paint_again
from core.turn.stage import Report, Stage


async def _image(stage: Stage) -> Report:
    return await paint(stage, stage.first.text, stage.attachments)


async def _again(stage: Stage) -> Report:
    return await paint_again(stage, stage.first.command)


COMMANDS = (
    Command("image", _image, "prompt", in_menu=True),
    Command("again", _again),
    Command("another", _again),
    Command("larger", _again),
)
