"""An unfinished picture on the screen, which the finished one replaces."""

from collections.abc import Sequence

from core.errors import PlatformError
from core.live.delivery import report_refusal
from core.messages import Button, Picture
from core.tasks import see_through
from core.turn.context import TurnContext

LAST_WORDS_S = 10.0
"""How long a stopped turn waits for a picture that is just being posted."""


class Preview:
    """The picture that is being painted. *handle*: of one that an earlier try has shown."""

    def __init__(self, context: TurnContext, handle: str = "") -> None:
        self._context = context
        self.handle = handle

    async def show(self, picture: Picture) -> None:
        """Show *picture* if there is a token now. It is an extra, so no error is raised."""
        context, conversation = self._context, self._context.claim.conversation
        first = not self.handle
        await context.lease.may_show(first)
        budget = context.platform.budget(conversation)
        if (await context.services.pacer.budget.take(budget, "preview")).wait_s:
            return

        async def send() -> None:
            posted = await context.platform.send_pictures(
                conversation,
                context.first.reply_to,
                [picture],
                [context.button("stop")],
                replacing=self.handle,
            )
            self.handle = posted.handle

        try:
            # If the turn is stopped meanwhile, the picture may still arrive, and must be deleted.
            await see_through(send(), LAST_WORDS_S)
        except PlatformError as error:
            report_refusal(error, conversation)
        if first and self.handle:
            context.painted.append(self.handle)
            self._note(self.handle)

    def finished(self) -> str:
        """The handle of the picture, in whose place the finished one is posted now."""
        handle, self.handle = self.handle, ""
        if handle:
            self._note("")
        return handle

    async def take_away(self) -> None:
        """Delete the picture, if it is not finished."""
        if handle := self.finished():
            await self._context.take_away([handle])

    async def end(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """Delete the picture, and say *text* instead."""
        await self.take_away()
        await self._context.say(text, buttons)

    def _note(self, handle: str) -> None:
        """Whoever takes the turn over knows the unfinished picture by the checkpoint."""
        checkpoints = self._context.checkpoints
        checkpoints.note_picture(handle)
        checkpoints.save(checkpoints.newest or self._context.checkpoint, now=True)
