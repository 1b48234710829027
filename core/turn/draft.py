"""An answer on its way: what the model has said, in this try and in all of them."""

import time
from collections.abc import Callable, Sequence

from core.errors import ModelError, Refused
from core.models.chunks import (
    AnsweredBy,
    Blind,
    Cited,
    Finished,
    FromMemory,
    ReasoningDelta,
    Source,
    TextDelta,
    Usage,
    Withdrawn,
)
from core.models.endings import Ending, judge
from core.models.request import ChatRequest
from core.models.tokens import estimate_tokens
from core.models.ways import tokens_of
from core.people.texts import Language, failure, say
from core.telemetry import logger
from core.turn.context import Context
from core.turn.links import listed, with_links

log = logger(__name__)

ANSWER_CHARS = 100_000
"""What no model means to say: beyond it, the stream is taken for one without an end."""
THOUGHT_CHARS = 400_000
"""Of thinking, likewise."""
_GOES_ON = frozenset(("length", "pause"))


class Draft:
    """An answer on its way: what the model has said in this try, and what all tries cost.

    *text* was said in an earlier try; *before* in an earlier answer, which this one goes on from.
    """

    def __init__(self, text: str, before: str = "") -> None:
        self.text = text
        self.before = before
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
        self.earlier = Usage()
        self.estimated = False
        """Of this try, and of those before it; whether any of them is estimated."""
        self.asked = 0
        self.began = time.monotonic()
        self.first_token_s: float | None = None
        self.error: ModelError | None = None
        self.ending: Ending = "stop"
        self.stopped = False
        self.blind = False
        """The model turned out to see no pictures."""
        self.sources: Sequence[Source] = ()

    @property
    def cut(self) -> bool:
        """Whether it is not whole."""
        return self.stopped or self.error is not None or self.ending != "stop"

    @property
    def goes_on(self) -> bool:
        """Whether more of it may come, if somebody asks for that."""
        return not self.stopped and self.error is None and self.ending in _GOES_ON

    @property
    def outcome(self) -> str:
        return "stopped" if self.stopped else "failed" if self.error else "answered"

    def final(self, language: Language, *, one_page: bool = True) -> str:
        """What stays on the screen, with one sentence where it is not whole, and its sources.

        Only on *one_page* may what stands there already change.
        """
        shown = with_links(self.shown_best, self.sources) if one_page else self.shown_best
        parts = [shown if self.best else "", listed(self.best, self.sources, language)]
        if self.stopped:
            parts.append(say("stopped", language))
        elif self.error is not None:
            parts.append(failure(self.error, language))
        elif self.ending != "stop":
            parts.append(say(f"cut_{self.ending}", language))
        if self.blind:
            parts.append(say("blind", language))
        return "\n\n".join(filter(None, parts))

    def begin_again(self, text: str) -> None:
        """Begin a try with *text*, which the model goes on from; may be empty."""
        if self.text != self.begun:
            self.earlier = self.total()
        self.usage = Usage()
        self.text = self.begun = text
        self.thought = self._quote = ""
        self.error = None
        self.ending = "stop"

    def total(self) -> Usage:
        """What all tries cost; estimated where a model did not say."""
        usage = self.usage
        refused = self.error is not None and not (self.text or self.thought)
        if not usage.completion_tokens and not refused:
            self.estimated = True
            written = estimate_tokens(self.text[len(self.begun) :] + self.thought)
            usage |= Usage(self.asked, written)
        return self.earlier + usage

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

    def think(self, text: str, *, aloud: bool) -> None:
        """Keep *text* of the model's thinking; *aloud*: as a quote above the answer."""
        self.thought += text
        if aloud:
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
    draft.asked = tokens_of(request)
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
                    case ReasoningDelta(text):
                        draft.think(text, aloud=thoughts)
                        if len(draft.thought) > THOUGHT_CHARS:
                            raise Refused("the thinking does not end", "endless")
                        if thoughts:
                            told()
                    case AnsweredBy(name, price):
                        draft.model, draft.price = name, price
                    case FromMemory():
                        draft.free = True
                    case Withdrawn():
                        draft.withdraw()
                    case Usage():
                        draft.usage = delta
                    case Cited(sources):
                        draft.sources = sources
                    case Blind():
                        draft.blind = True
                    case Finished(reason):
                        draft.ending = reason
                    case _:
                        pass
        judge(draft.text, draft.ending, thought=bool(draft.thought.strip()))
        draft.best = draft.text
    except ModelError as error:
        draft.error = error
