"""The context window: what a model reads at once. What is too much for it loses history here. Pure.

How much history a question gets before that is `HISTORY_TOKENS`, which `core.turn.prompt` keeps.
"""

from msgspec.structs import replace

from core.models.request import ChatMessage, ChatRequest
from core.models.tokens import MESSAGE_TOKENS, PICTURE_TOKENS, estimate_tokens

RESERVE = 4_096
"""Of a window, so many tokens (or a quarter of it) are left for an answer of any length."""


def trimmed(request: ChatRequest, window: int, scale: float = 0.0) -> ChatRequest:
    """*request*, without as much of its oldest history as does not fit into *window* tokens.

    *scale*: how many of the model's tokens are one of our estimate; 0: nobody knows.
    """
    room = window - (request.max_tokens or min(window // 4, RESERVE))
    left = room / (scale or 1.0) - tokens_of(request)
    messages = list(request.messages)
    while left < 0 and (at := _oldest(messages)) is not None:
        left += _tokens(messages.pop(at))
    if len(messages) == len(request.messages):
        return request
    # History begins with a question: an answer whose question went goes too.
    while (at := _oldest(messages)) is not None and messages[at].role == "assistant":
        del messages[at]
    return replace(request, messages=tuple(messages))


def tokens_of(request: ChatRequest) -> int:
    """About how many tokens *request* is."""
    return sum(map(_tokens, request.messages)) + estimate_tokens(request.begun)


def _tokens(message: ChatMessage) -> int:
    pictures = PICTURE_TOKENS * len(message.images)
    return estimate_tokens(message.content) + MESSAGE_TOKENS + pictures


def _oldest(messages: list[ChatMessage]) -> int | None:
    """Where the oldest history of *messages* stands."""
    found = (at for at, one in enumerate(messages[:-1]) if one.role != "system")
    return next(found, None)
