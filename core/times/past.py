"""A time in the past that somebody names: "since yesterday", "3 hours", "monday". Pure."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta

from core.languages.catalogue import Language
from core.times.facts import DAYS
from core.times.lexicon import Lexicon, Plain, Token, languages_to_try, lexicon, plain

CHARS = 80
_UNITS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
_KINDS = ("yesterday", "today", "date", "clock", "hours", *DAYS)


def since(text: str, now: datetime, languages: Iterable[Language] = ()) -> datetime | None:
    """When what *text* names began; None if it names no time. *now*: in the person's zone.

    *languages*: whose words are tried first; all others are tried behind them.
    """
    words = plain(text[:CHARS])
    for language in languages_to_try(languages):
        if (found := _Reader(lexicon(language), words, now).read()) is not None:
            return min(found, now)
    return None


class _Reader:
    """Looks for the first time among *words*, in one language."""

    def __init__(self, lexicon_: Lexicon, words: Plain, now: datetime) -> None:
        self._lexicon, self._text, self._now = lexicon_, words.text, now

    def read(self) -> datetime | None:
        text = self._text
        for at in range(len(text)):
            begins = not at or not text[at - 1].isalnum() or not text[at].isascii()
            if begins and not text[at].isspace() and (found := self._at(at)) is not None:
                return found
        return None

    def _at(self, at: int) -> datetime | None:
        if token := self._lexicon.token(self._text, at, _KINDS):
            return self._of(token)
        number = self._lexicon.token(self._text, at, ("number",))
        unit = self._lexicon.token(self._text, number.end if number else at, (*_UNITS,))
        if unit is None or (number is None and unit.kind in ("minute", "hour")):
            return None
        # "This week", "the last month": a unit alone is one of it.
        many = min(number.numbers[0], 1_000) if number else 1
        return self._now - many * _UNITS[unit.kind]

    def _of(self, token: Token) -> datetime | None:
        now = self._now
        match token.kind:
            case "today":
                return self._midnight(0)
            case "yesterday":
                return self._midnight(1)
            case "hours":
                return now - timedelta(hours=token.numbers[0], minutes=token.numbers[1])
            case "clock":
                hour, minute = token.numbers
                if hour > 23 or minute > 59:
                    return None
                today = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
                return today if today <= now else today - timedelta(days=1)
            case "date":
                return self._date(*token.numbers)
        return self._midnight((now.weekday() - DAYS.index(token.kind)) % 7)

    def _midnight(self, days_ago: int) -> datetime:
        day = self._now.date() - timedelta(days=days_ago)
        return datetime.combine(day, time(), self._now.tzinfo)

    def _date(self, year: int, month: int, day: int) -> datetime | None:
        try:
            found = datetime(year or self._now.year, month, day, tzinfo=self._now.tzinfo)
        except ValueError:
            return None
        return found if year or found <= self._now else found.replace(year=found.year - 1)
