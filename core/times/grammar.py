"""What a text says about a time: "on friday at 9", "in 20 minutes", "every weekday". Pure.

One grammar serves all languages, because only short forms are read: what a form means lies in the
kinds of its words (`core.times.lexicon`), and hardly in their order. Whatever does not fit ends the
time; what is behind it is the text to be reminded of.
"""

from collections.abc import Callable

from core.times.facts import DAYS, MONTHS, NEAR, PARTS, SETS, UNITS, Facts, Hours
from core.times.lexicon import Token

SMALL = ("at", "on", "of", "and", "this")
MOST_SMALL = 2
"""So many small words in a row may stand within a time."""
MIXED = {"daily": "day", "weekly": "week", "monthly": "month", "hourly": "hour", "yearly": "year"}


class Reader(Hours):
    """Reads facts from *text* (plain), with the words of one language."""

    def read(self, start: int, *, strict: bool = False) -> Facts:
        """The facts of the longest time at *start*. *strict*: a span needs a word such as "in"."""
        self.facts = Facts(end=start)
        rules: tuple[Callable[[int], int], ...] = (
            self._every,
            self._offset if not strict else self._marked_offset,
            self._date,
            self._clock,
            self._day,
        )
        at, small = start, 0
        while small <= MOST_SMALL:
            end = next((end for rule in rules if (end := rule(at)) > at), at)
            if end == at:
                token = self._token(at, *SMALL)
                if token is None:
                    break
                at = token.end  # A small word counts only if a time follows.
                small += 1
                continue
            at = self.facts.end = self._behind(end)
            self.facts.parts += 1
            small = 0
        return self.facts

    def _behind(self, at: int) -> int:
        """The end of particles that belong to the time before them, as in 9時に."""
        while (token := self._token(at, "particle")) is not None:
            at = token.end
        return at

    # Each rule returns where it ended, or *at* if it does not fit there.

    def _every(self, at: int) -> int:
        facts = self.facts
        if mixed := self._token(at, *MIXED):
            if facts.every or facts.offset:
                return at
            facts.every, facts.unit = 1, MIXED[mixed.kind]
            return mixed.end
        every = self._token(at, "every")
        if facts.every:
            return self._more_days(at) if facts.unit == "week" else at
        if every is None:
            return self._more_days(at) if self._means_every(at) else at
        end, count = every.end, 1
        if number := self._token(end, "number", "ordinal"):
            end, count = number.end, number.numbers[0]
        elif (other := self._token(end, "other", "second")) and self._token(
            other.end, *UNITS, *DAYS
        ):
            end, count = other.end, 2
        return self._each(at, end, count, numbered=number)

    def _means_every(self, at: int) -> bool:
        """Whether the word at *at* itself says "every", as "weekdays" and "mondays" do."""
        day = self._token(at, "weekdays", *DAYS)
        if day is None or (day.kind in DAYS and not day.numbers) or self.facts.whole:
            return False
        self.facts.every, self.facts.unit = 1, "week"
        return True

    def _each(self, at: int, end: int, count: int, *, numbered: Token | None) -> int:
        """What comes every *count* times, named at *end*."""
        facts = self.facts
        if self._token(end, *SETS, *DAYS):
            facts.every, facts.unit = count, "week"
            return self._more_days(end)
        # "Jeden Morgen" is no tomorrow.
        if part := self._token(end, *PARTS, "tomorrow"):
            facts.every, facts.unit = 1, "day"
            facts.part = part.kind if part.kind in PARTS else "morning"
            return part.end
        if unit := self._token(end, *UNITS):
            facts.every, facts.unit = count, unit.kind
            # "Monday of every month" does not say which one.
            facts.unclear = facts.unclear or bool(facts.days and unit.kind != "week")
            return unit.end
        if numbered and numbered.kind == "ordinal" and 1 <= count <= 31:
            facts.every, facts.unit, facts.month_day = 1, "month", count
            return end
        return at

    def _more_days(self, at: int) -> int:
        """Days of a rule: "monday, wednesday and friday"."""
        end = at
        while True:
            joint = self._token(end, "and", "to") or self._token(end, "on")
            day = self._token(joint.end if joint else end, *SETS, *DAYS)
            if day is None:
                return end
            if day.kind in SETS:
                self.facts.days += SETS[day.kind]
            else:
                self._add_day(DAYS.index(day.kind), through=bool(joint and joint.kind == "to"))
            end = day.end

    def _add_day(self, day: int, *, through: bool) -> None:
        days = self.facts.days
        while through and days and (days[-1] + 1) % 7 != day and len(days) < 7:
            days.append((days[-1] + 1) % 7)
        days.append(day)

    def _span(self, at: int) -> int:
        """A number of units, such as "1 hour and 30 minutes"."""
        end, found = at, dict(self.facts.offset)
        while True:
            joint = self._token(end, "and") if end > at else None
            begin = joint.end if joint else end
            if half := self._token(begin, "half_hour"):
                found["minute"] = found.get("minute", 0) + 30
                end = half.end
                continue
            if hours := self._token(begin, "hours"):
                found["hour"] = found.get("hour", 0) + hours.numbers[0]
                end = hours.end
                continue
            number = self._token(begin, "number")
            unit = self._token(number.end, *UNITS) if number else None
            if number is None or unit is None or self._is_date(number, unit):
                break
            found[unit.kind] = found.get(unit.kind, 0) + number.numbers[0]
            end = unit.end
        if end > at:
            self.facts.offset = found
        return end

    def _is_date(self, number: Token, unit: Token) -> bool:
        """Whether they are "12月" of 12月24日, or its year."""
        if unit.kind == "year":
            return 1_000 < number.numbers[0] < 10_000
        day = self._token(unit.end, "number") if unit.kind == "month" else None
        return day is not None and self._token(day.end, "day", "of_month") is not None

    def _marked_offset(self, at: int) -> int:
        return self._offset(at, marked=True)

    def _offset(self, at: int, *, marked: bool = False) -> int:
        facts = self.facts
        if facts.offset or facts.every or facts.date or facts.clock:
            return at
        before = self._token(at, "in")
        if before is None and (facts.days or facts.near is not None):
            return at  # "Vendredi 9 heures" is no span.
        start = before.end if before else at
        end = self._span(start)
        if end == start:
            one = self._token(start, *UNITS[1:]) if before else None
            if one is None:
                return at
            # "via een uur", "через час": a unit alone is one of it.
            facts.offset, end = {one.kind: 1}, one.end
        behind = self._token(end, "later")
        only_hours = not before and not behind and self._token(start, "hours")
        if (marked and not before and not behind) or (only_hours and only_hours.end == end):
            facts.offset = {}
            return at
        return behind.end if behind else end

    def _date(self, at: int) -> int:
        facts = self.facts
        if facts.date or facts.month_day:
            return at
        if date := self._token(at, "date"):
            facts.date = (date.numbers[0], date.numbers[1], date.numbers[2])
            return date.end
        month = self._token(at, *MONTHS)
        number = self._token(month.end if month else at, "number", "ordinal")
        if number is None:
            return at
        end = number.end
        if month is None:
            of = self._token(end, "of")
            month = self._token(of.end if of else end, *MONTHS)
            if month is None:
                return self._numbered_date(at, number)
            end = month.end
        facts.date = (0, MONTHS.index(month.kind) + 1, number.numbers[0])
        of = self._token(end, "of")
        year = self._token(of.end if of else end, "number")
        if year and 1_000 < year.numbers[0] < 10_000:
            facts.date, end = (year.numbers[0], *facts.date[1:]), year.end
        return end

    def _numbered_date(self, at: int, number: Token) -> int:
        """2026年12月24日, 12月24日; "on the 24th" of a rule is for `_every`."""
        year = 0
        if self._token(number.end, "year") and number.numbers[0] > 1_000:
            year = number.numbers[0]
            sign = self._token(number.end, "year")
            after = self._token(sign.end, "number") if sign else None
            if after is None:
                return at
            number = after
        month = self._token(number.end, "month")
        day = self._token(month.end, "number") if month else None
        sign = self._token(day.end, "day", "of_month") if day else None
        if day is None or sign is None:
            return self._day_of_month(at, number)
        self.facts.date = (year, number.numbers[0], day.numbers[0])
        return sign.end

    def _day_of_month(self, at: int, number: Token) -> int:
        """The day of a monthly rule: "every month on the 15th"."""
        facts = self.facts
        if facts.unit != "month" or not facts.every or not 1 <= number.numbers[0] <= 31:
            return at
        sign = self._token(number.end, "day", "of_month")
        if sign is None and self._token(number.end, "oclock", *PARTS, "am", "pm", *UNITS):
            return at
        facts.month_day = number.numbers[0]
        return sign.end if sign else number.end

    def _day(self, at: int) -> int:
        facts = self.facts
        if facts.near is not None or (facts.days and not facts.next):
            return at
        if near := self._token(at, *NEAR):
            facts.near = NEAR[near.kind]
            return near.end
        if tonight := self._token(at, "tonight"):
            facts.near, facts.part = 0, "evening"
            return tonight.end
        if (following := self._token(at, "next")) and not facts.next:
            thing = self._token(following.end, "week", "month", "year", *DAYS)
            if thing is None:
                return at
            facts.next = True
            if thing.kind in DAYS:
                facts.days = [DAYS.index(thing.kind)]
            else:
                facts.unit = thing.kind
            return thing.end
        if facts.every or facts.days:
            return at
        unit = self._token(at, "week", "month", "year")
        if unit and not facts.next and (following := self._token(unit.end, "next")):
            facts.next, facts.unit = True, unit.kind
            return following.end
        if day := self._token(at, *DAYS):
            facts.days = [DAYS.index(day.kind)]
            # "Mon, Wed and Fri" may be those of each week, or the next ones.
            joined = self._token(day.end, "and") or self._text[day.end : day.end + 1] in (",", "、")
            facts.unclear = bool(joined) and self._more_days(day.end) > day.end
            # "Vendredi prochain" is the coming one.
            following = self._token(day.end, "next")
            return following.end if following else day.end
        return at
