"""The periods of budgets: calendar hours, days, weeks and months in a time zone. Pure.

A period is named by its local date, so a day is 23 or 25 hours long when the clocks change. An hour
is one of UTC: one that clocks show twice is two hours.
"""

import datetime
from typing import Literal, NamedTuple, get_args

Per = Literal["hour", "day", "week", "month"]
PERS: tuple[Per, ...] = get_args(Per)
HOUR = datetime.timedelta(hours=1)


class Period(NamedTuple):
    """*name* is the same for each moment of the period. *until*: the moment when the next begins,
    in the zone of the period.
    """

    name: str
    until: datetime.datetime


def period_at(per: Per, now: datetime.datetime) -> Period:
    """The period that contains *now*, an aware time."""
    today = now.date()
    match per:
        case "hour":
            begun = now.astimezone(datetime.UTC).replace(minute=0, second=0, microsecond=0)
            return Period(f"{begun:%Y-%m-%dT%HZ}", (begun + HOUR).astimezone(now.tzinfo))
        case "day":
            return Period(today.isoformat(), _beginning(today + datetime.timedelta(1), now))
        case "week":
            year, week, weekday = today.isocalendar()
            monday = today + datetime.timedelta(8 - weekday)
            return Period(f"{year}-W{week:02}", _beginning(monday, now))
        case "month":
            first = (today.replace(day=1) + datetime.timedelta(32)).replace(day=1)
            return Period(f"{today:%Y-%m}", _beginning(first, now))


def _beginning(date: datetime.date, now: datetime.datetime) -> datetime.datetime:
    """The first moment of *date* in the zone of *now*."""
    midnight = datetime.datetime.combine(date, datetime.time.min)
    if isinstance(now.tzinfo, datetime.timezone):
        # The machine's own zone, of which *now* holds only today's distance from UTC.
        return midnight.astimezone()
    # There may be no midnight that day, or no such day. The way over UTC finds what comes instead.
    return midnight.replace(tzinfo=now.tzinfo).astimezone(datetime.UTC).astimezone(now.tzinfo)


def moment(at: datetime.datetime) -> str:
    """*at* in words that every language reads, such as `2026-12-01 00:00 (Europe/Berlin)`."""
    zone = getattr(at.tzinfo, "key", "") or at.tzname() or "UTC"
    return f"{at:%Y-%m-%d %H:%M} ({zone})"
