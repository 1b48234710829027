"""An answer on its way: what the model has said, in this try and in all of them."""

import time
from collections.abc import Callable, Sequence

from core.errors import ModelError, Refused
from core.models.chunks import (
    AnsweredBy,
    Finished,
    FromMemory,
    ReasoningDelta,
    TextDelta,
    Usage,
    Withdrawn,
)
from core.models.request import ChatRequest
from core.people.texts import Language, failure, say
from core.telemetry import logger
from core.turn.context import Context

log = logger(__name__)

ANSWER_CHARS = 100_000
"""What no model means to say: beyond it, the stream is taken for one without an end."""
THOUGHT_CHARS = 400_000
"""Of thinking that is quoted, likewise."""


class Draft:
    """An answer on its way: what the model has said in this try, and what it cost."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.begun = ""
        """What this try goes on from, said in an earlier one."""
        self.best = text
        """The longest that any try came to, which is what stands on the screen."""
        self.model = ""
        self.price: Sequence[float] = ()
        """Who answers, where several may."""
        self.free = False
        """Answered from memory."""
        self.thought = ""
        self._quote = ""
        self.usage = Usage()
        self.began = time.monotonic()
        self.first_token_s: float | None = None
        self.error: ModelError | None = None
        self.stopped = False

    @property
    def cut(self) -> bool:
        """Whether it is not whole."""
        return self.stopped or self.error is not None

    @property
    def outcome(self) -> str:
        return "stopped" if self.stopped else "failed" if self.error else "answered"

    def final(self, language: Language) -> str:
        """What stays on the screen, with one sentence where it is not whole."""
        if self.stopped:
            ending = say("stopped", language)
        elif self.error is not None:
            ending = failure(self.error, language)
        else:
            return self.shown_best
        return f"{self.shown_best}\n\n{ending}" if self.best else ending

    def begin_again(self, text: str) -> None:
        """Begin a try with *text*, which the model goes on from; may be empty."""
        self.text = self.begun = text
        self.thought = self._quote = ""
        self.error = None

    @property
    def shown(self) -> str:
        """What the screen shows of this try."""
        return self._quote + self.text

    @property
    def shown_best(self) -> str:
        return self._quote + self.best

    def withdraw(self) -> None:
        """Take back what was said, in all tries."""
        self.text = self.best = self.thought = self._quote = ""

    def think(self, text: str) -> None:
        """Show *text* of the model's thinking, as a quote above the answer."""
        self.thought += text
        lines = "\n> ".join(self.thought.strip().splitlines())
        self._quote = f"> 💭 {lines}\n\n" if lines else ""

    def add(self, text: str) -> None:
        if self.first_token_s is None:
            self.first_token_s = time.monotonic() - self.began
        self.text += text
        if len(self.text) > len(self.best):
            self.best = self.text


async def write(
    draft: Draft, context: Context, request: ChatRequest, told: Callable[[], None]
) -> None:
    """Let the model write into *draft* until its end, or the error that `draft.error` then is.

    *told* is called whenever there is more to show.
    """
    log.info(
        "asked",
        model=request.model or context.model.model,
        messages=len(request.messages),
        characters=sum(len(message.content) for message in request.messages),
        pictures=sum(len(message.images) for message in request.messages),
        continued=bool(request.begun),
        prompt=request.messages[-1].content if context.settings.log_prompts else None,
    )
    thoughts = context.settings.reasoning == "quote"
    try:
        async with context.model.stream(request) as deltas:
            async for delta in deltas:
                match delta:
                    case TextDelta(text):
                        draft.add(text)
                        if len(draft.text) > ANSWER_CHARS:
                            raise Refused("the answer does not end", "endless")
                        told()
                    case ReasoningDelta(text) if thoughts:
                        draft.think(text)
                        if len(draft.thought) > THOUGHT_CHARS:
                            raise Refused("the thinking does not end", "endless")
                        told()
                    case AnsweredBy(name, price):
                        draft.model, draft.price = name, price
                    case FromMemory():
                        draft.free = True
                    case Withdrawn():
                        draft.withdraw()
                    case Usage():
                        draft.usage = delta
                    case Finished("content_filter") if not draft.text:
                        raise Refused("the provider withheld the answer", "policy")
                    case _:
                        pass
        if not draft.text.strip():
            raise Refused("the model returned nothing", "empty")
        draft.best = draft.text
    except ModelError as error:
        draft.error = error
