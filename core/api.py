"""`POST /api/ask`: one question from another program, without a chat and without a history.

The body is a prompt as in `core.models.batch`. With `"stream": true` the response is an event
stream: `{"text": …}` many times, then `{"done": true, "usage": …}` or `{"error": …}`. An event
`{"withdrawn": true}` takes all text before it back. The caller needs `API_TOKEN`. The question is
counted and logged like a turn of a chat.
"""

import asyncio
import hmac
import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress

import msgspec
from aiohttp import web

from core.errors import ModelError
from core.large_bodies import MOST_LARGE, SMALL_BYTES, give_back
from core.models.batch import Answer, Heard, Prompt, ask
from core.models.chunks import Source, TextDelta, Usage, Withdrawn
from core.models.context_window import tokens_of
from core.models.endings import judge
from core.models.request import Model
from core.models.tokens import estimate_tokens
from core.secret import redact
from core.semaphore import Weighted
from core.telemetry import Metrics, logger

log = logger(__name__)


LARGE_BYTES = 32 * 1024 * 1024
"""Of all larger prompts that are answered at once. Each takes about four times as much memory."""


class _Question(Prompt, frozen=True):
    stream: bool = False


class _Event(msgspec.Struct, frozen=True, omit_defaults=True):
    text: str = ""
    withdrawn: bool = False
    done: bool = False
    cut: str = ""
    usage: Usage | None = None
    cost_usd: float = 0.0
    sources: tuple[Source, ...] = ()
    error: str = ""


_decode = msgspec.json.Decoder(_Question).decode


def api_routes(
    model: Model, token: str, most_at_once: int, metrics: Metrics, price: Sequence[float] = ()
) -> Sequence[web.AbstractRouteDef]:
    """The routes. A caller must send *token*; *most_at_once* questions are answered at once.

    *price*: as in `Usage.cost_usd`, for a model that does not tell its own.
    """
    slots = asyncio.Semaphore(most_at_once)
    large = Weighted(LARGE_BYTES)

    async def handle(request: web.Request) -> web.StreamResponse:
        kind, _, sent = request.headers.get("Authorization", "").partition(" ")
        right = hmac.compare_digest(sent.encode(errors="replace"), token.encode())
        if kind.lower() != "bearer" or not right:
            return _json(Answer(error="a bearer token is needed, and this is not it"), 401)
        try:
            body = await request.read()
            question = _decode(body)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            return _json(Answer(error=f"this is no prompt: {error}"), 400)
        is_large = len(body) > SMALL_BYTES
        if slots.locked() or (is_large and large.waiting >= MOST_LARGE // 2):
            return _json(Answer(question.id, error="too many questions at once"), 429)
        async with slots, large.hold(len(body)) if is_large else nullcontext():
            # A model may think for half an hour. Meanwhile others send large bodies too, so only
            # half of the places may be kept by prompts that wait for room.
            await give_back(request)
            began = time.monotonic()
            if question.stream:
                response, answer = await _stream(request, model, question, price)
            else:
                response, answer = None, await ask(model, question, price)
            _record(metrics, model, question, answer, time.monotonic() - began)
        if response is not None:
            return response
        return _json(answer, 502 if answer.error else 200)

    return (web.post("/api/ask", handle),)


def _json(answer: Answer, status: int) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(answer), content_type="application/json", status=status
    )


async def _stream(
    request: web.Request, model: Model, question: Prompt, price: Sequence[float]
) -> tuple[web.StreamResponse | None, Answer]:
    """The answer, sent while it grows. None: it failed before the response began."""
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    )
    heard = Heard()
    error = ""
    try:
        async with model.stream(question.request) as deltas:
            await response.prepare(request)
            async for delta in deltas:
                heard.take(delta)
                if isinstance(delta, TextDelta):
                    await response.write(_line(_Event(text=delta.text)))
                elif isinstance(delta, Withdrawn):
                    await response.write(_line(_Event(withdrawn=True)))
        judge(heard.text, heard.ending, thought=heard.thought)
    except ModelError as failed:
        error = redact(str(failed))
        heard.fail(failed)
    except ConnectionError:
        # The caller went away. The text so far must still be paid for.
        error = "nobody listens any more"
    answer = heard.answer(question.id, error, heard.total, price)
    if not response.prepared:
        return None, answer
    last = _Event(
        done=not error,
        cut=answer.cut,
        usage=answer.usage,
        cost_usd=answer.cost_usd,
        sources=answer.sources,
        error=error,
    )
    with suppress(ConnectionError):
        await response.write(_line(last))
    return response, answer


def _record(
    metrics: Metrics, model: Model, question: Prompt, answer: Answer, took_s: float
) -> None:
    """Count and log the answer, as `core.turn.cost.record` does for a turn."""
    usage, name = answer.usage, answer.model or question.model or model.model
    if usage is None and answer.answer:
        usage = Usage(tokens_of(question.request), estimate_tokens(answer.answer))
    usage = usage or Usage()
    # A model name that a caller made up must not become a label.
    series = name if name in model.names else "other"
    for kind, tokens in (
        ("prompt", usage.prompt_tokens),
        ("cached", usage.cached_tokens),
        ("completion", usage.completion_tokens),
    ):
        metrics.tokens.labels(series, kind).inc(tokens)
    metrics.cost.labels(series).inc(answer.cost_usd)
    log.info(
        "answered",
        over="api",
        model=name,
        outcome="failed" if answer.error else "answered",
        cut=answer.cut or None,
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=usage.cached_tokens,
        completion_tokens=usage.completion_tokens,
        estimated=answer.usage is None,
        cost_usd=answer.cost_usd,
        duration_s=round(took_s, 3),
        reason=answer.error or None,
    )


def _line(event: _Event) -> bytes:
    return b"data: " + msgspec.json.encode(event) + b"\n\n"
