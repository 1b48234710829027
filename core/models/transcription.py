"""Speech to text, by an OpenAI-compatible audio API.

Source: `/v1/audio/transcriptions`: a multipart form with `file` and `model`, 25 MB at most.
"""

from typing import Any

import aiohttp
import msgspec

from core.errors import Overloaded, Refused
from core.models.providers import Endpoint
from core.models.refusals import read_error
from core.net.bounded_body import read_up_to

MOST_BYTES = 25 * 1024 * 1024
HEAR_S = 120.0
ANSWER_BYTES = 2 * 1024 * 1024


class _Answer(msgspec.Struct):
    text: str = ""
    error: Any = None


class TranscriptionClient:
    """Turns speech into text at one endpoint."""

    def __init__(self, session: aiohttp.ClientSession, endpoint: Endpoint) -> None:
        self._session = session
        self._endpoint = endpoint

    async def hear(self, data: bytes, name: str, mime: str) -> str:
        """The words in *data*, an encoded audio file.

        Raises:
            Overloaded, Refused: there is no text.
        """
        form = aiohttp.FormData()
        form.add_field("file", data, filename=name or "voice.ogg", content_type=mime or None)
        form.add_field("model", self._endpoint.model)
        try:
            url = f"{self._endpoint.base_url}/audio/transcriptions"
            async with self._session.post(
                url,
                data=form,
                headers=self._endpoint.headers_to(url),
                timeout=aiohttp.ClientTimeout(total=HEAR_S, sock_connect=10),
                allow_redirects=False,
            ) as response:
                raw, status = await read_up_to(response.content, ANSWER_BYTES), response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Overloaded(f"the audio API cannot be reached ({type(error).__name__})") from error
        try:
            answer = msgspec.json.decode(raw, type=_Answer)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Refused("the audio API makes no sense", "empty") from error
        if answer.error or status >= 400:
            raise read_error(answer.error, status)
        if not answer.text.strip():
            raise Refused("nothing was said in it", "empty")
        return answer.text.strip()
