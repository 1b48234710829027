"""The client of OpenAI-compatible image APIs.

Source of sizes and parameters: the OpenAI images reference (`/v1/images/generations`).
"""

import asyncio
import base64
import binascii
from typing import Any

import aiohttp
import msgspec
import tenacity

from core.errors import ModelError, Overloaded, Refused
from core.images.pictures import checked
from core.messages import Picture
from core.models.chunks import read_error
from core.models.client import Endpoint, first_model, headers

PAINT_S = 180.0
ANSWER_BYTES = 80 * 1024 * 1024
TRIES = 3


class PictureRequest(msgspec.Struct, frozen=True):
    """What to paint; empty fields are left to the API. *size* is `WIDTHxHEIGHT` or `auto`."""

    prompt: str
    size: str = ""
    quality: str = ""
    style: str = ""
    background: str = ""
    n: int = 1
    model: str = ""


class _Image(msgspec.Struct):
    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None


class _Answer(msgspec.Struct):
    data: list[_Image] | None = None
    error: Any = None


class ImageClient:
    """Paints at one endpoint. Its methods raise `Overloaded` and `Refused`."""

    def __init__(self, session: aiohttp.ClientSession, endpoint: Endpoint) -> None:
        self._session = session
        self._endpoint = endpoint

    @property
    def model(self) -> str:
        return self._endpoint.model

    async def check(self) -> str:
        """A model that the API lists: its address and key work. Paints nothing."""
        endpoint = self._endpoint
        listed = await first_model(self._session, endpoint.base_url, endpoint.api_key)
        return endpoint.model or listed

    async def paint(self, request: PictureRequest) -> list[Picture]:
        """Pictures for *request*, checked to be images, captioned with the revised prompt."""
        async for attempt in tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(TRIES),
            wait=tenacity.wait_exponential_jitter(max=10),
            retry=tenacity.retry_if_exception_type(Overloaded),
            reraise=True,
        ):
            with attempt:
                answer = await self._ask(request)
        if not answer.data:
            raise Refused("the image API returned no picture", "empty")
        return [
            await checked(await self._bytes(image), image.revised_prompt or "")
            for image in answer.data
        ]

    async def _ask(self, request: PictureRequest) -> _Answer:
        # Only what is set: a gateway refuses parameters that its model does not know.
        body: dict[str, object] = {"prompt": request.prompt, "n": request.n}
        body["model"] = request.model or self._endpoint.model
        for name in ("size", "quality", "style", "background"):
            if value := getattr(request, name):
                body[name] = value
        if not body["model"]:
            del body["model"]
        try:
            async with self._session.post(
                f"{self._endpoint.base_url}/images/generations",
                data=msgspec.json.encode(body),
                headers=headers(self._endpoint.api_key),
                timeout=aiohttp.ClientTimeout(total=PAINT_S, sock_connect=10),
                allow_redirects=False,
            ) as response:
                raw = await _read(response, ANSWER_BYTES)
                return _answer(raw, response.status)
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
    body = bytearray()
    async for piece in response.content.iter_chunked(1 << 16):
        body += piece
        if len(body) > most_bytes:
            raise Refused("the image API returned too much", "empty")
    return bytes(body)


def _answer(raw: bytes, status: int) -> _Answer:
    try:
        answer = msgspec.json.decode(raw, type=_Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        failure: ModelError = read_error(None, status) if status >= 400 else Overloaded("no JSON")
        raise failure from error
    if answer.error or status >= 400:
        raise read_error(answer.error, status)
    return answer
