"""What image APIs answer: at once, as a stream, by a callback, or from a task."""

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import msgspec

from core.errors import ModelError, Overloaded, Refused
from core.images.download import MOST_BYTES, decoded
from core.images.pictures import checked
from core.messages import Picture
from core.models.refusals import read_error
from core.models.sse import Decoder


class AnsweredImage(msgspec.Struct, frozen=True):
    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """*task_id* instead of *data*: it is painted later."""

    data: list[AnsweredImage] | None = None
    error: Any = None
    task_id: str | None = None


class _Callback(msgspec.Struct, frozen=True):
    success: bool = True
    data: Answer | None = None
    error: Any = None


class _Task(msgspec.Struct, frozen=True):
    response: _Callback | None = None


class _Event(msgspec.Struct, frozen=True):
    """Of a stream: `image_generation.partial_image` or `.completed`, `image_edit.…`, `error`."""

    type: str = ""
    b64_json: str | None = None
    revised_prompt: str | None = None
    error: Any = None


_event = msgspec.json.Decoder(_Event).decode


async def read_stream(
    response: aiohttp.ClientResponse, show: Callable[[Picture], Awaitable[None]]
) -> Answer:
    """The picture at the end of a stream; those before it are shown."""
    decoder, read = Decoder(), 0
    async for piece in response.content.iter_any():
        read += len(piece)
        if read > MOST_BYTES:
            raise Refused("the image API returned too much", "empty")
        for one in decoder.feed(piece):
            try:
                event = _event(one.data)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue  # `[DONE]`, or nothing that we know.
            if event.error:
                raise read_error(event.error)
            if event.type.endswith(".completed"):
                return Answer([AnsweredImage(event.b64_json, revised_prompt=event.revised_prompt)])
            if event.type.endswith(".partial_image") and event.b64_json:
                await show(await checked(await decoded(event.b64_json)))
    raise Overloaded("the image API's stream ended without a picture")


def read_answer(raw: bytes, status: int) -> Answer:
    """What was answered at once; raises what the API says is wrong."""
    try:
        answer = msgspec.json.decode(raw, type=Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        failure: ModelError = read_error(None, status) if status >= 400 else Overloaded("no JSON")
        raise failure from error
    if answer.error or status >= 400:
        raise read_error(answer.error, status)
    return answer


def read_task(raw: bytes) -> Answer | None:
    """What became of a task; None while it is under way, or when nothing is said of it."""
    try:
        task = msgspec.json.decode(raw, type=_Task)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return None if task.response is None else _answer(task.response)


def read_callback(message: bytes) -> Answer:
    """What a callback brought; raises what it says is wrong."""
    try:
        return _answer(msgspec.json.decode(message, type=_Callback))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Overloaded("the callback made no sense") from error


def _answer(callback: _Callback) -> Answer:
    if callback.error or not callback.success or callback.data is None:
        raise read_error(callback.error)
    return callback.data
