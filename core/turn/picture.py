"""The turn of `/image PROMPT --options`: paint a picture, or change an attached one."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

from msgspec.structs import replace

from core.errors import ModelError, NoRight, PlatformError
from core.images.client import PictureRequest
from core.images.models import larger, takes
from core.languages.catalogue import failure, say
from core.live.delivery import indicate
from core.messages import Attachment, Exchange, Picture
from core.tasks import end
from core.telemetry import label, logger
from core.turn.afford import reserve
from core.turn.attachments import MOST_PICTURES
from core.turn.context import Report, TurnContext
from core.turn.cost import cost_of_pictures
from core.turn.options import BadOption, check_for_model, read_request
from core.turn.posting import post_pictures
from core.turn.preview import Preview
from core.turn.repaint import Repaint, buttons_under, painted_by

log = logger(__name__)

COMMAND = "/image "
"""A request for a picture begins with this in history."""


NONE: tuple[Attachment, ...] = ()


async def paint(
    context: TurnContext, text: str, attachments: Sequence[Attachment] = (), *, replaces: str = ""
) -> Report:
    """Paint what *text* (behind `/image`) asks for. The exchange *replaces* is replaced.

    If pictures are among *attachments*, they are changed.
    """
    try:
        request = read_request(text, context.language)
        request = await with_sources(context, request, attachments)
    except BadOption as error:
        return await context.close("rejected", str(error))
    except (PlatformError, ModelError, ValueError) as error:
        log.warning("picture not read", reason=str(error))
        return await context.close("rejected", say("image_unread", context.language))
    model = request.model or context.services.images.model
    await reserve(context, [cost_of_pictures(context, request.n, model, turns=1)])
    conversation, held = context.claim.conversation, AsyncExitStack()
    outcome, notes, painted, posted = "painted", f"[painted: {request.prompt}]", 0, NONE
    preview, began = Preview(context, context.checkpoint.picture), time.monotonic()
    busy = asyncio.create_task(_keep_indicating(context), name=f"painting {conversation}")
    try:
        async with context.stop.stoppable():
            pictures = await context.services.images.paint(
                request, context.first.event_id, preview.show, held
            )
        painted = len(pictures)
        posted = await _show(context, pictures, request.size, model, preview)
        await context.take_away(context.checkpoint.pages)
        context.services.metrics.pictures.labels(label(model)).inc(painted)
    except TimeoutError:
        if not context.stop.given:
            raise
        await preview.end(say("stopped", context.language))
        # The API was asked, and will bill it.
        outcome, notes, painted = "stopped", "", request.n
    except ModelError as error:
        log.warning("painting failed", conversation=conversation, reason=str(error))
        await preview.end(failure(error, context.language), [context.button("again")])
        outcome, notes = "failed", ""
    finally:
        await held.aclose()
        await end([busy])
        await indicate(context.platform, conversation, context.services.pacer.budget, busy=False)
    exchange = context.exchange(
        COMMAND + text, "", notes=notes, cut=not notes, attachments=attachments, pictures=posted
    )
    log.info(
        "painted",
        conversation=conversation,
        person=context.first.sender.id,
        model=model,
        outcome=outcome,
        pictures=painted,
        prompt=request.prompt if context.services.settings.log_prompts else None,
        duration_s=round(time.monotonic() - began, 3),
    )
    spent = cost_of_pictures(context, painted, model, turns=1)
    await context.commit(exchange, replaces=replaces, spent=spent)
    return Report(outcome)


async def paint_again(context: TurnContext, how: str) -> Report:
    """Paint the last picture again. *how*: `again` (replaces one's own), `another`, `larger`."""
    language, replaces = context.language, ""
    if call := context.first.text.strip():
        found = painted_by(context, call)
    elif (past := _last_painted(context)) is not None:
        found = Repaint(past.question.removeprefix(COMMAND), past.attachments)
        replaces = past.event_id if how == "again" and past is context.past else ""
    else:
        found = None
    if found is None:
        return await context.close("rejected", say("nothing_to_retry", language))
    text = found.text
    if how == "larger":
        request = read_request(text, language)
        size = larger(request.size, request.model or context.services.images.model)
        if not size:
            return await context.close("rejected", say("image_largest", language))
        text = f"{text} --size {size}"
    elif how == "another":
        variation = f" ({say('variation', language)})"
        text = text.replace(variation, "") + variation
    return await paint(context, text, found.sources, replaces=replaces)


def _last_painted(context: TurnContext) -> Exchange | None:
    """The picture of the pressed button, else the person's last one, else the last one here."""
    painted = [one for one in context.turn.history if one.question.startswith(COMMAND)]
    own = [one for one in painted if context.owns(one)]
    pressed = context.pressed
    return pressed if pressed in painted else next(reversed(own or painted), None)


async def with_sources(
    context: TurnContext, request: PictureRequest, attachments: Sequence[Attachment]
) -> PictureRequest:
    """*request*, to change the pictures among *attachments* if there are any.

    Raises:
        BadOption: the model does not take it.
        PlatformError: a picture to change cannot be fetched.
        ValueError: an attachment is no picture.
    """
    model = request.model or context.services.images.model
    known = takes(model)
    square = known is not None and known.square
    images = [one for one in attachments if one.kind == "image"][: 1 if square else MOST_PICTURES]
    read = context.services.reader.picture
    sources = tuple([await read(context.platform, image, square=square) for image in images])
    shows = context.platform.limits.replaces_pictures and request.n == 1
    partial = context.services.settings.image_previews if known and known.partial_images else 0
    request = replace(request, sources=sources, partial_images=partial if shows else 0)
    check_for_model(request, model, context.language)
    return request


async def _show(
    context: TurnContext, pictures: Sequence[Picture], size: str, model: str, preview: Preview
) -> tuple[Attachment, ...]:
    """Post *pictures* with their buttons. If we have no right to do so, say that instead."""
    under = buttons_under(context, size, model)
    try:
        return await post_pictures(context, pictures, under, preview.handle)
    except NoRight as error:
        log.warning("picture not shown", conversation=context.claim.conversation, right=error.right)
        await preview.end(say("no_right", context.language))
        return ()


async def _keep_indicating(context: TurnContext) -> None:
    while True:
        budget = context.services.pacer.budget
        await indicate(context.platform, context.claim.conversation, budget, busy=True)
        await asyncio.sleep(context.platform.limits.indicate_every_s)
