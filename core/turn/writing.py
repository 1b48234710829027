"""One call of a model, written into a generation."""

from collections.abc import Callable

from core.errors import ModelError, Refused
from core.models.chunks import (
    AnsweredBy,
    Blind,
    Cited,
    Finished,
    FromMemory,
    ReasoningDelta,
    Searched,
    SpentBefore,
    TextDelta,
    Usage,
    Withdrawn,
)
from core.models.context_window import tokens_of
from core.models.request import ChatRequest
from core.models.tool_calls import Calls
from core.telemetry import logger
from core.turn.generation import Generation
from core.turn.services import Services

log = logger(__name__)

ANSWER_CHARS = 100_000
"""No model means to say so much. A longer stream is taken for one that never ends."""
THOUGHT_CHARS = 400_000
"""The same for thinking."""


async def write(
    generation: Generation, services: Services, request: ChatRequest, on_text: Callable[[], None]
) -> None:
    """Let the model write into *generation* until the stream ends.

    A `ModelError` is not raised, but kept in `generation.error`. *on_text* is called whenever there
    is more to show.
    """
    log.info(
        "asked",
        model=request.model or services.model.model,
        messages=len(request.messages),
        characters=sum(len(message.content) for message in request.messages),
        pictures=sum(len(message.images) for message in request.messages),
        continued=bool(request.begun),
        prompt=request.messages[-1].content if services.settings.log_prompts else None,
    )
    generation.asked = tokens_of(request)
    generation.price = services.model.price_of(request.model)
    thoughts = services.settings.reasoning == "quote"
    try:
        async with services.model.stream(request) as deltas:
            async for delta in deltas:
                if type(delta) is TextDelta:  # Most are; a pattern takes four times as long.
                    _say(generation, delta.text)
                    on_text()
                    continue
                match delta:
                    case ReasoningDelta(text):
                        _think(generation, text, aloud=thoughts)
                        if thoughts:
                            on_text()
                    case AnsweredBy(name, price):
                        generation.model, generation.price = name, price
                    case FromMemory():
                        generation.free = True
                    case Withdrawn():
                        generation.withdraw()
                    case SpentBefore(spent):
                        generation.earlier, generation.usage = generation.earlier + spent, Usage()
                    case Usage():
                        generation.usage = delta
                    case Cited(sources):
                        generation.sources = sources
                    case Searched():
                        generation.searched = True
                    case Calls():
                        generation.calls = delta
                    case Blind():
                        generation.blind = True
                    case Finished(reason):
                        generation.ending = reason
        generation.end(request)
    except ModelError as error:
        generation.error = error
        generation.usage |= Usage.of(error)


def _say(generation: Generation, text: str) -> None:
    """Add *text*, which may be megabytes of one delta, up to the bound."""
    left = max(0, ANSWER_CHARS - generation.chars)
    generation.add(text[:left])
    if len(text) > left:
        raise Refused("the answer does not end", "endless")


def _think(generation: Generation, text: str, *, aloud: bool) -> None:
    left = max(0, THOUGHT_CHARS - generation.thought_chars)
    generation.think(text[:left], aloud=aloud)
    if len(text) > left:
        raise Refused("the thinking does not end", "endless")
