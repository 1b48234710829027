"""An answer on its way: what the model has said, in this try and in all of them."""

import time
from collections.abc import Sequence

from core.errors import ModelError
from core.models.chunks import Usage


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
