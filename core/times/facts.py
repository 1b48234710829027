"""Facts about a time that somebody wrote, and the hours of a day among them. Pure."""

from dataclasses import dataclass, field

from core.times.lexicon import Lexicon, Token

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
UNITS = ("second", "minute", "hour", "day", "week", "month", "year")
NEAR = {"yesterday": -1, "today": 0, "tomorrow": 1, "day_after": 2}
PARTS = {"morning": (9, False), "afternoon": (15, True), "evening": (19, True), "night": (21, True)}
"""A part of the day: the hour that it means alone, and whether its hours are after noon."""
SETS = {"weekdays": (0, 1, 2, 3, 4), "weekends": (5, 6)}


@dataclass
class Facts:
    """What was said. *parts*: how many of the words carried a meaning. *unclear*: it may mean
    something that is not known here, so it must not be taken for something else.
    """

    end: int = 0
    parts: int = 0
    every: int = 0
    unit: str = ""
    days: list[int] = field(default_factory=list)
    offset: dict[str, int] = field(default_factory=dict)
    near: int | None = None
    next: bool = False
    date: tuple[int, int, int] | None = None
    month_day: int = 0
    clock: tuple[int, int] | None = None
    part: str = ""
    unclear: bool = False

    @property
    def whole(self) -> bool:
        """Whether a time was said."""
        day = self.near is not None or bool(self.days or self.date or self.month_day or self.next)
        return bool(self.offset or day or self.clock or self.part or (self.every and self.unit))


class Hours:
    """Reads the hours of a day in *text* (plain), with the words of one language.

    Each rule returns where it ended, or *at* if it does not fit there.
    """

    def __init__(self, words: Lexicon, text: str) -> None:
        self._words = words
        self._text = text
        self.facts = Facts()

    def _token(self, at: int, *kinds: str) -> Token | None:
        return self._words.token(self._text, at, kinds)

    def _clock(self, at: int) -> int:
        facts = self.facts
        if facts.clock:
            return at
        sign = self._token(at, "at")
        start = sign.end if sign else at
        if word := self._token(start, "noon", "midnight"):
            facts.clock = (12, 0) if word.kind == "noon" else (0, 0)
            return word.end
        part = self._token(start, *PARTS, "am", "pm")
        if part is not None:
            facts.part = part.kind
            again = self._token(part.end, "at")
            begin = again.end if again else part.end
            end = self._hour(begin, sure=True)
            return end if end > begin else part.end
        end = self._hour(start, sure=sign is not None)
        return end if end > start else at

    def _hour(self, at: int, *, sure: bool) -> int:
        """An hour with all that belongs to it. *sure*: a bare number is one too."""
        facts, end = self.facts, at
        to = 0
        if half := self._token(at, "half_past", "half_to", "quarter_past", "quarter_to"):
            to = {"half_past": 30, "half_to": -30, "quarter_past": 15}.get(half.kind, -15)
            end, sure = half.end, True
        token = self._token(end, "clock", "hours", "number")
        if token is None:
            return at
        hour, minute = token.numbers[0], token.numbers[1] if len(token.numbers) > 1 else 0
        end, sure = token.end, sure or token.kind != "number"
        if token.kind != "clock":
            end, minute, sure = self._minutes(end, sure=sure)
        elif sign := self._token(end, "oclock"):
            end = sign.end
        if after := self._token(end, "half", "quarter", "less_quarter"):
            to = {"half": 30, "quarter": 15}.get(after.kind, -15)
            end, sure = after.end, sure or after.kind != "half"
        part = self._token(end, *PARTS, "am", "pm")
        if part is not None:
            facts.part, end, sure = part.kind, part.end, True
        total = hour * 60 + minute + to
        if not sure or minute > 59 or total > 24 * 60:
            return at
        facts.clock = divmod(total % (24 * 60) if to else total, 60)
        return end

    def _minutes(self, at: int, *, sure: bool) -> tuple[int, int, bool]:
        """9点30分, 9 Uhr 30: where they end, the minutes, and whether it is surely a time."""
        sign = self._token(at, "oclock")
        if sign is None:
            return at, 0, sure
        number = self._token(sign.end, "number")
        if number is None or number.numbers[0] > 59:
            return sign.end, 0, True
        unit = self._token(number.end, "minute")
        spoken = unit is not None or number.end - sign.end == 2
        if not spoken:
            return sign.end, 0, True
        return (unit.end if unit else number.end), number.numbers[0], True
