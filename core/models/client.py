"""The client of OpenAI-compatible chat APIs, on one pooled aiohttp session.

A call is retried only until its first visible delta: after that the person has
read something, and what follows is decided by who shows it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
import msgspec
import tenacity

from core.errors import Interrupted, Overloaded, Refused
from core.models import anthropic, openai
from core.models.body import read_up_to
from core.models.chunks import Delta, Finished, ReasoningDelta, TextDelta, read_chunk
from core.models.providers import Endpoint
from core.models.refusals import http_error
from core.models.request import ChatRequest
from core.models.sse import Decoder
from core.models.thinking import ThinkSplitter
from core.telemetry import logger

log = logger(__name__)

LISTED_BYTES = 4_000_000
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
        self._deadlines = deadlines or Deadlines()

    @property
    def model(self) -> str:
        return self._endpoint.model

    @property
    def names(self) -> Sequence[str]:
        return (self.model,)

    @property
    def continues(self) -> bool:
        return self._endpoint.provider.continues != "no"

    @asynccontextmanager
    async def stream(self, request: ChatRequest) -> AsyncIterator[AsyncIterator[Delta]]:
        """Ask, and give the answer's deltas; the last is `Finished`. Closes the call on exit."""
        async with AsyncExitStack() as stack:
            deadline = time.monotonic() + self._deadlines.total
            async for attempt in _retrying(self._tries):
                with attempt:
                    call = AsyncExitStack()
                    try:
                        first, rest = await self._open(call, request)
                    except BaseException:
                        await call.aclose()
                        raise
                    stack.push_async_exit(call)
            yield self._all(first, rest, deadline, ThinkSplitter(begun=bool(request.begun)))

    async def _open(
        self, call: AsyncExitStack, request: ChatRequest
    ) -> tuple[list[Delta], AsyncIterator[list[Delta]]]:
        """Send the request and wait for the first delta that a person can see."""
        try:
            async with asyncio.timeout(self._deadlines.first_delta):
                response = await call.enter_async_context(self._post(request))
                if response.status >= 400:
                    raise await http_error(response)
                stream = _deltas(response, self._shape.reader())
                seen: list[Delta] = []
                async for some in stream:
                    seen += some
                    if any(isinstance(d, TextDelta | ReasoningDelta | Finished) for d in some):
                        return seen, stream
                raise Overloaded("the model's stream ended before it began")
        except TimeoutError as error:
            raise Overloaded("the model did not begin to answer in time") from error
        except aiohttp.ClientError as error:
            raise Overloaded(f"the model cannot be reached ({type(error).__name__})") from error
        except Interrupted as error:
            raise Overloaded(str(error)) from error

    def _post(self, request: ChatRequest) -> Any:
        endpoint, shape = self._endpoint, self._shape
        return self._session.post(
            shape.url(endpoint, request),
            data=msgspec.json.encode(shape.body(endpoint, request)),
            headers=endpoint.headers
            | {"Content-Type": "application/json", "Accept": "text/event-stream"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._deadlines.connect),
            # A redirect could carry the key to another host.
            allow_redirects=False,
        )

    async def _all(
        self,
        first: list[Delta],
        rest: AsyncIterator[list[Delta]],
        deadline: float,
        thinking: ThinkSplitter,
    ) -> AsyncIterator[Delta]:
        finished = False
        for delta in first:
            finished = finished or isinstance(delta, Finished)
            for part in _told_apart(delta, thinking):
                yield part
        while (patience := min(self._deadlines.gap, deadline - time.monotonic())) > 0:
            try:
                async with asyncio.timeout(patience):
                    some = await anext(rest, None)
            except TimeoutError as error:
                raise Interrupted("the model stopped in the middle of its answer") from error
            except aiohttp.ClientError as error:
                raise Interrupted(
                    f"the connection to the model broke ({type(error).__name__})"
                ) from error
            if some is None:
                if not finished:
                    raise Interrupted("the model's stream ended without an end")
                return
            for delta in some:
                if thinking.over and type(delta) is TextDelta:
                    yield delta
                    continue
                if isinstance(delta, Finished):
                    if finished:
                        continue  # `[DONE]` behind a finish reason says nothing new.
                    finished = True
                for part in _told_apart(delta, thinking):
                    yield part
        raise Refused("the answer took too long", "endless")


def _told_apart(delta: Delta, thinking: ThinkSplitter) -> Sequence[Delta]:
    if isinstance(delta, TextDelta):
        return thinking.take(delta.text)
    return [*thinking.rest(), delta] if isinstance(delta, Finished) else (delta,)


async def first_model(session: aiohttp.ClientSession, endpoint: Endpoint) -> str:
    """The first model that the API at *endpoint* lists.

    Raises:
        Overloaded, Refused: it lists none, or does not answer within seconds.
    """
    try:
        async with session.get(
            f"{endpoint.base_url}/models",
            headers=endpoint.headers,
            timeout=aiohttp.ClientTimeout(total=10),
            allow_redirects=False,
        ) as response:
            if response.status >= 400:
                raise await http_error(response)
            raw = await read_up_to(response.content, LISTED_BYTES)
            listed = msgspec.json.decode(raw, type=_Models)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Overloaded(f"cannot be reached ({type(error).__name__})") from error
    except msgspec.MsgspecError as error:
        raise Refused("its list of models makes no sense", "model") from error
    if not listed.data:
        raise Refused("it lists no models", "model")
    return listed.data[0].id


class _Listed(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Listed]


async def _deltas(
    response: aiohttp.ClientResponse, read: Callable[[bytes], list[Delta]]
) -> AsyncIterator[list[Delta]]:
    """The deltas of each read of the body, many at a time."""
    if response.content_type == "application/json":
        # Asked for a stream, answered with a whole answer, or an error inside a 200.
        yield read(await response.read())
        return
    decoder = Decoder()
    async for piece in response.content.iter_any():
        some: list[Delta] = []
        done = False
        for event in decoder.feed(piece):
            if event.data == b"[DONE]":
                done = True
                break
            some += read(event.data)
        if done:
            yield [*some, Finished("stop")]
            return
        if some:
            yield some
    last = decoder.unfinished
    if last and last != b"[DONE]":
        yield read(last)
    elif last:
        yield [Finished("stop")]


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
