"""Decides what may be asked and answered: the operator's filter, and a provider's moderation."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
from msgspec.structs import replace

from core.errors import Overloaded, Refused
from core.models.chunks import Delta, Finished, ReasoningDelta, TextDelta, Withdrawn
from core.models.filter import Filter, Passed, Screening
from core.models.providers import Endpoint
from core.models.refusals import read_error
from core.models.request import Around, ChatMessage, ChatRequest, Model
from core.models.tool_calls import Round
from core.net.bounded_body import read_up_to

VERDICT_S = 20.0
VERDICT_BYTES = 1_000_000
LONG_CHARS = 20_000
FREE = ("response_format", "stop")
"""Options in which a program may tell the model anything, such as in the words of a schema."""
LEFT_OUT = "[left out]"
"""Replaces an earlier message that may not be sent. Many models refuse an empty one."""


class _Result(msgspec.Struct):
    flagged: bool = False


class _Verdict(msgspec.Struct):
    results: list[_Result] = []
    error: Any = None


class Moderation:
    """An API that says which texts its rules forbid. Source: OpenAI's `/v1/moderations`."""

    def __init__(self, session: aiohttp.ClientSession, endpoint: Endpoint) -> None:
        self._session = session
        self._endpoint = endpoint

    async def forbids(self, text: str) -> bool:
        """Whether the rules forbid *text*. Raises `Overloaded` or `Refused` without a verdict."""
        try:
            url = f"{self._endpoint.base_url}/moderations"
            async with self._session.post(
                url,
                json={"model": self._endpoint.model, "input": text},
                headers=self._endpoint.headers_to(url),
                timeout=aiohttp.ClientTimeout(total=VERDICT_S, sock_connect=10),
                allow_redirects=False,
            ) as response:
                raw, status = await read_up_to(response.content, VERDICT_BYTES), response.status
            verdict = msgspec.json.decode(raw, type=_Verdict)
        except (aiohttp.ClientError, TimeoutError) as error:
            text = f"the moderation API cannot be reached ({type(error).__name__})"
            raise Overloaded(text) from error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise read_error(None, status) from error
        if verdict.error or status >= 400 or not verdict.results:
            raise read_error(verdict.error, status)
        return any(result.flagged for result in verdict.results)


class Guard:
    """Checks questions and answers. A text without a verdict does not pass."""

    def __init__(
        self,
        questions: Filter | None = None,
        answers: Filter | None = None,
        moderation: Moderation | None = None,
        trusted: Sequence[str] = (),
    ) -> None:
        # The operator's own instructions may contain forbidden words.
        self._trusted = [text for text in trusted if text.strip()]
        self._questions = questions or Filter(())
        self._answers = answers or Filter(())
        self._moderation = moderation

    def become(self, other: "Guard") -> None:
        """Decide as *other* does from now on."""
        vars(self).update(vars(other))

    async def question(self, text: str) -> str:
        """*text* in the form in which it may be asked.

        Raises:
            Refused: it may not be asked.
            Overloaded: there was no verdict.
        """
        passed = await self._look(text)
        if passed.ended:
            raise Refused("the filter stops the question", "filter")
        if self._moderation is not None and await self._moderation.forbids(text):
            raise Refused("the moderation stops the question", "filter")
        return passed.text

    async def instructions(self, text: str) -> str:
        """Instructions for the model, in the form in which they may be sent.

        People write parts of them too, so they are checked.

        Raises:
            Refused: they may not be sent.
        """
        apart = text
        for own in self._trusted:
            apart = apart.replace(own, "\n")
        passed = await self._look(apart)
        if passed.ended:
            raise Refused("the filter stops what the model is told", "filter")
        return text if passed.text == apart else passed.text

    async def options(self, options: Mapping[str, Any]) -> None:
        """Raises as `question`, also for a term that would be blacked out in a text."""
        text = "\n".join(one for name in FREE for one in _texts(options.get(name)))
        if text and await self.question(text) != text:
            raise Refused("the filter stops the options", "filter")

    async def before(self, text: str) -> str:
        """*text*, an earlier message, in the form in which it may be sent along."""
        passed = await self._look(text)
        return LEFT_OUT if passed.ended else passed.text

    async def _look(self, text: str) -> Passed:
        # The operator's patterns may be slow, so they run in a thread beside the loop.
        if self._questions.has_patterns or len(text) > LONG_CHARS:
            return await asyncio.to_thread(self._questions.screen, text)
        return self._questions.screen(text)

    def answer(self, begun: str = "") -> Screening:
        """The screening of an answer, or of thinking, that continues *begun*."""
        return Screening(self._answers, begun)

    @property
    def looks_at_answers(self) -> bool:
        return bool(self._answers) or self._moderation is not None

    async def allows(self, answer: str) -> bool:
        """Whether a whole *answer* may stay."""
        return self._moderation is None or not await self._moderation.forbids(answer)


class GuardedModel(Around):
    """*model* behind *guard*. It raises the errors of *model*, and `Refused` for forbidden text."""

    def __init__(self, model: Model, guard: Guard) -> None:
        super().__init__(model)
        self._guard = guard

    def become(self, model: Model) -> None:
        """Ask *model* from now on. Answers under way go on."""
        self._model = model

    @asynccontextmanager
    async def stream(self, request: ChatRequest) -> AsyncIterator[AsyncIterator[Delta]]:
        """As `ChatClient.stream`."""
        *before, last = request.messages
        # In later rounds the question has passed already.
        look = self._guard.before if request.rounds else self._guard.question
        asked = replace(last, content=await look(last.content))
        messages = (*[await self._before(message) for message in before], asked)
        rounds = tuple([await self._round(one) for one in request.rounds])
        await self._guard.options(request.options)
        passed = replace(request, messages=messages, rounds=rounds)
        async with self._model.stream(passed) as deltas:
            looks = self._guard.looks_at_answers
            yield self._screened(deltas, request.begun) if looks else deltas

    async def _round(self, one: Round) -> Round:
        """*one* with what its tools brought back in the form in which it may be sent."""
        passed = [
            replace(output, text=await self._guard.before(output.text)) for output in one.outputs
        ]
        return replace(one, outputs=tuple(passed))

    async def _before(self, message: ChatMessage) -> ChatMessage:
        look = self._guard.instructions if message.role == "system" else self._guard.before
        return replace(message, content=await look(message.content))

    async def _screened(self, deltas: AsyncIterator[Delta], begun: str) -> AsyncIterator[Delta]:
        answer, thoughts = self._guard.answer(begun), self._guard.answer()
        said = begun
        async for delta in deltas:
            match delta:
                case TextDelta(text):
                    passed = answer.take(text)
                case ReasoningDelta(text):
                    passed = thoughts.take(text)
                case Finished():
                    passed = answer.take("", last=True)
                case Withdrawn():
                    answer, said = self._guard.answer(), ""
                    yield delta
                    continue
                case _:
                    yield delta
                    continue
            if passed.ended == "refuse":
                yield Withdrawn()
            elif passed.text and isinstance(delta, ReasoningDelta):
                yield ReasoningDelta(passed.text)
            elif passed.text:
                said += passed.text
                yield delta if passed.text is getattr(delta, "text", "") else TextDelta(passed.text)
            if passed.ended:
                raise Refused("the filter ends the answer", "filter")
            if isinstance(delta, Finished):
                if not await self._guard.allows(said):
                    yield Withdrawn()
                    raise Refused("the moderation takes the answer back", "filter")
                yield delta


def _texts(value: object) -> Iterator[str]:
    """All texts in *value*, and all names."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _texts(name)
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
