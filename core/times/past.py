"""A time in the past that somebody names: "since yesterday", "3 hours", "monday". Pure."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta

from core.languages.catalogue import Language
from core.times.facts import DAYS, Facts
from core.times.grammar import Reader
from core.times.lexicon import Lexicon, Plain, languages_to_try, lexicon, plain
from core.times.spoken import time_of

CHARS = 80
_UNITS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}


def since(text: str, now: datetime, languages: Iterable[Language] = ()) -> datetime | None:
    """When what *text* names began; None if it names no time. *now*: in the person's zone.

    *languages*: whose words are tried first; all others are tried behind them.
    """
    words = plain(text[:CHARS])
    order = languages_to_try(languages)
    found = [one for tag in order if (one := _Past(lexicon(tag), words, now).since())]
    # Whose language it is understands it from its beginning.
    return min(min(found, key=lambda one: one[0])[1], now) if found else None


class _Past(Reader):
    """Looks for the first time among *words*, in one language."""

    def __init__(self, lexicon_: Lexicon, words: Plain, now: datetime) -> None:
        super().__init__(lexicon_, words.text)
        self._now = now

    def since(self) -> tuple[int, datetime] | None:
        """Where the first time begins, and the moment that it means."""
        text = self._text
        for at in range(len(text)):
            begins = not at or not text[at - 1].isalnum() or not text[at].isascii()
            if begins and not text[at].isspace() and (found := self._at(at)) is not None:
                return at, found
        return None

    def _at(self, at: int) -> datetime | None:
        self.facts = Facts()
        if (dated := self._date(at)) > at and self.facts.date:
            return self._on(self._dated(*self.facts.date), dated)
        if token := self._token(at, "yesterday", "today", *DAYS):
            return self._on(self._midnight(self._days_ago(token.kind)), token.end)
        return self._span_ago(at) or self._clock_ago(at)

    def _days_ago(self, kind: str) -> int:
        if kind in DAYS:
            return (self._now.weekday() - DAYS.index(kind)) % 7
        return int(kind == "yesterday")

    def _on(self, day: datetime | None, end: int) -> datetime | None:
        """*day*, at the hour that stands behind it, if one does."""
        said = time_of(self.facts) if self._clock(end) > end else None
        if day is None or said is None:
            return day
        return day.replace(hour=said[0] % 24, minute=said[1])

    def _span_ago(self, at: int) -> datetime | None:
        """What "3 hours" and "1h30" mean; "this week" and "the last hour" are one of it."""
        if hours := self._token(at, "hours"):
            return self._now - timedelta(hours=hours.numbers[0], minutes=hours.numbers[1])
        number = self._token(at, "number")
        unit = self._token(number.end if number else at, *_UNITS)
        if unit is None or (number is None and unit.kind == "minute"):
            return None
        if number is None and self._token(unit.end, "number", "clock"):
            return None  # "Jam 9" is an hour of the day.
        many = min(number.numbers[0], 1_000) if number else 1
        return self._now - many * _UNITS[unit.kind]

    def _clock_ago(self, at: int) -> datetime | None:
        """The last time that clocks showed the hour at *at*."""
        if self._clock(at) == at or (said := time_of(self.facts)) is None:
            return None
        today = self._now.replace(hour=said[0] % 24, minute=said[1], second=0, microsecond=0)
        return today if today <= self._now else today - timedelta(days=1)

    def _midnight(self, days_ago: int) -> datetime:
        day = self._now.date() - timedelta(days=days_ago)
        return datetime.combine(day, time(), self._now.tzinfo)

    def _dated(self, year: int, month: int, day: int) -> datetime | None:
        try:
            found = datetime(year or self._now.year, month, day, tzinfo=self._now.tzinfo)
            return found if year or found <= self._now else found.replace(year=found.year - 1)
        except ValueError:
            return None
