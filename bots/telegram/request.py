"""python-telegram-bot's HTTP requests, on aiohttp.

The program speaks aiohttp everywhere else. The library's own class, on httpx, takes several times
as much CPU for a call (docs/performance.md).
"""

import io
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import aiohttp
import msgspec
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData

from bots.telegram.decoding import Json, read_json
from core.border import crowded
from core.net.bounded_body import read_up_to
from core.net.way import Way

ANSWER_BYTES = 32 * 1024 * 1024
"""The most that is read, unpacked. A hundred updates are seldom more than one megabyte."""
CONNECT_S = 10.0
UPLOAD_S = 60.0
ANSWER_VALUES = 500_000
"""The most that are read. A hundred updates, each full of entities, have a third of that."""
_JSON = {"Content-Type": "application/json"}
_ID = re.compile(rb'"update_id"\s*:\s*(\d{1,18})')


class Unreadable(TelegramError):
    """The answer is not valid JSON. *ids*: the updates that it seems to hold."""

    def __init__(self, ids: Sequence[int] = ()) -> None:
        super().__init__("Telegram's answer is not what it should be")
        self.ids = ids


class Plain:
    """Parameters without files, sent as JSON: a form of ten fields takes five times as much CPU."""

    def __init__(self, parameters: Json) -> None:
        self.body = msgspec.json.encode(parameters, enc_hook=lambda one: one.to_dict())


class Request(BaseRequest):
    """Calls by *way*, at most *at_once*; each may take *read_s* from one byte to the next.

    It logs nothing of an answer that it cannot read.
    """

    def __init__(self, way: Way, *, at_once: int, read_s: float = 20.0) -> None:
        self._way = way
        self._at_once = at_once
        self._read_s = read_s
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float | None:
        return self._read_s

    async def initialize(self) -> None:
        if self._session is None:
            self._session = self._way.session(
                limit=self._at_once, headers={"User-Agent": self.USER_AGENT}
            )

    async def shutdown(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | Plain | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """See the library. Telegram answers only when it has the whole upload."""
        if self._session is None:
            raise NetworkError("the request is not initialized")
        read_s = read_timeout if isinstance(read_timeout, int | float) else self._read_s
        body: bytes | aiohttp.FormData | None = None
        headers: Mapping[str, str] = {}
        files: Mapping[str, Any] = {}
        if isinstance(request_data, Plain):
            body, headers = request_data.body, _JSON
        elif request_data:
            files = request_data.multipart_data
            body = _form(request_data.json_parameters, files)
        timeout = aiohttp.ClientTimeout(
            total=None,
            connect=read_s,
            sock_connect=CONNECT_S,
            sock_read=read_s + (UPLOAD_S if files else 0),
        )
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                payload = await read_up_to(response.content, ANSWER_BYTES)
                status = response.status
        except TimeoutError as error:
            raise TimedOut from error
        except (aiohttp.ClientError, OSError) as error:
            # Its text may hold the address, and that the token.
            raise NetworkError(type(error).__name__) from None
        if len(payload) > ANSWER_BYTES or crowded(payload, ANSWER_VALUES):
            raise Unreadable(_ids(payload))
        return status, payload

    async def call(self, url: str, parameters: Json) -> Any:
        """What Telegram says to *parameters*. Raises the library's errors."""
        plain: Any = Plain(parameters)
        return await self.post(url, request_data=plain)

    @staticmethod
    def parse_json_payload(payload: bytes) -> Json:
        answer: Any = None
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            answer = msgspec.json.decode(payload)
        if answer is None:
            try:
                answer = read_json(payload)
            except ValueError:
                raise Unreadable(_ids(payload)) from None
        if not isinstance(answer, dict) or not {"result", "description"} & answer.keys():
            raise Unreadable
        return answer


def _form(fields: Mapping[str, str], files: Mapping[str, Any]) -> aiohttp.FormData:
    # Telegram takes names of files as they are, not in the way of RFC 2231.
    form = aiohttp.FormData(quote_fields=False)
    for name, value in fields.items():
        form.add_field(name, value)
    for name, (file_name, content, mime) in files.items():
        # As a file it is sent in pieces. aiohttp warns of bytes that are larger than a megabyte.
        held = io.BytesIO(content) if isinstance(content, bytes) else content
        form.add_field(name, held, filename=file_name, content_type=mime)
    return form


def _ids(payload: bytes) -> Sequence[int]:
    return [int(one) for one in _ID.findall(payload[: 1 << 18])]
