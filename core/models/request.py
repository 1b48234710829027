"""What a model is asked, and what can be asked."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from core.models.chunks import Delta

Role = Literal["system", "user", "assistant"]


class ChatMessage(msgspec.Struct, frozen=True):
    """*images* are URLs (of kind `data:` too) that belong to *content*, *sounds* `data:` URLs.

    Without sounds nothing is said of them: what was answered before they were known is found.
    """

    role: Role
    content: str
    images: tuple[str, ...] = ()
    sounds: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


class ChatRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model is asked.

    *max_tokens* 0 leaves the length to the provider; *begun* is the beginning of the
    answer, said already, which the model goes on from; *scope* names who may be answered with
    what this request was answered (nobody, if empty); with *alone* no other model stands in;
    *clock* says what time it is, at the end of the instructions (it is no part of the question:
    what was answered a minute ago may be answered so again); *options* are what else the request
    says (`temperature`, `stop`), as OpenAI calls it.
    """

    messages: tuple[ChatMessage, ...]
    model: str = ""
    max_tokens: int = 0
    begun: str = ""
    scope: str = ""
    alone: bool = False
    options: dict[str, Any] = {}
    clock: str = ""


class Traits(NamedTuple):
    """What people may want to know of a model; zeros are not known.

    *window*: tokens that it reads at once; *first_s*, *speed*: seconds to its first word, and
    tokens a second from there.
    """

    window: int = 0
    blind: bool = False
    deaf: bool = False
    first_s: float = 0.0
    speed: float = 0.0


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

    def price_of(self, name: str) -> tuple[float, ...]:
        """Dollars for a million tokens of *name* (empty: the first) read, cached, written.

        Empty where nobody knows.
        """
        ...

    def ways(self, name: str) -> str:
        """What is known of how the model *name* (empty: the first) likes to be asked, in words."""
        ...

    def traits(self, name: str) -> Traits:
        """What is known of the model *name* (empty: the first) that people may care for."""
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

    def price_of(self, name: str) -> tuple[float, ...]:
        return self._model.price_of(name)

    def ways(self, name: str) -> str:
        return self._model.ways(name)

    def traits(self, name: str) -> Traits:
        return self._model.traits(name)


GO_ON = "(Go on exactly where your last message ends. Repeat nothing of it, and add no remark.)"
"""What asks for the rest of an answer where a model cannot be given its beginning."""


def in_turns(request: ChatRequest) -> tuple[str, list[tuple[Role, list[ChatMessage]]]]:
    """The system prompt apart, and what each side says in a row together, by its role.

    Strict templates want it so: the person speaks first, the sides take turns, nobody says
    nothing, and the person speaks last (unless what was `begun` will stand there).
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
        # There are instructions alone, and no question.
        return "", [("user", [ChatMessage("user", system or "?")])]
    if turns[-1][0] == "assistant" and not request.begun:
        turns.append(("user", [ChatMessage("user", GO_ON)]))
    return system, turns
