"""The tool `image`: paint a picture, or change one, and post it as a part of the answer.

It is `/image` by other means: the same API, filters, rights and budgets. The call is in the journal
before the API is asked. So whoever takes the turn over does not paint a second time: the model and
the person are told that it may be painted, and it counts as paid.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from core.errors import Lost, ModelError, PlatformError
from core.images.client import PictureRequest
from core.images.models import fitting
from core.languages.catalogue import failure, say
from core.messages import Attachment, Button, Picture
from core.store.journal import StepRecord
from core.telemetry import label, logger
from core.tools.of_turn import IMAGE
from core.tools.tool import ToolContext, ToolError, ToolResult, ToolUnsure
from core.turn.afford import reserve, why_not
from core.turn.context import TurnContext
from core.turn.cost import cost_of_pictures
from core.turn.journal import happened
from core.turn.options import BadOption
from core.turn.picture import with_sources
from core.turn.posting import post_pictures
from core.turn.preview import Preview
from core.turn.repaint import buttons_under, last_picture, pictures_of
from core.turn.spending import Estimate, OverBudget, together
from core.turn.tools.under_way import UnderWay

log = logger(__name__)

_POSTED = "The picture is painted and posted; the person sees it."
_UNPOSTED = (
    "The picture was painted, but it cannot be posted here, so nobody sees it. Tell the person "
    "that pictures may not be posted here."
)


class Painting:
    """Paints for one answer."""

    def __init__(self, under_way: UnderWay) -> None:
        self._answer = under_way
        self._context = under_way.context

    async def act(self, arguments: Mapping[str, Any], tool: ToolContext) -> ToolResult:
        context = self._context
        if not await context.may("image"):
            raise ToolError(say(context.services.rights.who_may("image"), context.language))
        request = await self._request(arguments)
        costs = cost_of_pictures(context, 1)
        spent = self._answer.bill()
        try:
            await reserve(context, [together([spent, costs])], spent)
        except OverBudget as error:
            raise ToolError(why_not(context, error)) from error
        began, model = time.monotonic(), context.services.images.model
        preview = Preview(context)
        async with AsyncExitStack() as held:
            held.push_async_callback(preview.take_away)
            pictures = await self._paint(request, tool.key, preview, held)
            under = buttons_under(context, request.size, model, arguments)
            posted, told = await self._post(pictures, under, preview)
        context.services.metrics.pictures.labels(label(model)).inc(len(pictures))
        log.info(
            "painted",
            conversation=context.claim.conversation,
            person=context.first.sender.id,
            model=model,
            outcome="painted",
            pictures=len(pictures),
            prompt=request.prompt if context.services.settings.log_prompts else None,
            duration_s=round(time.monotonic() - began, 3),
        )
        return ToolResult(told, pictures=posted)

    async def _request(self, arguments: Mapping[str, Any]) -> PictureRequest:
        context = self._context
        shape = str(arguments.get("shape", "square"))
        size = fitting(shape, context.services.images.model)
        request = PictureRequest(str(arguments["prompt"]), size=size)
        sources: Sequence[Attachment] = ()
        if arguments.get("change"):
            sources = self._to_change()
            if not sources:
                raise ToolError("there is no picture here that could be changed; paint a new one")
        try:
            request = await with_sources(context, request, sources)
        except BadOption as error:
            raise ToolError(str(error)) from error
        except (PlatformError, ModelError, ValueError) as error:
            log.warning("picture not read", reason=str(error))
            raise ToolError("the picture to change cannot be fetched any more") from error
        return request

    def _to_change(self) -> Sequence[Attachment]:
        """The pictures that the person sent or replied to; else the last one here."""
        context = self._context
        if given := pictures_of(context.attachments):
            return given
        painted = [one for step in self._answer.steps() for one in step.pictures]
        return painted[-1:] or last_picture(context.turn.history)

    async def _paint(
        self, request: PictureRequest, name: str, preview: Preview, held: AsyncExitStack
    ) -> Sequence[Picture]:
        try:
            return await self._context.services.images.paint(request, name, preview.show, held)
        except Lost as error:
            raise ToolUnsure(str(error)) from error
        except ModelError as error:
            log.warning("painting failed", reason=str(error))
            raise ToolError(failure(error, self._context.language)) from error

    async def _post(
        self, pictures: Sequence[Picture], under: Sequence[Button], preview: Preview
    ) -> tuple[tuple[Attachment, ...], str]:
        replacing = preview.finished()
        try:
            return await post_pictures(self._context, pictures, under, replacing), _POSTED
        except PlatformError as error:
            log.warning("picture not shown", reason=str(error))
            await self._context.take_away([replacing] if replacing else [])
            return (), _UNPOSTED


def paid_for(context: TurnContext, steps: Iterable[StepRecord]) -> Estimate:
    """What the pictures of *steps* cost. One that may have been painted may be billed."""
    count = sum(step.tool == IMAGE.name and happened(step) for step in steps)
    return cost_of_pictures(context, count) if count else {}
