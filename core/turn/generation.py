"""The generation: the text of an answer under way, in this try of the model and in all tries."""

import time
from collections.abc import Sequence

from msgspec.structs import replace

from core.errors import Interrupted, ModelError, Overloaded, Refused
from core.languages.catalogue import Language, failure, say
from core.models.chunks import (
    Source,
    Usage,
)
from core.models.endings import Ending, judge
from core.models.request import ChatRequest
from core.models.tokens import estimate_tokens
from core.models.tool_calls import Calls
from core.store.turns import Checkpoint
from core.turn.links import listed, with_links
from core.turn.pieces import Pieces, Quote, apart

_ITS_FAULT = frozenset(("policy", "filter", "length", "request"))
_OF_WORDS = frozenset(("policy", "filter"))
"""Refusals because of the question's content. Another model would refuse it too."""
_GOES_ON = frozenset(("length", "pause"))


class Generation:
    """What the model has said in this try, and what all tries cost.

    *text*: what an interrupted try said. *before*: an earlier answer that this one goes on from.
    *heading*: what is shown above the answer, and is no part of it.
    """

    def __init__(self, text: str, before: str = "", heading: str = "") -> None:
        self._text = Pieces(text)
        self.before = before
        self._heading = f"{heading}\n\n" if heading else ""
        self.kept = ""
        """The text of the rounds before this one: what the model said before it called tools."""
        self.searched = False
        """The provider has searched the web for the answer."""
        self.begun = ""
        """The text of earlier rounds, or of an earlier try, that this try goes on from."""
        self._best = text
        self.model = ""
        self.price: Sequence[float] = ()
        """The model that answers, and its price, once they are known."""
        self.free = False
        """The answer came from the response cache."""
        self._thought, self._quote = Pieces(), Quote()
        self.usage = Usage()
        self.earlier = Usage()
        self.estimated = False
        """The usage of this try and of the tries before it, and whether any of it is estimated."""
        self.asked = 0
        self.began = time.monotonic()
        self.first_token_s: float | None = None
        self.error: ModelError | None = None
        self.ending: Ending = "stop"
        self.stopped = False
        self.blind = False
        """The model turned out not to see pictures."""
        self.sources: Sequence[Source] = ()
        self.found: Sequence[Source] = ()
        """The pages that the model cites itself, and those that tools brought."""
        self.calls: Calls | None = None

    def resume(self, saved: Checkpoint, price: Sequence[float]) -> None:
        """Count what the tries before this process cost, as far as *saved* tells it."""
        spent = saved.spent
        self.earlier = Usage(
            spent.prompt_tokens,
            spent.completion_tokens,
            spent.cached_tokens,
            billed_usd=spent.cost_usd,
        )
        self.asked, self.begun, self.price = saved.asked, saved.text[: saved.begun], price

    @property
    def text(self) -> str:
        """What this try has said."""
        return str(self._text)

    @property
    def thought(self) -> str:
        """What it has thought in this try."""
        return str(self._thought)

    @property
    def chars(self) -> int:
        """How many characters this try has said."""
        return self._text.chars

    @property
    def best(self) -> str:
        """The longest text of all tries. This is what the screen shows."""
        return self.text if self.ahead else self._best

    @property
    def ahead(self) -> bool:
        """Whether no earlier try came further than this one."""
        return self._text.chars >= len(self._best)

    @property
    def cut(self) -> bool:
        """Whether the answer is not whole."""
        return self.stopped or self.error is not None or self.ending != "stop"

    @property
    def goes_on(self) -> bool:
        """Whether the model can go on with the answer if somebody asks for that."""
        return not self.stopped and self.error is None and self.ending in _GOES_ON

    @property
    def said_nothing(self) -> bool:
        """Whether this round ended without any answer."""
        error = self.error
        return isinstance(error, Refused) and error.reason in ("empty", "thinking", "tools")

    @property
    def refused(self) -> bool:
        """Whether there is no answer because of the question itself."""
        error = self.error
        return isinstance(error, Refused) and error.reason in _ITS_FAULT and not self.best

    @property
    def outcome(self) -> str:
        return "stopped" if self.stopped else "failed" if self.error else "answered"

    def worth_another_try(self, request: ChatRequest, *, small: bool) -> bool:
        """Whether to ask again. *small*: the small model was asked, so the usual one may help."""
        error = self.error
        if small and error is not None and not self.text:
            return not isinstance(error, Refused) or error.reason not in _OF_WORDS
        if isinstance(error, Refused):
            return bool(request.begun) and self.text == self.begun and error.reason == "request"
        # If there was no text, the client has already tried again.
        said = self.text[len(self.kept) :]
        return isinstance(error, Interrupted | Overloaded) and bool(said)

    def final(self, language: Language, *, one_page: bool = True) -> str:
        """The final text: the answer, its sources, and a sentence if the answer is not whole.

        *one_page*: the answer stands on one page, so text that is shown already may still change.
        """
        sources = (*self.found, *self.sources)
        shown = with_links(self.shown_best, sources) if one_page else self.shown_best
        above = shown if self.best else self._heading.strip()
        # What a round said ends with the space that keeps it apart from the next one.
        above = above.rstrip() if self.text == self.kept else above
        parts = [above, listed(self.best, sources, language)]
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
        """Begin a new try of this round. The model goes on from *text*, which may be empty."""
        if self.text.rstrip() != self.begun.rstrip():
            self.earlier = self.total()
        self._best = self.best
        self._quote = Quote()
        self._begin(text or self.kept)

    def next_round(self) -> None:
        """Begin the next round. The text so far stays, and the new text comes behind it."""
        self.earlier = self.total()
        self.kept = apart(self.text)
        self._begin(self.kept)

    def take_up(self, kept: str, spent: Sequence[Usage]) -> None:
        """Go on behind rounds of an interrupted try, which said *kept* and *spent* so much."""
        self.kept = kept
        if len(self.begun) < len(kept):
            # The checkpoint is older than the last round, and so is what it tells of costs.
            self.begun, self.asked = kept, 0
        self.earlier = max(self.earlier, sum(spent, Usage()), key=lambda one: one.prompt_tokens)

    def _begin(self, text: str) -> None:
        self.usage, self.asked = Usage(), 0
        self._text, self.begun = Pieces(text), text
        self._thought = Pieces()
        self.error, self.calls, self.ending = None, None, "stop"

    def calls_made(self, request: ChatRequest) -> bool:
        """Whether the model calls tools that *request* offers."""
        return self.calls is not None and bool(request.tools) and not request.closing

    def total(self) -> Usage:
        """The usage of all tries and rounds. It is estimated if a model did not tell it."""
        return self.earlier + self.of_this_round()

    def of_this_round(self) -> Usage:
        """The usage of this try of this round."""
        usage = self.usage
        refused = self.error is not None and not (self.text[len(self.kept) :] or self.thought)
        if not usage.completion_tokens and not refused:
            called = "".join(call.arguments for call in self.calls.calls) if self.calls else ""
            written = estimate_tokens(self.text[len(self.begun) :] + self.thought + called)
            self.estimated |= bool(self.asked or written)
            guess = Usage(self.asked, written)
            # A price that the provider told for only a part does not cover the rest.
            usage |= replace(guess, billed_usd=guess.cost_usd(self.price))
        return usage

    @property
    def shown(self) -> str:
        """What the screen shows of this try."""
        return self._heading + str(self._quote) + self.text

    @property
    def shown_chars(self) -> int:
        return len(self._heading) + self._quote.chars + self._text.chars

    @property
    def thought_chars(self) -> int:
        return self._thought.chars

    @property
    def shown_best(self) -> str:
        return self._heading + str(self._quote) + self.best

    def withdraw(self) -> None:
        """Take back the text of all tries of this round."""
        self._text, self._best = Pieces(self.kept), self.kept
        self._thought, self._quote = Pieces(), Quote()

    def think(self, text: str, *, aloud: bool) -> None:
        """Keep *text* of the model's thinking. *aloud*: show it as a quote above the answer."""
        self._thought.add(text)
        if aloud:
            self._quote.add(text)

    def end(self, request: ChatRequest) -> None:
        """The stream has ended: use its text, even if an earlier try has a longer one.

        Raises `Refused` if there is neither an answer nor a call.
        """
        if not self.calls_made(request):
            said = self.text[len(self.kept) :]
            judge(said, self.ending, thought=bool(self.thought.strip()))
            if request.closing and self.ending == "tools":
                self.ending = "stop"  # It may call nothing more, and it has said something.
        self._best = self.text

    def add(self, text: str) -> None:
        if self.first_token_s is None:
            self.first_token_s = time.monotonic() - self.began
        self._text.add(text)
