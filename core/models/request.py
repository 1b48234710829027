"""What a model is asked, and what can be asked."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol

import msgspec

from core.models.chunks import Delta


class ChatMessage(msgspec.Struct, frozen=True):
    """*images* are URLs (of kind `data:` too) that belong to *content*."""

    role: Literal["system", "user", "assistant"]
    content: str
    images: tuple[str, ...] = ()


class ChatRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model is asked.

    *max_tokens* 0 leaves the length to the provider; *begun* is the beginning of the
    answer, said already, which the model goes on from; *scope* names who may be answered with
    what this request was answered (nobody, if empty); with *alone* no other model stands in.
    """

    messages: tuple[ChatMessage, ...]
    model: str = ""
    max_tokens: int = 0
    begun: str = ""
    scope: str = ""
    alone: bool = False


class Model(Protocol):
    """Whatever streams an answer."""

    @property
    def model(self) -> str:
        """The model that answers unless the request names another."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """The models that a request may name; there may be others."""
        ...

    @property
    def continues(self) -> bool:
        """Whether a request may say how its answer has `begun`."""
        ...

    def stream(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[Delta]]:
        """As `core.models.client.ChatClient.stream`."""
        ...


class Around:
    """What is the same of a model and of one around it."""

    def __init__(self, model: Model) -> None:
        self._model = model

    @property
    def model(self) -> str:
        return self._model.model

    @property
    def names(self) -> Sequence[str]:
        return self._model.names

    @property
    def continues(self) -> bool:
        return self._model.continues


def in_turns(
    messages: Sequence[ChatMessage],
) -> tuple[str, list[tuple[str, list[ChatMessage]]]]:
    """The system prompt apart, and what each side says in a row together, by its role."""
    system = "\n\n".join(one.content for one in messages if one.role == "system")
    turns: list[tuple[str, list[ChatMessage]]] = []
    for message in messages:
        if message.role == "system":
            continue
        if turns and turns[-1][0] == message.role:
            turns[-1][1].append(message)
        else:
            turns.append((message.role, [message]))
    return system, turns
