"""The request to a model, and the port `Model` that answers it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from core.models.chunks import Delta
from core.models.tool_calls import Round, ToolOffer

Role = Literal["system", "user", "assistant"]


class ChatMessage(msgspec.Struct, frozen=True):
    """One message. *images* are URLs, also `data:` URLs. *sounds* are `data:` URLs.

    Empty *sounds* are not encoded, so cached answers from before the field existed are still found.
    """

    role: Role
    content: str
    images: tuple[str, ...] = ()
    sounds: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


class ChatRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model is asked.

    Attributes:
        max_tokens: the longest answer; 0 leaves it to the provider.
        begun: the beginning of the answer, which is shown already. The model continues it.
        scope: who may get the same answer from the cache; empty for nobody.
        alone: whether no other model may answer instead.
        clock: the time, at the end of the instructions. It is not part of the cache's key, so an
            answer of a minute ago can be used again.
        options: other fields of the request (`temperature`, `stop`), by OpenAI's names.
        tools: what the model may call.
        rounds: what it has called since the last message, and what came of that.
        closing: it may call nothing more, and must answer with what it has.
        searches: it may search the web by itself, if its provider lets it.
    """

    messages: tuple[ChatMessage, ...]
    model: str = ""
    max_tokens: int = 0
    begun: str = ""
    scope: str = ""
    alone: bool = False
    options: dict[str, Any] = {}
    clock: str = ""
    tools: tuple[ToolOffer, ...] = ()
    rounds: tuple[Round, ...] = ()
    closing: bool = False
    searches: bool = False


class Traits(NamedTuple):
    """What people may want to know about a model. A zero means not known.

    *window*: how many tokens it reads at once. *first_s*: seconds to its first word. *speed*:
    tokens a second after that.
    """

    window: int = 0
    blind: bool = False
    deaf: bool = False
    first_s: float = 0.0
    speed: float = 0.0


class Model(Protocol):
    """Streams answers."""

    @property
    def model(self) -> str:
        """The model that answers unless the request names another."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """The models that a request may name. There may be more."""
        ...

    @property
    def continues(self) -> bool:
        """Whether a request may have a `begun` answer."""
        ...

    def price_of(self, name: str) -> tuple[float, ...]:
        """Dollars for a million tokens of *name*: read, cached, written. Empty if not known.

        An empty *name* means the first model.
        """
        ...

    def ways(self, name: str) -> str:
        """How the model *name* (empty: the first) must be asked, as far as known, in words."""
        ...

    def traits(self, name: str) -> Traits:
        """The traits of the model *name* (empty: the first), as far as known."""
        ...

    def stream(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[Delta]]:
        """As `core.models.client.ChatClient.stream`."""
        ...


class Around:
    """Base for a model that wraps another one. It passes everything on."""

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

    def price_of(self, name: str) -> tuple[float, ...]:
        return self._model.price_of(name)

    def ways(self, name: str) -> str:
        return self._model.ways(name)

    def traits(self, name: str) -> Traits:
        return self._model.traits(name)


GO_ON = "(Go on exactly where your last message ends. Repeat nothing of it, and add no remark.)"
"""Asks for the rest of an answer, if the model cannot be given the beginning of it."""


def in_turns(request: ChatRequest) -> tuple[str, list[tuple[Role, list[ChatMessage]]]]:
    """The system prompt, and the other messages; those of one role in a row are together.

    Strict templates want this: the person speaks first, the roles alternate, no message is empty,
    and the person speaks last (unless the `begun` answer follows).
    """
    messages = request.messages
    told = [one.content for one in messages if one.role == "system"]
    system = "\n\n".join(filter(None, [*told, request.clock]))
    turns: list[tuple[Role, list[ChatMessage]]] = []
    for message in messages:
        if message.role == "system" or not (
            message.content.strip() or message.images or message.sounds
        ):
            continue
        if turns and turns[-1][0] == message.role:
            turns[-1][1].append(message)
        elif turns or message.role == "user":
            turns.append((message.role, [message]))
    if not turns:
        # There are only instructions, and no question.
        return "", [("user", [ChatMessage("user", system or "?")])]
    if turns[-1][0] == "assistant" and not request.begun:
        turns.append(("user", [ChatMessage("user", GO_ON)]))
    return system, turns
