"""The client of OpenAI-compatible chat APIs, on one pooled aiohttp session.

A call is retried only until its first visible delta: after that the person has
read something, and what follows is decided by who shows it.
"""

import asyncio
import email.utils
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Literal, Protocol

import aiohttp
import msgspec
import tenacity

from core import __version__
from core.errors import Interrupted, ModelError, Overloaded, Refused
from core.models import anthropic
from core.models.chunks import (
    Delta,
    Finished,
    ReasoningDelta,
    TextDelta,
    read_chunk,
    read_error,
)
from core.models.providers import Provider
from core.models.sse import Decoder
from core.models.thinking import ThinkSplitter
from core.telemetry import logger

log = logger(__name__)

ERROR_BYTES = 20_000
TRIES = 4
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
"""A provider that asks for more patience than this is answered with an honest sentence instead."""


class ChatMessage(msgspec.Struct, frozen=True):
    """*images* are URLs (of kind `data:` too) that belong to *content*."""

    role: Literal["system", "user", "assistant"]
    content: str
    images: tuple[str, ...] = ()


class ChatRequest(msgspec.Struct, frozen=True):
    """What a model is asked.

    *max_tokens* 0 leaves the length to the provider; *begun* is the beginning of the
    answer, said already, which the model goes on from; *scope* names who may be answered with
    what this request was answered (nobody, if empty).
    """

    messages: tuple[ChatMessage, ...]
    model: str = ""
    max_tokens: int = 0
    begun: str = ""
    scope: str = ""


class Endpoint(msgspec.Struct, frozen=True):
    """Where a model is: *base_url* ends before `/chat/completions`."""

    base_url: str
    api_key: str
    model: str
    provider: Provider = Provider("")


class Deadlines(msgspec.Struct, frozen=True):
    """How long to wait, in seconds, for each stage of a call."""

    connect: float = 10.0
    first_delta: float = 180.0
    gap: float = 60.0
    total: float = 1800.0


class Model(Protocol):
    """Whatever streams an answer."""

    @property
    def model(self) -> str:
        """The model that answers unless the request names another."""
        ...

    @property
    def continues(self) -> bool:
        """Whether a request may say how its answer has `begun`."""
        ...

    def stream(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[Delta]]:
        """As `ChatClient.stream`."""
        ...


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
        self._deadlines = deadlines or Deadlines()

    @property
    def model(self) -> str:
        return self._endpoint.model

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
                    raise await _http_error(response)
                native = self._endpoint.provider.shape == "anthropic"
                stream = _deltas(response, anthropic.Reader().read if native else read_chunk)
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
        if self._endpoint.provider.shape == "anthropic":
            return self._post_as_anthropic(request)
        messages = [_message(message) for message in request.messages]
        body: dict[str, object] = {
            "model": request.model or self._endpoint.model,
            "messages": messages,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if request.max_tokens:
            body[self._endpoint.provider.max_tokens] = request.max_tokens
        base_url = self._endpoint.base_url
        if request.begun:
            provider = self._endpoint.provider
            base_url = provider.continues_at or base_url
            messages.append({"role": "assistant", "content": request.begun})
            match provider.continues:
                case "prefix":
                    messages[-1]["prefix"] = True
                case "final_message":
                    body |= {"continue_final_message": True, "add_generation_prompt": False}
                case _:
                    pass
        return self._session.post(
            f"{base_url}/chat/completions",
            data=msgspec.json.encode(body),
            headers=headers(self._endpoint.api_key, self._endpoint.provider.key_header)
            | {"Accept": "text/event-stream"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._deadlines.connect),
            # A redirect could carry the key to another host.
            allow_redirects=False,
        )

    def _post_as_anthropic(self, request: ChatRequest) -> Any:
        said = [(one.role, one.content, one.images) for one in request.messages]
        model = request.model or self._endpoint.model
        return self._session.post(
            f"{self._endpoint.base_url}{anthropic.PATH}",
            data=msgspec.json.encode(
                anthropic.body(model, [*said], request.max_tokens, request.begun)
            ),
            headers=headers("") | anthropic.headers(self._endpoint.api_key),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._deadlines.connect),
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


def _message(message: ChatMessage) -> dict[str, object]:
    if not message.images:
        return {"role": message.role, "content": message.content}
    parts: list[dict[str, object]] = [{"type": "text", "text": message.content}]
    parts += [{"type": "image_url", "image_url": {"url": url}} for url in message.images]
    return {"role": message.role, "content": parts}


def _told_apart(delta: Delta, thinking: ThinkSplitter) -> Sequence[Delta]:
    if isinstance(delta, TextDelta):
        return thinking.take(delta.text)
    return [*thinking.rest(), delta] if isinstance(delta, Finished) else (delta,)


async def first_model(session: aiohttp.ClientSession, base_url: str, api_key: str) -> str:
    """The first model that the API lists.

    Raises:
        Overloaded, Refused: it lists none, or does not answer within seconds.
    """
    try:
        async with session.get(
            f"{base_url}/models",
            headers=headers(api_key),
            timeout=aiohttp.ClientTimeout(total=10),
            allow_redirects=False,
        ) as response:
            if response.status >= 400:
                raise await _http_error(response)
            listed = msgspec.json.decode(await response.content.read(4_000_000), type=_Models)
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


def headers(api_key: str, key_header: str = "") -> dict[str, str]:
    """The headers of every call to a provider; *key_header*: where the key is no bearer token."""
    sent = {"Content-Type": "application/json", "User-Agent": f"palaver/{__version__}"}
    if not api_key:
        return sent
    return sent | ({key_header: api_key} if key_header else {"Authorization": f"Bearer {api_key}"})


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


async def _http_error(response: aiohttp.ClientResponse) -> ModelError:
    body = await response.content.read(ERROR_BYTES)
    error: Any = None
    try:
        decoded = msgspec.json.decode(body)
        if isinstance(decoded, dict):
            error = decoded.get("error") or decoded
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass  # An HTML page says nothing that a person should read.
    found = read_error(error, response.status)
    if isinstance(found, Overloaded):
        found.retry_after_s = retry_after_s(response.headers, time.time())
    return found


def retry_after_s(sent: Mapping[str, str], now: float) -> float:
    """Seconds that `Retry-After` asks for: a number or an HTTP date; 0.0 when it asks nothing."""
    value = sent.get("Retry-After", "").strip()
    if not value:
        return 0.0
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now)
    except ValueError:
        return 0.0


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
