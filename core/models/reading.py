"""What the readers of all shapes share: payloads become JSON, fields become deltas.

The stream's decoder (`core.models.sse`) cuts the payloads out of the bytes. Each shape adds the
meaning of its objects.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from core.border import set_aside
from core.errors import ModelError
from core.models.assembling import Assembler
from core.models.chunks import Cited, Delta, ReasoningDelta, Searched, Source, TextDelta, Usage
from core.models.loose import Joiner, parse_all, records, text_of
from core.models.refusals import read_error, tells_of_error, told_in
from core.models.tool_calls import Calls


class Reading:
    """Reads the payloads of one answer.

    Attributes:
        by: as in `Calls`; empty if no tools were offered. Otherwise the parts of the message that
            must go back with the results are kept.
    """

    def __init__(self) -> None:
        self.by = ""
        self._calls = Assembler()
        self._called = Calls(())
        self._text = Joiner()
        self._thought = Joiner()
        self._usage = Usage()
        self._cited = Cited(())
        self._searched = False
        self._heard = False
        """Whether text of the answer has come."""
        self._odd: Mapping[str, object] | None = None
        """A first payload that brought no delta, but has words that may be an error."""

    def read(self, data: bytes, some: list[Delta]) -> None:
        """Append the deltas of one payload to *some*, in order.

        Raises:
            ModelError: the payload reports an error. The rest of it is read all the same.
        """
        try:
            said = parse_all(data)
        except ValueError:
            set_aside("model.stream", "no JSON, or too many values")
            return
        for one in said:
            objects = records(one)
            if not objects and one not in (None, "", [], {}):
                set_aside("model.stream", "no object")
            for each in objects:
                said_before = len(some)
                self._object(each, some)
                if not self._heard and len(some) == said_before and tells_of_error(each):
                    self._odd = self._odd or each

    def read_run(self, payloads: Sequence[bytes], some: list[Delta]) -> bool:
        """Read all *payloads* in one fast step. False if that is not possible."""
        return False

    def failed(self, data: bytes, some: list[Delta]) -> None:
        """As `read`, for data that the server calls an error. It always raises one."""
        said = told_in(data)
        if isinstance(said, dict | list):
            self.read(data, some)
        raise read_error(said)

    @property
    def unsaid(self) -> ModelError | None:
        """Why no answer came, if a payload said why."""
        return None if self._odd is None else read_error(self._odd)

    def rest(self, some: list[Delta]) -> None:
        """The message has ended: release half a character that was held back, and the calls."""
        if text := self._text.rest():
            some.append(TextDelta(text))
        if self._calls:
            called = Calls(self._calls.calls(), self._thoughts(), self.by)
            if called != self._called:
                self._called = called
                some.append(called)

    def _thoughts(self) -> tuple[dict[str, Any], ...]:
        """The parts of the message that its provider wants back with the results."""
        return ()

    def _object(self, said: Mapping[str, object], some: list[Delta]) -> None:
        raise NotImplementedError

    def _say(self, said: object, some: list[Delta]) -> None:
        if text := text_of(said):
            self._heard = True
            if text := self._text.take(text):
                some.append(TextDelta(text))

    def _think(self, said: str, some: list[Delta]) -> None:
        if said and (text := self._thought.take(said)):
            some.append(ReasoningDelta(text))

    def _search(self, some: list[Delta]) -> None:
        if not self._searched:
            self._searched = True
            some.append(Searched())

    def _count(self, told: Usage, some: list[Delta]) -> None:
        """Add *told* to the usage. A later report takes no number back."""
        usage = self._usage | told
        if usage != self._usage:
            self._usage = usage
            some.append(usage)

    def _cite(self, sources: Sequence[Source], some: list[Delta]) -> None:
        if tuple(sources) != self._cited.sources:
            self._cited = Cited(tuple(sources))
            some.append(self._cited)
