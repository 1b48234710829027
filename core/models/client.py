"""The client of OpenAI-compatible chat APIs, on one pooled aiohttp session.

A call is retried only until its first visible delta: after that the person has
read something, and what follows is decided by who shows it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import msgspec
import tenacity

from core.errors import Interrupted, Overloaded, Refused
from core.models import anthropic, openai, qianfan
from core.models.chunks import Delta, Finished, ReasoningDelta, TextDelta, read_chunk
from core.models.providers import Endpoint
from core.models.refusals import http_error
from core.models.request import ChatRequest
from core.models.stream import Stream
from core.models.thinking import ThinkSplitter
from core.telemetry import logger

log = logger(__name__)

TRIES = 4
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
"""A provider that asks for more patience than this is answered with an honest sentence instead."""


class Shape(NamedTuple):
    """How a provider is asked and read. *reader* makes what reads the events of one stream."""

    url: Callable[[Endpoint, ChatRequest], str]
    body: Callable[[Endpoint, ChatRequest], dict[str, object]]
    reader: Callable[[], Callable[[bytes], list[Delta]]]


SHAPES = {
    "openai": Shape(openai.url, openai.body, lambda: read_chunk),
    "anthropic": Shape(anthropic.url, anthropic.body, lambda: anthropic.Reader().read),
    "qianfan": Shape(qianfan.url, qianfan.body, lambda: qianfan.read),
}


class Deadlines(msgspec.Struct, frozen=True):
    """How long to wait, in seconds, for each stage of a call."""

    connect: float = 10.0
    first_delta: float = 180.0
    gap: float = 60.0
    total: float = 1800.0


class ChatClient:
    """Streams answers of one endpoint.

    Raises (when entering the stream): `Overloaded` after the last try,
    `Refused`. While iterating: `Interrupted`, `Overloaded`, `Refused`.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        endpoint: Endpoint,
        deadlines: Deadlines | None = None,
        tries: int = TRIES,
    ) -> None:
        self._tries = tries
        self._session = session
        self._endpoint = endpoint
        self._shape = SHAPES[endpoint.provider.shape]
        self._token = (
            qianfan.AccessToken(session, endpoint) if endpoint.provider.shape == "qianfan" else None
        )
        self._deadlines = deadlines or Deadlines()

    @property
    def model(self) -> str:
        return self._endpoint.model

    @property
    def names(self) -> Sequence[str]:
        return (self.model,)

    @property
    def continues(self) -> bool:
        return self._endpoint.provider.continues not in ("no", "event_id")

    @asynccontextmanager
    async def stream(self, request: ChatRequest) -> AsyncIterator[AsyncIterator[Delta]]:
        """Ask, and give the answer's deltas; the last is `Finished`. Closes the call on exit."""
        async with AsyncExitStack() as stack:
            until = asyncio.get_running_loop().time() + self._deadlines.total
            stream = await self._asked(stack, request)
            yield self._all(stream, stack, request, until)

    async def _asked(self, stack: AsyncExitStack, request: ChatRequest, after: str = "") -> Stream:
        """Ask until a first delta comes; behind the event *after*, where that is given."""
        async for attempt in _retrying(self._tries):
            with attempt:
                call = AsyncExitStack()
                try:
                    opened = await self._open(call, request, after)
                except BaseException:
                    await call.aclose()
                    raise
                stack.push_async_exit(call)
        return opened

    async def _open(self, call: AsyncExitStack, request: ChatRequest, after: str) -> Stream:
        """Send the request and wait for the first delta that a person can see."""
        try:
            async with asyncio.timeout(self._deadlines.first_delta):
                response = await call.enter_async_context(await self._post(request, after))
                if response.status >= 400:
                    raise await http_error(response)
                stream = Stream(response, self._shape.reader())
                call.callback(stream.close)
                seen: list[Delta] = []
                while (some := await stream.next()) is not None:
                    seen += some
                    if any(isinstance(d, TextDelta | ReasoningDelta | Finished) for d in some):
                        stream.keep(seen)
                        return stream
                raise Overloaded("the model's stream ended before it began")
        except TimeoutError as error:
            raise Overloaded("the model did not begin to answer in time") from error
        except aiohttp.ClientError as error:
            raise Overloaded(f"the model cannot be reached ({type(error).__name__})") from error
        except Interrupted as error:
            raise Overloaded(str(error)) from error
        except Refused as error:
            if error.reason != "key" or self._token is None or not self._token.forget():
                raise
            raise Overloaded("the access token is spent") from error

    async def _post(self, request: ChatRequest, after: str) -> Any:
        endpoint, shape = self._endpoint, self._shape
        token = {"access_token": await self._token.get()} if self._token is not None else None
        url = shape.url(endpoint, request)
        return self._session.post(
            url,
            params=token,
            data=msgspec.json.encode({**shape.body(endpoint, request), **endpoint.extra}),
            headers=endpoint.headers_to(url)
            | {"Content-Type": "application/json", "Accept": "text/event-stream"}
            | ({"Last-Event-ID": after} if after else {}),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._deadlines.connect),
            # A redirect could carry the key to another host.
            allow_redirects=False,
        )

    async def _all(
        self, stream: Stream, stack: AsyncExitStack, request: ChatRequest, until: float
    ) -> AsyncIterator[Delta]:
        thinking = ThinkSplitter(begun=bool(request.begun))
        over, finished, times = thinking.over, False, 0
        while True:
            stream.watch(self._deadlines.gap, until)
            try:
                while (some := await stream.next()) is not None:
                    for delta in some:
                        if over and type(delta) is TextDelta:
                            yield delta
                            continue
                        if isinstance(delta, Finished):
                            if finished:
                                continue  # `[DONE]` behind a finish reason says nothing new.
                            finished = True
                        for part in _told_apart(delta, thinking):
                            yield part
                        over = thinking.over
                if not finished:
                    raise Interrupted("the model's stream ended without an end")
                return
            except Interrupted as error:
                after, times = stream.last_id, times + 1
                resumes = self._endpoint.provider.continues == "event_id"
                if finished or not (resumes and after and times < TRIES):
                    raise
                log.warning("stream resumed", after=after, reason=str(error))
                stream = await self._asked(stack, request, after)


def _told_apart(delta: Delta, thinking: ThinkSplitter) -> Sequence[Delta]:
    if isinstance(delta, TextDelta):
        return thinking.take(delta.text)
    return [*thinking.rest(), delta] if isinstance(delta, Finished) else (delta,)


def _retrying(tries: int) -> tenacity.AsyncRetrying:
    backoff = tenacity.wait_exponential_jitter(multiplier=FIRST_WAIT_S, jitter=FIRST_WAIT_S, max=8)

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after_s if isinstance(error, Overloaded) else 0.0
        return max(backoff(state), asked)

    def worth_it(error: BaseException) -> bool:
        return isinstance(error, Overloaded) and error.retry_after_s <= LONGEST_WAIT_S

    def say(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning("model call retried", attempt=state.attempt_number, reason=str(error))

    return tenacity.AsyncRetrying(
        stop=tenacity.stop_after_attempt(tries),
        wait=wait,
        retry=tenacity.retry_if_exception(worth_it),
        before_sleep=say,
        reraise=True,
    )
