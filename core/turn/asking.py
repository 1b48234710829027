"""The request of an answer: which model is asked what, and who may share the answer."""

from collections.abc import Sequence

from msgspec.structs import replace

from core.models.request import ChatMessage, ChatRequest
from core.people.roles import tenant_of
from core.turn.context import TurnContext
from core.turn.generation import Generation
from core.turn.prompt import clock


def request_of(
    context: TurnContext, question: str, messages: tuple[ChatMessage, ...], *, alone: bool
) -> ChatRequest:
    """*alone*: nothing but the question decides the answer, so others may get it from memory."""
    return ChatRequest(
        messages=messages,
        model=context.choices.model or _small(context, messages, question),
        options=context.choices.options,
        max_tokens=context.services.settings.max_tokens,
        clock=clock(context.choices.now),
        scope=_scope(context) if alone else "",
    )


def _small(context: TurnContext, messages: Sequence[ChatMessage], question: str) -> str:
    """The small model, if the operator wants it for a short first question; else empty."""
    settings = context.services.settings
    first = sum(message.role != "system" for message in messages) == 1
    seen = any(message.images for message in messages)
    small = first and not seen and len(question) <= settings.small_question_chars
    return settings.small_model if small else ""


def _scope(context: TurnContext) -> str:
    """Who may get this answer from the response cache; empty: nobody."""
    memory = context.services.settings.llm_memory
    if memory == "shared":
        return tenant_of(context.claim.conversation)
    if memory == "all" or (memory == "private" and context.first.private):
        return context.claim.conversation
    return ""


def going_on(request: ChatRequest, generation: Generation, *, continues: bool) -> ChatRequest:
    """*request*, with the part of the answer that is there already."""
    if continues:
        return replace(request, begun=generation.before + generation.begun)
    if not generation.before:
        return request
    # A model that cannot take a begun answer is told to go on (`core.models.request.GO_ON`).
    return replace(
        request, messages=(*request.messages, ChatMessage("assistant", generation.before))
    )
