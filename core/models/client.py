"""The client of OpenAI-compatible chat APIs, on one pooled aiohttp session.

A call is retried only until its first visible delta. After that the person has read something,
and the caller decides what to do.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec
from msgspec.structs import replace

from core.errors import Interrupted, ModelError, Overloaded, Refused
from core.models import qianfan
from core.models.chunks import Blind, Delta, Finished, ReasoningDelta, SpentBefore, TextDelta, Usage
from core.models.fitting import fitted, reader_of, with_extra
from core.models.learned import Lessons
from core.models.lessons import lesson_of
from core.models.picture_links import PictureLinks
from core.models.providers import Endpoint, continues_with
from core.models.refusals import http_error
from core.models.request import ChatRequest, Traits
from core.models.retrying import TRIES, StillAtIt, retrying
from core.models.shapes import SHAPES, Shape
from core.models.stream import Silent, Stream
from core.models.thinking import LAST, ThinkSplitter
from core.models.unread import answer_in, meant_in, with_calls
from core.models.ways import Ways, sees
from core.telemetry import logger

log = logger(__name__)

LESSONS = 8
"""How many things a model may teach us during one question, each by a refusal."""
LAST_WORDS_S = 5.0


@dataclass(eq=False)
class _Call:
    """One question under way: the request, the *ways* in which it is asked, *until* when."""

    request: ChatRequest
    ways: Ways
    until: float
    after: str = ""
    spent: Usage = field(default_factory=Usage)
    """What the tries before this one cost."""
    told: Usage = field(default_factory=Usage)
    """The cost that this try has reported so far."""
    stream: Stream = field(init=False)


class ChatClient:
    """Streams answers of one endpoint.

    Raises (when entering the stream): `Overloaded` after the last try,
    `Refused`. While iterating: `Interrupted`, `Overloaded`, `Refused`.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        endpoint: Endpoint,
        lessons: Lessons | None = None,
        tries: int = TRIES,
        links: PictureLinks | None = None,
    ) -> None:
        self._links = links
        self._tries = tries
        self._session = session
        self._endpoint = endpoint
        self._lessons = lessons or Lessons()
        self._token = (
            qianfan.AccessToken(session, endpoint) if endpoint.provider.shape == "qianfan" else None
        )

    @property
    def model(self) -> str:
        return self._endpoint.model

    @property
    def names(self) -> Sequence[str]:
        return (self.model,)

    @property
    def continues(self) -> bool:
        way = continues_with(self._endpoint.provider, self.model)
        known = self._lessons.known(self._endpoint, self.model)
        return way not in ("no", "event_id") and known.prefill is not False

    def price_of(self, name: str) -> tuple[float, ...]:
        return ()

    def _shape(self, ways: Ways) -> Shape:
        return SHAPES[ways.shape or self._endpoint.provider.shape]

    def ways(self, name: str) -> str:
        return str(self._lessons.known(self._endpoint, name or self.model))

    def traits(self, name: str) -> Traits:
        return self._lessons.known(self._endpoint, name or self.model).traits

    @asynccontextmanager
    async def stream(self, request: ChatRequest) -> AsyncIterator[AsyncIterator[Delta]]:
        """Ask, and yield the answer's deltas. The last is `Finished`. The call closes on exit."""
        async with AsyncExitStack() as stack:
            until = asyncio.get_running_loop().time() + self._endpoint.deadlines.whole
            try:
                call, news = await self._taught(stack, request, until)
                deltas = self._all(call, stack, news)
            except Refused as error:
                deltas = answer_in(error, request)
            yield with_calls(deltas, request)

    async def _taught(
        self, stack: AsyncExitStack, request: ChatRequest, until: float
    ) -> tuple[_Call, Sequence[Delta]]:
        """Ask in the known ways of the model. If its refusal teaches a new way, ask again.

        Return the call, and deltas that tell the person what was changed.
        """
        model = request.model or self.model
        request = replace(request, options={**self._endpoint.options, **request.options})
        known = ways = await self._lessons.recall(self._endpoint, model)
        news: list[Delta] = []
        doubtful: set[str] = set()
        spent = Usage()
        for lessons_left in reversed(range(LESSONS)):
            call = _Call(await self._fit(request, ways), ways, until, spent=spent)
            try:
                await self._asked(stack, call)
                break
            except Refused as error:
                if meant_in(error, request):
                    raise  # Only its server could not read the answer.
                spent = Usage.of(error)
                linked = None if self._links is None else bool(ways.links)
                body, needed = self._body(call), self._shape(ways).needed
                lesson = lesson_of(error, call.request, body, ways, needed, linked=linked)
                if lesson is None or not lessons_left:
                    raise
                taught = lesson.ways.under(self._endpoint.ways)
                if lesson.ways.links is False:
                    # It cannot fetch the picture, so send the bytes, whatever the operator set.
                    taught = replace(taught, links=False)
                if taught == ways:
                    raise  # The operator's settings do not allow the new way.
                if lesson.ways.prefill is False and request.begun:
                    await self._lessons.keep(self._endpoint, model, lesson.ways)
                    raise  # The beginning is on the screen, so the caller must decide.
                if lesson.ways.pictures is False and sees(call.request):
                    news = [Blind()]
                doubtful |= lesson.doubtful(ways)
                ways = taught
        # A doubtful lesson is used for this question only.
        ways = replace(ways, **{name: getattr(known, name) for name in doubtful})
        if ways != known:
            await self._lessons.keep(self._endpoint, model, ways)
        return call, news

    async def _fit(self, request: ChatRequest, ways: Ways) -> ChatRequest:
        shape = self._shape(ways)
        fitting = fitted(request, ways, shape, self._by(request, ways))
        return await self._links.linked(fitting) if self._links and ways.links else fitting

    def _by(self, request: ChatRequest, ways: Ways) -> str:
        return reader_of(self._endpoint, request.model or self.model, ways.shape)

    async def _asked(self, stack: AsyncExitStack, call: _Call) -> None:
        """Ask until a first delta comes. If `call.after` is set, go on after that event."""
        async for attempt in retrying(self._tries):
            with attempt:
                response = AsyncExitStack()
                call.spent, call.told = call.spent + call.told, Usage()
                try:
                    call.stream = await self._open(response, call)
                except BaseException as error:
                    await response.aclose()
                    if isinstance(error, ModelError):
                        (call.spent + call.told).told_by(error)
                    raise
                stack.push_async_exit(response)

    async def _open(self, closing: AsyncExitStack, call: _Call) -> Stream:
        """Send the request and wait for the first delta that a person can see."""
        deadlines = self._endpoint.deadlines
        # A model that does not stream sends nothing before its end.
        first = deadlines.whole if call.ways.stream is False else deadlines.first
        try:
            async with asyncio.timeout(first):
                response = await closing.enter_async_context(await self._post(call))
                if response.status >= 400:
                    raise await http_error(response)
            by = self._by(call.request, call.ways) if call.request.tools else ""
            stream = Stream(response, self._shape(call.ways).reader(), by, self._session)
            closing.callback(stream.close)
            stream.watch(first, call.until)
            seen: list[Delta] = []
            while (some := await stream.next()) is not None:
                seen += some
                call.told = next((d for d in reversed(some) if isinstance(d, Usage)), call.told)
                if any(isinstance(d, TextDelta | ReasoningDelta | Finished) for d in some):
                    stream.keep(seen)
                    return stream
            raise stream.unsaid or Overloaded("the model's stream ended before it began")
        except (TimeoutError, Silent) as error:
            raise StillAtIt("the model did not begin to answer in time") from error
        except ValueError as error:
            # The address or a header cannot be sent.
            raise Refused(f"the model cannot be asked ({type(error).__name__})") from error
        except aiohttp.ClientError as error:
            raise Overloaded(f"the model cannot be reached ({type(error).__name__})") from error
        except Interrupted as error:
            raise Overloaded(str(error)) from error
        except Refused as error:
            if error.reason != "key" or self._token is None or not self._token.forget():
                raise
            raise Overloaded("the access token is spent") from error

    def _body(self, call: _Call) -> dict[str, object]:
        shape, endpoint = self._shape(call.ways), self._endpoint
        asked = with_extra(shape.body(endpoint, call.request, call.ways), endpoint.extra)
        return call.ways.applied(asked, shape.needed)

    async def _post(self, call: _Call) -> Any:
        endpoint = self._endpoint
        token = {"access_token": await self._token.get()} if self._token is not None else None
        url = self._shape(call.ways).url(endpoint, call.request)
        return await self._session.post(
            url,
            params=token,
            data=msgspec.json.encode(self._body(call)),
            headers=endpoint.headers_to(url)
            | {"Content-Type": "application/json", "Accept": "text/event-stream"}
            | ({"Last-Event-ID": call.after} if call.after else {}),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=endpoint.deadlines.connect),
            # A redirect could carry the key to another host.
            allow_redirects=False,
        )

    async def _all(
        self, call: _Call, stack: AsyncExitStack, news: Sequence[Delta]
    ) -> AsyncIterator[Delta]:
        for delta in news:
            yield delta
        for spent in _told_of(call):
            yield spent
        thinking, finished, times = ThinkSplitter(begun=bool(call.request.begun)), False, 0
        silence, say, (gt, br, tr) = self._endpoint.deadlines.silence, thinking.say, LAST
        while True:
            stream = call.stream
            stream.watch(silence, call.until)
            try:
                while (some := await stream.next()) is not None:
                    for delta in some:
                        if type(delta) is TextDelta:
                            text = delta.text
                            if thinking.flows and not (gt in text or br in text or tr in text):
                                say(text)
                                yield delta
                                continue
                        elif isinstance(delta, Usage):
                            call.told = delta
                            yield delta
                            continue
                        elif isinstance(delta, Finished):
                            if finished:
                                continue  # `[DONE]` after a finish reason says nothing new.
                            finished = True
                            # Its usage may still come. Wait for it only a short time.
                            stream.watch(min(LAST_WORDS_S, silence), call.until)
                        for part in thinking.told(delta):
                            yield part
                if not finished:
                    raise Interrupted("the model's stream ended without an end")
                return
            except ModelError as error:
                if finished:
                    return  # The answer is whole, whatever error follows.
                call.after, times = stream.last_id, times + 1
                resumes = self._endpoint.provider.continues == "event_id"
                broken = isinstance(error, Interrupted)
                if not (broken and resumes and call.after and times < TRIES):
                    for part in thinking.rest():
                        yield part
                    raise
                log.warning("stream resumed", after=call.after, reason=str(error))
                await self._asked(stack, call)
                for spent in _told_of(call):
                    yield spent


def _told_of(call: _Call) -> Sequence[SpentBefore]:
    """What its earlier tries cost, once."""
    spent, call.spent = call.spent, Usage()
    return (SpentBefore(spent),) if spent != Usage() else ()
