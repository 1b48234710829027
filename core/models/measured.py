"""Measures the calls of a model: how they end, how long they take, what they cost."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from core.errors import Interrupted, ModelError, Overloaded, Refused
from core.models.chunks import Delta, Finished, ReasoningDelta, SpentBefore, TextDelta, Usage
from core.models.learned import Lessons
from core.models.prices import cost_of, price_of
from core.models.providers import Endpoint
from core.models.request import Around, ChatRequest, Model
from core.telemetry import Metrics
from core.tracing import Span, Tracer, provider_of

ENOUGH_TOKENS = 20
OTHER = "other"
"""The label for unknown model names: a name that a person made up gets no series of its own."""


@dataclass
class _Call:
    """What is known of one call so far."""

    began: float
    first_word_s: float | None = None
    usage: Usage | None = None
    spent: Usage = field(default_factory=Usage)
    """What its earlier tries cost."""
    reason: str = ""
    text: str = ""


class MeasuredModel(Around):
    """*model*, whose calls are counted by endpoint and model, priced, and reported to *tracer*.

    *price* is set by the operator. It is used before the provider's bill and the list of prices.
    """

    def __init__(
        self,
        model: Model,
        endpoint: Endpoint,
        metrics: Metrics,
        tracer: Tracer,
        price: tuple[float, ...] = (),
        lessons: Lessons | None = None,
    ) -> None:
        super().__init__(model)
        self._lessons = lessons or Lessons()
        self._endpoint = endpoint
        self._price = price
        self._host = urlsplit(endpoint.base_url).hostname or ""
        self._metrics = metrics
        self._tracer = tracer

    @asynccontextmanager
    async def stream(self, request: ChatRequest) -> AsyncIterator[AsyncIterator[Delta]]:
        """As `ChatClient.stream`."""
        asked = request.model or self.model
        call, status = _Call(time.monotonic()), "ok"
        with self._tracer.span(f"chat {asked}", self._attributes(asked, request)) as span:
            try:
                async with self._model.stream(request) as deltas:
                    yield self._seen(call, deltas, asked)
                await self._learn(call, asked)
            except ModelError as error:
                status = status_of(error)
                if call.usage is None and error.billed:
                    call.usage = self._billed(Usage.of(error), asked)
                    call.usage.told_by(error)
                span.failed(error)
                raise
            except BaseException:
                status = "stopped"
                raise
            finally:
                self._record(call, status, asked, span)

    def price_of(self, name: str) -> tuple[float, ...]:
        return self._price or price_of(self._endpoint, name or self.model)

    async def _seen(
        self, call: _Call, deltas: AsyncIterator[Delta], asked: str
    ) -> AsyncIterator[Delta]:
        content, begun = self._tracer.content, False
        async for delta in deltas:
            if begun and not content and type(delta) is TextDelta:
                pass  # Nearly all are such pieces.
            elif isinstance(delta, TextDelta | ReasoningDelta):
                if not begun:
                    begun, call.first_word_s = True, time.monotonic() - call.began
                if content and isinstance(delta, TextDelta):
                    call.text += delta.text
            elif isinstance(delta, Usage):
                call.usage = self._billed(delta, asked)
                yield call.usage
                continue
            elif isinstance(delta, SpentBefore):
                spent = self._billed(delta.usage, asked)
                call.spent, call.usage = call.spent + spent, None
                yield SpentBefore(spent)
                continue
            elif isinstance(delta, Finished):
                call.reason = delta.reason
            yield delta

    async def _learn(self, call: _Call, asked: str) -> None:
        """Learn how fast the model is, if the answer is whole and long enough."""
        if call.first_word_s is None or call.usage is None or not call.reason:
            return
        writing_s = time.monotonic() - call.began - call.first_word_s
        if call.usage.completion_tokens >= ENOUGH_TOKENS and writing_s > 0:
            speed = call.usage.completion_tokens / writing_s
            await self._lessons.pace(self._endpoint, asked, call.first_word_s, speed)

    def _billed(self, usage: Usage, asked: str) -> Usage:
        """*usage* with its cost. The usage of a model with another price may be added to it."""
        if self._price:
            cost: float | None = replace(usage, billed_usd=0.0).cost_usd(self._price)
        else:
            cost = usage.billed_usd or cost_of(self._endpoint, asked, usage)
        return replace(usage, billed_usd=cost or 0.0)

    def _record(self, call: _Call, status: str, asked: str, span: Span) -> None:
        metrics, usage = self._metrics, call.spent + (call.usage or Usage())
        where = self._host, asked if asked in self.names else OTHER
        took_s = time.monotonic() - call.began
        metrics.model_calls.labels(*where, status).inc()
        metrics.model_seconds.labels(*where).observe(took_s)
        if call.first_word_s is not None:
            metrics.model_first_word.labels(*where).observe(call.first_word_s)
        for direction, tokens in (
            ("prompt", usage.prompt_tokens),
            ("cached", usage.cached_tokens),
            ("completion", usage.completion_tokens),
        ):
            metrics.model_tokens.labels(*where, direction).inc(tokens)
        span.note(
            {
                "gen_ai.response.finish_reasons": [call.reason or status],
                "gen_ai.usage.input_tokens": usage.prompt_tokens,
                "gen_ai.usage.output_tokens": usage.completion_tokens,
                "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
                "gen_ai.response.time_to_first_chunk": call.first_word_s or took_s,
            }
        )
        if self._tracer.content:
            said = [{"role": "assistant", "parts": [{"type": "text", "content": call.text}]}]
            span.note({"gen_ai.output.messages": json.dumps(said, ensure_ascii=False)})

    def _attributes(self, asked: str, request: ChatRequest) -> dict[str, str | int | bool]:
        attributes: dict[str, str | int | bool] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider_of(self._host),
            "gen_ai.request.model": asked,
            "gen_ai.request.stream": True,
            "server.address": self._host,
        }
        if request.max_tokens:
            attributes["gen_ai.request.max_tokens"] = request.max_tokens
        if self._tracer.content:
            told = [
                {"role": one.role, "parts": [{"type": "text", "content": one.content}]}
                for one in request.messages
            ]
            attributes["gen_ai.input.messages"] = msgspec.json.encode(told).decode()
        return attributes


def status_of(error: ModelError) -> str:
    """A word for how the call ended that failed with *error*."""
    if isinstance(error, Refused):
        return f"refused: {error.reason}"
    if isinstance(error, Overloaded):
        return "busy"
    return "broken" if isinstance(error, Interrupted) else "failed"
