"""The context window: how much a model reads at once. A longer request loses old history. Pure.

Before that, `core.turn.prompt` gives a question at most `HISTORY_TOKENS` of history.
"""

from functools import lru_cache

from msgspec.structs import replace

from core.models.request import ChatMessage, ChatRequest
from core.models.tokens import MESSAGE_TOKENS, PICTURE_TOKENS, estimate_tokens
from core.models.tool_calls import Round

OFFER_TOKENS = 40
"""About what the schema of a tool costs."""
LEFT_OUT = "[left out: this no longer fits]"
RESERVE = 4_096
"""If a request sets no length, so many tokens (or a quarter of the window) stay for the answer."""


def trimmed(request: ChatRequest, window: int, scale: float = 0.0) -> ChatRequest:
    """*request* without its oldest history, as far as needed to fit into *window* tokens.

    *scale*: how many of the model's tokens make one of our estimated ones; 0 if not known.
    """
    room = window - (request.max_tokens or min(window // 4, RESERVE))
    left = room / (scale or 1.0) - tokens_of(request)
    messages = list(request.messages)
    while left < 0 and (at := _oldest(messages)) is not None:
        left += _tokens(messages.pop(at))
    if left < 0 and request.rounds:
        request = replace(request, rounds=_shortened(request.rounds, left))
    if len(messages) == len(request.messages):
        return request
    # History must begin with a question. So an answer goes with its question.
    while (at := _oldest(messages)) is not None and messages[at].role == "assistant":
        del messages[at]
    return replace(request, messages=tuple(messages))


def tokens_of(request: ChatRequest) -> int:
    """About how many tokens *request* is."""
    called = sum(map(_round_tokens, request.rounds))
    offered = sum(_offered_tokens(one.description) for one in request.tools)
    return sum(map(_tokens, request.messages)) + estimate_tokens(request.begun) + called + offered


@lru_cache(maxsize=500)
def _offered_tokens(description: str) -> int:
    return OFFER_TOKENS + estimate_tokens(description)


def _round_tokens(one: Round) -> int:
    said = estimate_tokens(one.text) + sum(estimate_tokens(call.arguments) for call in one.calls)
    return said + sum(estimate_tokens(output.text) + 2 * MESSAGE_TOKENS for output in one.outputs)


def _shortened(rounds: tuple[Round, ...], left: float) -> tuple[Round, ...]:
    """*rounds* with the oldest outputs left out until the request fits. The newest stays."""
    kept = list(rounds)
    for number, one in enumerate(kept[:-1]):
        if left >= 0:
            break
        left += sum(estimate_tokens(output.text) for output in one.outputs)
        outputs = tuple(replace(output, text=LEFT_OUT) for output in one.outputs)
        kept[number] = replace(one, outputs=outputs)
    return tuple(kept)


def _tokens(message: ChatMessage) -> int:
    pictures = PICTURE_TOKENS * len(message.images)
    return estimate_tokens(message.content) + MESSAGE_TOKENS + pictures


def _oldest(messages: list[ChatMessage]) -> int | None:
    """The index of the oldest message of the history; None if there is no history."""
    found = (at for at, one in enumerate(messages[:-1]) if one.role != "system")
    return next(found, None)
