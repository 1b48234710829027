"""The client of OpenAI-compatible image APIs.

Source of sizes and parameters: the OpenAI images reference (`/v1/images/generations`).
"""

import asyncio
import base64
import binascii
import ipaddress
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
import tenacity
from msgspec.structs import replace

from core.errors import ModelError, Overloaded, Refused, StoreError
from core.images.later import Later
from core.images.pictures import checked
from core.messages import Picture
from core.models.body import read_up_to
from core.models.client import first_model
from core.models.providers import Endpoint
from core.models.refusals import read_error
from core.models.screen import Screen

PAINT_S = 180.0
ANSWER_BYTES = 80 * 1024 * 1024
TRIES = 3
LATER_S = 900.0
LOOK_EVERY_S = 20.0
"""How long a callback is waited for, and how often its task is looked at meanwhile."""


class PictureRequest(msgspec.Struct, frozen=True):
    """What to paint; empty fields are left to the API. *size* is `WIDTHxHEIGHT` or `auto`."""

    prompt: str
    size: str = ""
    quality: str = ""
    style: str = ""
    background: str = ""
    format: str = ""
    n: int = 1
    model: str = ""


FIELDS = ("size", "quality", "style", "background", "format")
"""The options of a request that are words; each is empty, or asked for."""


class _Image(msgspec.Struct):
    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None


class _Answer(msgspec.Struct):
    data: list[_Image] | None = None
    error: Any = None
    task_id: str | None = None


class _Callback(msgspec.Struct):
    success: bool = True
    data: _Answer | None = None
    error: Any = None


class _Task(msgspec.Struct):
    response: _Callback | None = None


class ImageClient:
    """Paints at one endpoint. Its methods raise `Overloaded` and `Refused`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        endpoint: Endpoint,
        screen: Screen,
        later: Later | None = None,
    ) -> None:
        self._session = session
        self._endpoint = endpoint
        self._screen = screen
        self._later = later

    @property
    def model(self) -> str:
        return self._endpoint.model

    async def check(self) -> str:
        """A model that the API lists: its address and key work. Paints nothing."""
        endpoint = self._endpoint
        listed = await first_model(self._session, endpoint)
        return endpoint.model or listed

    async def paint(self, request: PictureRequest, name: str) -> list[Picture]:
        """Pictures for *request*, checked to be images, captioned with the revised prompt.

        *name* is the same in each try of the same turn: what is being painted already is
        waited for, not asked for again.
        """
        request = replace(request, prompt=await self._screen.question(request.prompt))
        if self._later is not None:
            answer = await self._paint_later(request, name, self._later)
        else:
            answer = await self._ask_patiently(request)
        if not answer.data:
            raise Refused("the image API returned no picture", "empty")
        return [
            await checked(await self._bytes(image), image.revised_prompt or "")
            for image in answer.data
        ]

    async def _ask_patiently(self, request: PictureRequest, callback_url: str = "") -> _Answer:
        async for attempt in tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(TRIES),
            wait=tenacity.wait_exponential_jitter(max=10),
            retry=tenacity.retry_if_exception_type(Overloaded),
            reraise=True,
        ):
            with attempt:
                answer = await self._ask(request, callback_url)
        return answer

    async def _paint_later(self, request: PictureRequest, name: str, later: Later) -> _Answer:
        """Ask with a callback, and wait for it; now and then look at the task itself."""
        try:
            task = await later.tasks.begin(name)
            task_id = task.id
            if not task_id:
                answer = await self._ask_patiently(request, later.callback_url(task))
                if answer.data:  # Painted at once after all.
                    await later.tasks.forget(name)
                    return answer
                task_id = answer.task_id or "unnamed"
                await later.tasks.name(name, task_id)
            until = time.monotonic() + LATER_S
            while time.monotonic() < until:
                if told := await later.tasks.wait(task.token, LOOK_EVERY_S):
                    return _told(told)
                if (found := await self._look(task_id)) is not None:
                    return found
            raise Overloaded("the picture was asked for, but never came")
        except ModelError:
            # A further try asks anew.
            await later.tasks.forget(name)
            raise
        except StoreError as error:
            raise Overloaded(str(error)) from error

    async def _look(self, task_id: str) -> _Answer | None:
        """The task's answer where there is a tasks endpoint and it has one."""
        try:
            raw, status = await self._post("/tasks", {"action": "retrieve", "id": task_id})
        except Overloaded:
            return None
        if status >= 400:
            return None
        try:
            task = msgspec.json.decode(raw, type=_Task)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        return None if task.response is None else _of_callback(task.response)

    async def _ask(self, request: PictureRequest, callback_url: str) -> _Answer:
        # Only what is set: a gateway refuses parameters that its model does not know.
        body: dict[str, object] = {"prompt": request.prompt, "n": request.n}
        body["model"] = request.model or self._endpoint.model
        for name in FIELDS:
            if value := getattr(request, name):
                body["output_format" if name == "format" else name] = value
        if not body["model"]:
            del body["model"]
        if callback_url:
            body["callback_url"] = callback_url
        return _answer(*await self._post("/images/generations", body))

    async def _post(self, path: str, body: dict[str, object]) -> tuple[bytes, int]:
        try:
            async with self._session.post(
                f"{self._endpoint.base_url}{path}",
                data=msgspec.json.encode(body),
                headers=self._endpoint.headers | {"Content-Type": "application/json"},
                timeout=aiohttp.ClientTimeout(total=PAINT_S, sock_connect=10),
                allow_redirects=False,
            ) as response:
                return await _read(response, ANSWER_BYTES), response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Overloaded(f"the image API cannot be reached ({type(error).__name__})") from error

    async def _bytes(self, image: _Image) -> bytes:
        if image.b64_json:
            try:
                return await asyncio.to_thread(base64.b64decode, image.b64_json, validate=True)
            except binascii.Error as error:
                raise Refused("the image API returned a broken picture", "empty") from error
        if not image.url:
            raise Refused("the image API returned no picture", "empty")
        ours = image.url.startswith(self._endpoint.base_url.rsplit("/v1", 1)[0] + "/")
        if not ours and not image.url.startswith("https://"):
            raise Refused("the image API returned an address that is not https", "empty")
        if not ours and not await _is_public(urlsplit(image.url).hostname or ""):
            raise Refused("the image API returned an address inside our network", "empty")
        try:
            async with self._session.get(
                image.url, timeout=aiohttp.ClientTimeout(total=60), allow_redirects=False
            ) as response:
                if response.status != 200:
                    raise Overloaded(f"the picture cannot be downloaded ({response.status})")
                return await _read(response, ANSWER_BYTES)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Overloaded(
                f"the picture cannot be downloaded ({type(error).__name__})"
            ) from error


async def _read(response: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    body = await read_up_to(response.content, most_bytes)
    if len(body) > most_bytes:
        raise Refused("the image API returned too much", "empty")
    return body


def _answer(raw: bytes, status: int) -> _Answer:
    try:
        answer = msgspec.json.decode(raw, type=_Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        failure: ModelError = read_error(None, status) if status >= 400 else Overloaded("no JSON")
        raise failure from error
    if answer.error or status >= 400:
        raise read_error(answer.error, status)
    return answer


def _told(message: bytes) -> _Answer:
    try:
        return _of_callback(msgspec.json.decode(message, type=_Callback))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Overloaded("the callback made no sense") from error


def _of_callback(callback: _Callback) -> _Answer:
    if callback.error or not callback.success or callback.data is None:
        raise read_error(callback.error)
    return callback.data


async def _is_public(host: str) -> bool:
    """Whether every address of *host* is in the open internet."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(ipaddress.ip_address(address[0]).is_global for *_, address in found)
