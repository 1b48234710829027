"""The client of OpenAI-compatible image APIs.

Source of parameters: the OpenAI images reference (`/v1/images/generations`, `/v1/images/edits`).
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import msgspec
import tenacity
from msgspec.structs import replace

from core.errors import Lost, ModelError, Overloaded, Refused, StoreError
from core.images.answers import (
    Answer,
    AnsweredImage,
    read_answer,
    read_callback,
    read_stream,
    read_task,
)
from core.images.callbacks import Callbacks
from core.images.download import Room, decoded, downloaded, read_whole
from core.images.pictures import checked
from core.messages import Picture
from core.models.guard import Guard
from core.models.model_list import first_model
from core.models.providers import Endpoint
from core.net.outside import Outside
from core.semaphore import Weighted
from core.telemetry import logger

log = logger(__name__)

PAINT_S = 180.0
TRIES = 3
LATER_S = 900.0
LOOK_EVERY_S = 20.0
"""How long to wait for a callback, and how often to look at its task in the meantime."""


async def _unseen(_: Picture) -> None:
    """Ignore an unfinished picture."""


class PictureRequest(msgspec.Struct, frozen=True):
    """What to paint. The API decides about empty fields.

    *size* is `WIDTHxHEIGHT` or `auto`. *sources* are pictures to change. *partial_images* is how
    many unfinished pictures to show.
    """

    prompt: str
    size: str = ""
    quality: str = ""
    style: str = ""
    background: str = ""
    format: str = ""
    n: int = 1
    model: str = ""
    sources: tuple[Picture, ...] = ()
    partial_images: int = 0


FIELDS = ("size", "quality", "style", "background", "format")
"""The options of a request that are words. An empty one is not sent."""


class ImageClient:
    """Paints pictures at one endpoint. Its methods raise `Overloaded` and `Refused`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        endpoint: Endpoint,
        guard: Guard,
        outside: Outside,
        later: Callbacks | None = None,
    ) -> None:
        self._session = session
        self._outside = outside
        self._large = Weighted(1)
        self._endpoint = endpoint
        self._guard = guard
        self._later = later

    @property
    def model(self) -> str:
        return self._endpoint.model

    @property
    def paints(self) -> bool:
        """Whether there is an API for pictures, as far as known."""
        return self._endpoint.provider.paints

    async def check(self) -> str:
        """Check the address and the key, paint nothing. Return the model, or one that is listed."""
        endpoint = self._endpoint
        listed = await first_model(self._session, endpoint, chat=False)
        return endpoint.model or listed

    async def paint(
        self,
        request: PictureRequest,
        name: str,
        show: Callable[[Picture], Awaitable[None]],
        held: AsyncExitStack,
    ) -> list[Picture]:
        """Paint *request*. The pictures are checked, and their captions are the revised prompts.

        Args:
            name: each try of a turn gives the same name. If an earlier try has asked already, this
                one waits for its pictures and does not ask again.
            show: called with each unfinished picture that comes.
            held: holds the room of large pictures. Close it when they are sent.
        """
        room = Room(self._large, held)
        request = replace(request, prompt=await self._guard.question(request.prompt))
        if self._later is not None:
            answer = await self._paint_later(request, name, self._later, room)
        else:
            answer = await self._ask_patiently(request, room, show=show)
        return await self._shown(answer.data, room)

    async def _shown(self, images: Sequence[AnsweredImage], room: Room) -> list[Picture]:
        """All of *images* that are pictures. If none is, raise the error of the last one."""
        failure = Refused("the image API returned no picture", "picture")
        pictures = []
        for image in images:
            try:
                pictures.append(await checked(await self._bytes(image, room), image.revised_prompt))
            except Refused as error:
                log.warning("picture not shown", reason=str(error))
                failure = error
        if not pictures:
            raise failure
        return pictures

    async def _ask_patiently(
        self,
        request: PictureRequest,
        room: Room,
        callback_url: str = "",
        show: Callable[[Picture], Awaitable[None]] = _unseen,
    ) -> Answer:
        async for attempt in tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(TRIES),
            wait=tenacity.wait_exponential_jitter(max=10),
            retry=tenacity.retry_if_exception(_not_taken),
            reraise=True,
        ):
            with attempt:
                answer = await self._ask(request, callback_url, show, room)
        return answer

    async def _paint_later(
        self, request: PictureRequest, name: str, later: Callbacks, room: Room
    ) -> Answer:
        """Ask with a callback, and wait for it. Look at the task from time to time."""
        try:
            task = await later.tasks.begin(name)
            task_id = task.id
            if not task_id:
                answer = await self._ask_patiently(request, room, later.callback_url(task))
                if answer.data:  # It was painted at once.
                    await later.tasks.forget(name)
                    return answer
                task_id = answer.task_id or "unnamed"
                await later.tasks.name(name, task_id)
            until = time.monotonic() + LATER_S
            while time.monotonic() < until:
                if told := await later.tasks.wait(task.token, LOOK_EVERY_S):
                    await room.take(len(told))
                    return read_callback(told)
                if (found := await self._look(task_id, room)) is not None:
                    return found
            raise Overloaded("the picture was asked for, but never came")
        except ModelError:
            # The next try asks again.
            await later.tasks.forget(name)
            raise
        except StoreError as error:
            raise Overloaded(str(error)) from error

    async def _look(self, task_id: str, room: Room) -> Answer | None:
        """The task's answer; None if there is none yet, or the API has no endpoint for tasks."""
        body = msgspec.json.encode({"action": "retrieve", "id": task_id})
        try:
            async with self._posted("/tasks", body) as response:
                raw, status = await read_whole(response, room), response.status
        except Overloaded:
            return None
        return read_task(raw) if status < 400 else None

    async def _ask(
        self,
        request: PictureRequest,
        callback_url: str,
        show: Callable[[Picture], Awaitable[None]],
        room: Room,
    ) -> Answer:
        fields = self._fields(request, callback_url)
        asked = (
            self._posted("/images/edits", _form(fields, request.sources))
            if request.sources
            else self._posted("/images/generations", msgspec.json.encode(fields))
        )
        async with asked as response:
            if response.content_type == "text/event-stream" and response.status < 400:
                return await read_stream(response, show, room)
            raw, status = await read_whole(response, room), response.status
        return read_answer(raw, status)

    def _fields(self, request: PictureRequest, callback_url: str) -> dict[str, str | int | bool]:
        """Only the fields that are set: gateways refuse parameters that a model does not know."""
        fields: dict[str, str | int | bool] = {"prompt": request.prompt, "n": request.n}
        if model := request.model or self._endpoint.model:
            fields["model"] = model
        for name in FIELDS:
            if value := getattr(request, name):
                fields["output_format" if name == "format" else name] = value
        if callback_url:
            fields["callback_url"] = callback_url
        elif request.partial_images:
            fields |= {"stream": True, "partial_images": request.partial_images}
        return fields

    @asynccontextmanager
    async def _posted(
        self, path: str, body: bytes | aiohttp.FormData
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        kind = {"Content-Type": "application/json"} if isinstance(body, bytes) else {}
        url = f"{self._endpoint.base_url}{path}"
        try:
            async with self._session.post(
                url,
                data=body,
                headers=self._endpoint.headers_to(url) | kind,
                timeout=aiohttp.ClientTimeout(total=PAINT_S, sock_connect=10),
                allow_redirects=False,
            ) as response:
                yield response
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Overloaded(f"the image API cannot be reached ({type(error).__name__})") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Lost(f"the image API broke off ({type(error).__name__})") from error

    async def _bytes(self, image: AnsweredImage, room: Room) -> bytes:
        if image.b64_json:
            return await decoded(image.b64_json)
        return await downloaded(self._outside, image.url, self._endpoint.base_url, room)


def _not_taken(error: BaseException) -> bool:
    """Whether nothing can have been painted. Only then asking again is not paid twice."""
    return isinstance(error, Overloaded) and not isinstance(error, Lost)


def _form(fields: Mapping[str, str | int | bool], sources: Sequence[Picture]) -> aiohttp.FormData:
    form = aiohttp.FormData()
    for name, value in fields.items():
        form.add_field(name, str(value).lower() if isinstance(value, bool) else str(value))
    several = "image[]" if len(sources) > 1 else "image"
    for number, picture in enumerate(sources, 1):
        file = f"picture-{number}.{picture.mime.rpartition('/')[2]}"
        form.add_field(several, picture.data, filename=file, content_type=picture.mime)
    return form
