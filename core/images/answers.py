"""Reads what image APIs answer: at once, as a stream, by a callback, or from a task.

The reader is tolerant, because the pictures are paid for. It takes each picture that can be shown.
A part that cannot be read is set aside, and nothing is asked for again.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import msgspec

from core.border import clean, crowded, set_aside
from core.errors import Lost, Refused
from core.images.download import MOST_BYTES, Room, decoded
from core.images.pictures import checked
from core.messages import Picture
from core.models.refusals import read_error
from core.models.sse import Decoder

MOST_PICTURES = 10
CAPTION_CHARS = 4_000
LENIENT_BYTES = 4 * 1024 * 1024


class AnsweredImage(msgspec.Struct, frozen=True):
    """A picture as text (`b64_json`) or its address (`url`). One of both is set."""

    b64_json: str = ""
    url: str = ""
    revised_prompt: str = ""


class Answer(msgspec.Struct, frozen=True):
    """Pictures in *data*; or a *task_id*, if they are painted later."""

    data: tuple[AnsweredImage, ...] = ()
    task_id: str = ""


async def read_stream(
    response: aiohttp.ClientResponse, show: Callable[[Picture], Awaitable[None]], room: Room
) -> Answer:
    """The picture at the end of a stream. *show* gets the unfinished ones before it.

    The events are `image_generation.…`, `image_edit.…` and `error`.
    """
    decoder, read = Decoder(), 0
    async for piece in response.content.iter_any():
        read += len(piece)
        await room.take(read)
        if read > MOST_BYTES:
            raise Refused("the image API returned too much", "picture")
        for one in decoder.feed(piece):
            event = _record(one.data)
            if event is None:
                continue  # `[DONE]`, or an unknown event.
            if event.get("error"):
                raise read_error(event["error"])
            kind, image = str(event.get("type")), _image(event)
            if kind.endswith(".completed"):
                return Answer(() if image is None else (image,))
            if kind.endswith(".partial_image") and image is not None:
                try:
                    unfinished = await checked(await decoded(image.b64_json))
                except Refused as error:
                    set_aside("images.preview", error)
                else:
                    await show(unfinished)
    raise Lost("the image API's stream ended without a picture")


def read_answer(raw: bytes, status: int) -> Answer:
    """The answer that came at once. Raises the error that the API reports."""
    found = _record(raw)
    if status >= 400:
        raise read_error((found or {}).get("error"), status)
    if found is None:
        raise Refused("the image API's answer makes no sense", "picture")
    return _answer(found)


def read_task(raw: bytes) -> Answer | None:
    """The result of a task; None while it is under way, or if *raw* says nothing of it.

    Raises the error that the API reports.
    """
    found = _record(raw) or {}
    return _told(found["response"]) if isinstance(found.get("response"), dict) else None


def read_callback(message: bytes) -> Answer:
    """The answer in a callback. Raises the error that it reports."""
    found = _record(message)
    if found is None:
        raise Refused("the callback made no sense", "picture")
    return _told(found)


def _told(callback: Mapping[str, Any]) -> Answer:
    data = callback.get("data")
    if callback.get("error") or callback.get("success") is False or data is None:
        raise read_error(callback.get("error"))
    return _answer(data if isinstance(data, dict) else {"data": data})


def _answer(found: Mapping[str, Any]) -> Answer:
    if found.get("error"):
        failure = read_error(found["error"])
        raise failure if isinstance(failure, Refused) else Lost(str(failure))
    listed = found.get("data")
    task_id = found.get("task_id")
    images = [_image(one) for one in (listed if isinstance(listed, list) else ())[:MOST_PICTURES]]
    if None in images:
        set_aside("images.answer", "no picture")
    return Answer(
        tuple(one for one in images if one is not None),
        clean(task_id)[:200] if isinstance(task_id, str) else "",
    )


def _image(one: object) -> AnsweredImage | None:
    if not isinstance(one, dict):
        return None
    b64, url, said = (one.get(name) for name in ("b64_json", "url", "revised_prompt"))
    image = AnsweredImage(
        b64 if isinstance(b64, str) else "",
        url if isinstance(url, str) else "",
        clean(said[:CAPTION_CHARS]) if isinstance(said, str) else "",
    )
    return image if image.b64_json or image.url else None


def _record(raw: bytes) -> dict[str, Any] | None:
    """*raw* as a JSON object; None if it is none, or has more values than ten pictures need."""
    if crowded(raw):
        return None
    try:
        found = msgspec.json.decode(raw)
    except RecursionError:
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        if len(raw) > LENIENT_BYTES:
            return None
        try:
            found = json.loads(raw)  # It accepts half surrogate pairs, which Python servers send.
        except (ValueError, RecursionError):
            return None
    return found if isinstance(found, dict) else None
