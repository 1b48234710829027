"""A time that a person wrote, and the text behind it or before it. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from core.languages.catalogue import LANGUAGES, Language
from core.times.facts import DAYS, PARTS, Facts
from core.times.grammar import Reader
from core.times.lexicon import Plain, languages_to_try, lexicon, plain
from core.times.rules import Rule, following, instant

HEAD_CHARS, TAIL_CHARS = 120, 60
"""How far a time is looked for: at the beginning of a text, and at its end."""
MIDNIGHT = time()
MORNING = 9
"""The hour of a day that was named without one."""
MOST_DAYS = 366 * 5 + 2
_MORE = re.compile(r"(?<![\d:])\d{1,2}:\d{2}(?![\d:])")
_ANDS = {word for one in LANGUAGES.values() for word in one.times.get("and", ())} | {"&", ","}
_AND_MORE = re.compile(
    rf"\s*(?:{'|'.join(map(re.escape, sorted(_ANDS)))})\s*(?:\w{{1,3}}\s)?\d{{1,2}}"
    r"(?::\d{2}|\s?(?:[ap]\.?m\b|uhr\b|h\b|heures?\b|horas?\b|час|[点點时時시]))",
    re.IGNORECASE,
)
"""Another hour behind the first: "at 8:30 and 17:00", "at 9 and 6 pm"."""
CRON_DAYS = {0: 1, 1: 2, 2: 3, 3: 4, 4: 5, 5: 6, 6: 0}
_MINUTES = {"second": 1 / 60, "minute": 1, "hour": 60}
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}


class Said(NamedTuple):
    """A time in words, understood: *at* (seconds since the epoch), and *rule* if it comes again.

    *words*: as the person wrote it. *text*: all the rest of what they wrote.
    """

    at: float
    rule: Rule | None
    words: str
    text: str


class NotUnderstoodError(ValueError):
    """No time was found, or nothing that exists."""


class PastError(ValueError):
    """The time is over: *at*, in seconds since the epoch."""

    def __init__(self, at: float) -> None:
        super().__init__("the time is over")
        self.at = at


class TooFarError(ValueError):
    """The time is further away than anybody plans."""


def understand(text: str, now: datetime, languages: Iterable[Language] = ()) -> Said:
    """The time that *text* begins or ends with.

    Args:
        now: with the zone in which the person lives.
        languages: whose words are tried first; all others are tried behind them.

    Raises:
        NotUnderstoodError, PastError, TooFarError: see there.
    """
    text = text.strip()
    order = languages_to_try(languages)
    head = plain(text[:HEAD_CHARS])
    readings = [Reader(lexicon(language), head.text).read(0) for language in order]
    # Who understands most is right: "am" is a time in English, and little of "am Freitag um neun".
    for facts in sorted(readings, key=lambda one: -one.end):
        if facts.whole and (end := _whole_chars(head, facts.end)):
            return _said(facts, now, text[:end], text[end:])
    return _at_the_end(text, now, order)


def _at_the_end(text: str, now: datetime, order: Iterable[Language]) -> Said:
    begin = max(0, len(text) - TAIL_CHARS)
    tail = plain(text[begin:])
    starts = [
        at
        for at in range(1, len(tail.text))
        if tail.text[at - 1].isspace() or not tail.text[at].isascii()
    ]
    for language in order:
        reader = Reader(lexicon(language), tail.text)
        for start in starts:
            facts = reader.read(start, strict=True)
            if facts.whole and not tail.text[facts.end :].strip(" .!?。！？"):
                cut = begin + tail.at[start]
                return _said(facts, now, text[cut:], text[:cut])
    return _in_the_middle(text, tail, begin, now, starts, order)


def _in_the_middle(
    text: str,
    tail: Plain,
    begin: int,
    now: datetime,
    starts: Sequence[int],
    order: Iterable[Language],
) -> Said:
    """The day and hour within a text, as in "Anna am Freitag um 9 anrufen"."""
    for language in order:
        reader = Reader(lexicon(language), tail.text)
        for start in starts:
            facts = reader.read(start, strict=True)
            if facts.whole and facts.parts > 1:
                cut, end = begin + tail.at[start], begin + tail.at[facts.end]
                return _said(
                    facts, now, text[cut:end], f"{text[:cut].strip()} {text[end:].strip()}"
                )
    raise NotUnderstoodError


def _whole_chars(head: Plain, end: int) -> int:
    return head.at[end] if end < len(head.at) else 0


def _said(facts: Facts, now: datetime, words: str, text: str) -> Said:
    if not (facts.clock or facts.offset) and _MORE.search(text):
        raise NotUnderstoodError  # An hour apart from its day, or one that does not exist.
    if facts.unclear or (facts.clock and _AND_MORE.match(text)):
        raise NotUnderstoodError
    at, rule = _resolved(facts, now)
    text = text.strip().lstrip(":：,，、-–—").strip()
    return Said(at, rule, " ".join(words.split()).strip(" ,、，"), text)


def _resolved(facts: Facts, now: datetime) -> tuple[float, Rule | None]:
    try:
        if facts.every:
            return _ruled(facts, now)
        return _once(facts, now), None
    except OverflowError as error:
        raise TooFarError from error


def _zone(now: datetime) -> tzinfo:
    if now.tzinfo is None:
        raise TypeError("now needs a zone")
    return now.tzinfo


def time_of(facts: Facts) -> tuple[int, int] | None:
    """The hour and minute that were said, with the part of the day; None: neither."""
    if facts.clock is None:
        return (PARTS[facts.part][0], 0) if facts.part in PARTS else None
    hour, minute = facts.clock
    late = facts.part == "pm" or PARTS.get(facts.part, (0, False))[1]
    if facts.part == "night" and hour < 6:
        late = False  # One o'clock at night.
    if late and hour < 12:
        hour += 12
    elif facts.part in ("am", "morning") and hour == 12:
        hour = 0
    return hour, minute


def _once(facts: Facts, now: datetime) -> float:
    if facts.offset:
        return _later(facts, now)
    said = time_of(facts)
    hour, minute = said or (MORNING, 0)
    zone, today = _zone(now), now.date()

    def on(day: date) -> float:
        local = datetime.combine(day, MIDNIGHT) + timedelta(hours=hour, minutes=minute)
        return instant(local, zone).timestamp()

    if facts.date is not None:
        return _dated(facts.date, on, now)
    if facts.next and not facts.days:
        months = {"month": 1, "year": 12}.get(facts.unit, 0)
        return on(_month_on(today, months) if months else today + timedelta(days=7))
    if facts.days:
        ahead = (facts.days[0] - today.weekday()) % 7
        if facts.next:
            ahead = facts.days[0] - today.weekday() + 7
        elif not ahead and on(today) <= now.timestamp():
            ahead = 7
        return on(today + timedelta(days=ahead))
    if facts.near is not None:
        at = on(today + timedelta(days=facts.near))
        if at <= now.timestamp():
            raise PastError(at)
        return at
    if said is None:
        raise NotUnderstoodError
    at = on(today)
    return at if at > now.timestamp() else on(today + timedelta(days=1))


def _dated(when: tuple[int, int, int], on: Callable[[date], float], now: datetime) -> float:
    year, month, day = when
    try:
        at = on(date(year or now.year, month, day))
        if not year and at <= now.timestamp():
            at = on(date(now.year + 1, month, day))
    except ValueError as error:
        if not year and (month, day) == (2, 29):
            leap = next(one for one in range(now.year, now.year + 9) if _is_leap(one))
            return on(date(leap, 2, 29))
        raise NotUnderstoodError from error
    if at <= now.timestamp():
        raise PastError(at)
    return at


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _later(facts: Facts, now: datetime) -> float:
    minutes = sum(_MINUTES[unit] * many for unit, many in facts.offset.items() if unit in _MINUTES)
    days = sum(_DAYS[unit] * many for unit, many in facts.offset.items() if unit in _DAYS)
    if minutes / 1440 + days > MOST_DAYS:
        raise TooFarError
    if not minutes and not days:
        raise PastError(now.timestamp())
    at = now.timestamp() + minutes * 60
    if not days:
        return at
    # Days are counted by the calendar: tomorrow at this time, whatever the clocks do.
    months = facts.offset.get("month", 0) + 12 * facts.offset.get("year", 0)
    day = _month_on(now.date(), months) if months else now.date()
    day += timedelta(days=facts.offset.get("day", 0) + 7 * facts.offset.get("week", 0))
    hour, minute = time_of(facts) or (now.hour, now.minute)
    local = datetime.combine(day, MIDNIGHT) + timedelta(hours=hour, minutes=minute)
    return instant(local, _zone(now)).timestamp() + minutes * 60


def _month_on(day: date, months: int) -> date:
    """*day*, *months* later; the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise OverflowError


def _ruled(facts: Facts, now: datetime) -> tuple[float, Rule]:
    if facts.every > 366 or not facts.unit:
        raise TooFarError
    zone, start = _zone(now), now.timestamp()
    if facts.unit in _MINUTES:
        if not (every := int(facts.every * _MINUTES[facts.unit])):
            every = 1
        return start + every * 60, Rule(minutes=every)
    rule = _calendar(facts, now)
    first, _ = following(rule, zone, start, start)
    if first is None:
        raise NotUnderstoodError
    if rule.nth > 1:
        # Every second week begins with the next such day, not with one that just passed.
        plain_rule = Rule(cron=rule.cron)
        first, _ = following(plain_rule, zone, start, start)
        if first is None:
            raise NotUnderstoodError
        since = datetime.fromtimestamp(first, zone).date().isoformat()
        rule = Rule(cron=rule.cron, nth=rule.nth, unit=rule.unit, since=since)
    return first, rule


def _calendar(facts: Facts, now: datetime) -> Rule:
    hour, minute = time_of(facts) or (MORNING, 0)
    at = f"{minute} {hour % 24}"
    match facts.unit:
        case "day":
            return Rule(cron=f"{at} * * *", nth=facts.every)
        case "week":
            days = sorted({CRON_DAYS[day] for day in facts.days or [now.weekday()]})
            return Rule(cron=f"{at} * * {','.join(map(str, days))}", nth=facts.every, unit="week")
        case "month":
            day = facts.month_day or (facts.date[2] if facts.date else now.day)
            # The 31st is the last day of each month. Months without a 29th or 30th are left out.
            days_of = "L" if day == 31 else str(day)
            return Rule(cron=f"{at} {days_of} * *", nth=facts.every, unit="month")
        case _:
            month, day = facts.date[1:] if facts.date else (now.month, now.day)
            return Rule(cron=f"{at} {day} {month} *", nth=12 * facts.every, unit="month")


def shown(at: float, zone: tzinfo, language: Language) -> str:
    """A moment for people: the day of the week, the date, the time. The same in all languages."""
    local = datetime.fromtimestamp(at, zone)
    names = LANGUAGES[language].times.get(DAYS[local.weekday()], (DAYS[local.weekday()],))
    return f"{names[0].split('|')[0]} {local:%Y-%m-%d %H:%M}"
