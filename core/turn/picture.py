"""The turn of `/image PROMPT --options`: reading the options, painting, posting."""

import asyncio
import re
import shlex
import time
from collections.abc import Sequence

from core.errors import ModelError
from core.images.client import PictureRequest
from core.images.models import takes, wrong_with
from core.live.delivery import deliver
from core.messages import Button, Exchange, Picture, Spent
from core.people.texts import Language, failure, say
from core.tasks import end
from core.telemetry import logger
from core.turn.stage import Report, Stage

log = logger(__name__)

COMMAND = "/image "
"""How a request for a picture stands in history."""

PROMPT_CHARS = 4_000
MOST_PICTURES = 4
_SIZE = re.compile(r"\d{2,4}x\d{2,4}")
_OPTIONS: dict[str, str] = {
    "size": "1024x1024",
    "n": f"1-{MOST_PICTURES}",
    "quality": "standard, hd, low, medium, high, auto",
    "style": "vivid, natural",
    "background": "transparent, opaque, auto",
    "format": "png, jpeg, webp",
    "model": "NAME",
}
_DASHES = str.maketrans({"—": "--", "–": "--"})


class BadOption(ValueError):
    """The text is one sentence for the person who wrote the command."""


async def paint(stage: Stage, text: str, *, forget: int = 0) -> Report:
    """Paint what *text* (behind `/image`) asks for; *forget* exchanges are replaced."""
    try:
        request = read_request(text, stage.language)
        check_for_model(request, request.model or stage.context.images.model, stage.language)
    except BadOption as error:
        shown = await stage.say(str(error))
        await stage.commit()
        return Report("rejected", shown)
    conversation = stage.claim.conversation
    outcome, notes, painted = "painted", f"[painted: {request.prompt}]", 0
    busy = asyncio.create_task(_keep_indicating(stage), name=f"painting {conversation}")
    try:
        async with stage.keeper.stoppable():
            pictures = await stage.context.images.paint(request, stage.first.event_id)
        painted = len(pictures)
        await _post(stage, pictures)
        await stage.take_away(stage.checkpoint.pages)
        stage.context.metrics.pictures.labels(stage.context.images.model).inc(len(pictures))
    except TimeoutError:
        if not stage.keeper.stopped:
            raise
        await stage.say(say("stopped", stage.language))
        outcome, notes = "stopped", ""
    except ModelError as error:
        log.warning("painting failed", conversation=conversation, reason=str(error))
        await stage.say(failure(error, stage.language), "retry")
        outcome, notes = "failed", ""
    finally:
        await end([busy])
        await stage.platform.indicate(conversation, busy=False)
    exchange = Exchange(
        event_id=stage.first.event_id,
        message=stage.first.message,
        speaker=stage.first.sender.name,
        question=COMMAND + text,
        answer="",
        at=time.time(),
        notes=notes,
        cut=not notes,
    )
    model = request.model or stage.context.images.model
    spent = {model: Spent(turns=1, pictures=painted)}
    await stage.commit(exchange, forget=forget, spent=spent)
    return Report(outcome)


async def _post(stage: Stage, pictures: Sequence[Picture]) -> None:
    limits, conversation = stage.platform.limits, stage.claim.conversation
    for start in range(0, len(pictures), limits.pictures_per_post):
        some = [
            Picture(picture.data, picture.mime, _shortened(picture.caption, limits.caption_chars))
            for picture in pictures[start : start + limits.pictures_per_post]
        ]
        last = start + len(some) == len(pictures)
        buttons = [stage.button("again")] if last else []

        async def send(some: Sequence[Picture] = some, buttons: list[Button] = buttons) -> None:
            await stage.keeper.may_show(new_post=False)
            await stage.platform.send_pictures(conversation, stage.first.reply_to, some, buttons)

        await stage.keeper.may_show(new_post=True)
        await deliver(
            send,
            lambda: stage.platform.budget(conversation),
            conversation,
            stage.context.pacer.budget,
        )


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


async def _keep_indicating(stage: Stage) -> None:
    while True:
        await stage.platform.indicate(stage.claim.conversation, busy=True)
        await asyncio.sleep(stage.platform.limits.indicate_every_s)


def read_request(text: str, language: Language) -> PictureRequest:
    """The request that *text* (behind `/image`) makes.

    Raises:
        BadOption: there is no prompt, or an option or its value is unknown.
    """
    words: list[str] = []
    values: dict[str, str] = {}
    # Phones turn two hyphens into a dash.
    left = [_dashed(word) for word in _split(text)]
    while left:
        word = left.pop(0)
        if not word.startswith("--"):
            words.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        if name.lower() not in _OPTIONS:
            raise BadOption(say("image_option", language, option=_plain(word)))
        if not equals:
            value = left.pop(0) if left else ""
        values[name.lower()] = (
            value.replace("×", "x").replace("*", "x").lower() if name == "size" else value
        )
    for name, value in values.items():
        if not _valid(name, value):
            raise BadOption(
                say(
                    "image_value",
                    language,
                    option=f"--{name}",
                    wanted=_OPTIONS[name],
                    value=_plain(value),
                )
            )
    prompt = " ".join(words).strip()
    if not prompt:
        raise BadOption(say("image_usage", language))
    if len(prompt) > PROMPT_CHARS:
        raise BadOption(say("too_long", language, chars=len(prompt), most=PROMPT_CHARS))
    count = int(values.pop("n", "1"))
    return PictureRequest(prompt=prompt, n=count, **values)


def check_for_model(request: PictureRequest, model: str, language: Language) -> None:
    """Whether *model* takes all that *request* asks for.

    Raises:
        BadOption: it does not, and this is known before it is asked.
    """
    known = takes(model)
    if known is None:
        return
    if len(request.prompt) > known.prompt_chars:
        most = known.prompt_chars
        raise BadOption(say("too_long", language, chars=len(request.prompt), most=most))
    wrong = wrong_with(request, known)
    if wrong is not None:
        name = "image_takes" if wrong.wanted else "image_takes_none"
        raise BadOption(say(name, language, model=model, **wrong._asdict()))


def _valid(name: str, value: str) -> bool:
    match name:
        case "size":
            return value == "auto" or bool(_SIZE.fullmatch(value))
        case "n":
            return value.isascii() and value.isdigit() and 1 <= int(value) <= MOST_PICTURES
        case "model":
            return bool(value) and len(value) <= 100
        case _:
            return value in _OPTIONS[name].split(", ")


def _dashed(word: str) -> str:
    return word.translate(_DASHES) if word[:1] in "—–" else word


def _plain(word: str) -> str:
    return word[:60].replace("`", "") or "…"


def _split(text: str) -> list[str]:
    # Quotes group only an option's value; an apostrophe in the prompt is an apostrophe.
    try:
        return shlex.split(text) if '"' in text and "'" not in text else text.split()
    except ValueError:
        return text.split()
