"""The turn of `/image PROMPT --options`: painting, or changing what came with it."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

from msgspec.structs import replace

from core.errors import ModelError, NoRight, PlatformError
from core.images.client import PictureRequest
from core.images.models import larger, takes
from core.languages.catalogue import failure, say
from core.live.delivery import deliver, indicate, report_refusal
from core.messages import Attachment, Button, Picture, Spent
from core.tasks import end, see_through
from core.telemetry import label, logger
from core.turn.material import MOST_PICTURES
from core.turn.options import BadOption, check_for_model, read_request
from core.turn.stage import Report, Stage

log = logger(__name__)

COMMAND = "/image "
"""How a request for a picture stands in history."""


LAST_WORDS_S = 10.0
"""How long a turn that is stopped waits for the picture that it is just showing."""


async def paint(
    stage: Stage, text: str, attachments: Sequence[Attachment] = (), *, replaces: str = ""
) -> Report:
    """Paint what *text* (behind `/image`) asks for; the exchange *replaces* is replaced.

    Pictures among *attachments* are changed, not described.
    """
    try:
        request = await _request(stage, text, attachments)
    except BadOption as error:
        return await stage.close("rejected", str(error))
    except (PlatformError, ModelError, ValueError) as error:
        log.warning("picture not read", reason=str(error))
        return await stage.close("rejected", say("image_unread", stage.language))
    model = request.model or stage.services.images.model
    conversation = stage.claim.conversation
    outcome, notes, painted = "painted", f"[painted: {request.prompt}]", 0
    preview, began, held = _Preview(stage), time.monotonic(), AsyncExitStack()
    busy = asyncio.create_task(_keep_indicating(stage), name=f"painting {conversation}")
    try:
        async with stage.stop.stoppable():
            pictures = await stage.services.images.paint(
                request, stage.first.event_id, preview.show, held
            )
        painted = len(pictures)
        await _show(stage, pictures, _buttons(stage, request.size, model), preview)
        await stage.take_away(stage.checkpoint.pages)
        stage.services.metrics.pictures.labels(label(model)).inc(painted)
    except TimeoutError:
        if not stage.stop.given:
            raise
        await preview.end(say("stopped", stage.language))
        outcome, notes = "stopped", ""
    except ModelError as error:
        log.warning("painting failed", conversation=conversation, reason=str(error))
        await preview.end(failure(error, stage.language), [stage.button("again")])
        outcome, notes = "failed", ""
    finally:
        await held.aclose()
        await end([busy])
        await indicate(stage.platform, conversation, stage.services.pacer.budget, busy=False)
    exchange = stage.exchange(
        COMMAND + text, "", notes=notes, cut=not notes, attachments=attachments
    )
    cost = painted * stage.services.settings.image_price
    spent = {model: Spent(turns=1, pictures=painted, cost_usd=cost)}
    log.info(
        "painted",
        conversation=conversation,
        person=stage.first.sender.id,
        model=model,
        outcome=outcome,
        pictures=painted,
        cost_usd=round(cost, 6),
        prompt=request.prompt if stage.services.settings.log_prompts else None,
        duration_s=round(time.monotonic() - began, 3),
    )
    await stage.commit(exchange, replaces=replaces, spent=spent)
    return Report(outcome)


async def paint_again(stage: Stage, how: str) -> Report:
    """Paint the last picture again, as `another`, or `larger`; `again` replaces one's own."""
    language = stage.language
    painted = [one for one in stage.turn.history if one.question.startswith(COMMAND)]
    own = [one for one in painted if stage.owns(one)]
    past = next(reversed(own or painted), None)
    if past is None:
        return await stage.close("rejected", say("nothing_to_retry", language))
    text = past.question.removeprefix(COMMAND)
    if how == "larger":
        asked = read_request(text, language)
        size = larger(asked.size, asked.model or stage.services.images.model)
        if not size:
            return await stage.close("rejected", say("image_largest", language))
        text = f"{text} --size {size}"
    elif how == "another":
        variation = f" ({say('variation', language)})"
        text = text.replace(variation, "") + variation
    replaces = past.event_id if how == "again" and past is stage.past else ""
    return await paint(stage, text, past.attachments, replaces=replaces)


async def _request(stage: Stage, text: str, attachments: Sequence[Attachment]) -> PictureRequest:
    """Raises `BadOption`, and `PlatformError` and `ValueError` for what cannot be changed."""
    request = read_request(text, stage.language)
    model = request.model or stage.services.images.model
    known = takes(model)
    square = known is not None and known.square
    images = [one for one in attachments if one.kind == "image"][: 1 if square else MOST_PICTURES]
    read = stage.services.reader.picture
    sources = tuple([await read(stage.platform, image, square=square) for image in images])
    shows = stage.platform.limits.replaces_pictures and request.n == 1
    partial = stage.services.settings.image_previews if known and known.partial_images else 0
    request = replace(request, sources=sources, partial_images=partial if shows else 0)
    check_for_model(request, model, stage.language)
    return request


class _Preview:
    """The unfinished picture on the screen, which the finished one replaces."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.handle = stage.checkpoint.picture

    async def show(self, picture: Picture) -> None:
        """Show *picture* if that can be done right now; a nicety, so nothing is raised for it."""
        stage, conversation = self._stage, self._stage.claim.conversation
        first = not self.handle
        await stage.lease.may_show(first)
        budget = stage.platform.budget(conversation)
        if (await stage.services.pacer.budget.take(budget, "preview")).wait_s:
            return

        async def send() -> None:
            self.handle = await stage.platform.send_pictures(
                conversation,
                stage.first.reply_to,
                [picture],
                [stage.button("stop")],
                replacing=self.handle,
            )

        try:
            # Stopped in the middle: what arrives all the same is ours to take away.
            await see_through(send(), LAST_WORDS_S)
        except PlatformError as error:
            report_refusal(error, conversation)
        if first and self.handle:
            saved = replace(stage.checkpoint, picture=self.handle)
            stage.checkpoints.save(saved, now=True)

    async def end(self, text: str, buttons: Sequence[Button] = ()) -> None:
        """Take the picture away, and say *text* instead."""
        if self.handle:
            await self._stage.take_away([self.handle])
        await self._stage.say(text, buttons)


def _buttons(stage: Stage, size: str, model: str) -> list[Button]:
    names = ["again", "another", *(["larger"] if larger(size, model) else [])]
    return [stage.button(name) for name in names]


async def _show(
    stage: Stage, pictures: Sequence[Picture], buttons: Sequence[Button], preview: _Preview
) -> None:
    """Post *pictures*; where we have no right to, say so instead."""
    try:
        await _post(stage, pictures, buttons, preview.handle)
    except NoRight as error:
        log.warning("picture not shown", conversation=stage.claim.conversation, right=error.right)
        await preview.end(say("no_right", stage.language))


async def _post(
    stage: Stage, pictures: Sequence[Picture], buttons: Sequence[Button], replacing: str
) -> None:
    limits, conversation = stage.platform.limits, stage.claim.conversation
    for start in range(0, len(pictures), limits.pictures_per_post):
        some = [
            Picture(picture.data, picture.mime, _shortened(picture.caption, limits.caption_chars))
            for picture in pictures[start : start + limits.pictures_per_post]
        ]
        under = buttons if start + len(some) == len(pictures) else ()

        async def send(some: Sequence[Picture] = some, under: Sequence[Button] = under) -> None:
            await stage.lease.may_show(new_post=False)
            await stage.platform.send_pictures(
                conversation, stage.first.reply_to, some, under, replacing=replacing
            )

        await stage.lease.may_show(new_post=True)
        await deliver(
            send,
            lambda: stage.platform.budget(conversation),
            conversation,
            stage.services.pacer.budget,
        )


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


async def _keep_indicating(stage: Stage) -> None:
    while True:
        budget = stage.services.pacer.budget
        await indicate(stage.platform, stage.claim.conversation, budget, busy=True)
        await asyncio.sleep(stage.platform.limits.indicate_every_s)
