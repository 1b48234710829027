"""What image APIs answer: at once, as a stream, by a callback, or from a task.

Read loosely and item by item: a picture is paid for, so what can be shown of an answer is shown,
and what cannot be read is one failure, not a reason to ask again.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import msgspec

from core.border import clean, set_aside
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
    """One of both is set."""

    b64_json: str = ""
    url: str = ""
    revised_prompt: str = ""


class Answer(msgspec.Struct, frozen=True):
    """*task_id* instead of *data*: it is painted later."""

    data: tuple[AnsweredImage, ...] = ()
    task_id: str = ""


async def read_stream(
    response: aiohttp.ClientResponse, show: Callable[[Picture], Awaitable[None]], room: Room
) -> Answer:
    """The picture at the end of a stream (events `image_generation.…`, `image_edit.…`, `error`);
    those before it are shown.
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
                continue  # `[DONE]`, or nothing that we know.
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
    """What was answered at once; raises what the API says is wrong."""
    found = _record(raw)
    if status >= 400:
        raise read_error((found or {}).get("error"), status)
    if found is None:
        raise Refused("the image API's answer makes no sense", "picture")
    return _answer(found)


def read_task(raw: bytes) -> Answer | None:
    """What became of a task; None while it is under way, or when nothing is said of it.

    Raises what it says is wrong.
    """
    found = _record(raw) or {}
    return _told(found["response"]) if isinstance(found.get("response"), dict) else None


def read_callback(message: bytes) -> Answer:
    """What a callback brought; raises what it says is wrong."""
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
    """The JSON object that *raw* is, or None."""
    try:
        found = msgspec.json.decode(raw)
    except RecursionError:
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        if len(raw) > LENIENT_BYTES:
            return None
        try:
            found = json.loads(raw)  # It takes halves of surrogate pairs, as Python servers send.
        except (ValueError, RecursionError):
            return None
    return found if isinstance(found, dict) else None
