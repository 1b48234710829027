"""Times as people say them, and times that come again, against a slow walk through the minutes."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from babel import Locale as Babel
from hypothesis import given
from hypothesis import strategies as st

from core.languages.catalogue import LANGUAGES, say
from core.times.facts import DAYS, MONTHS
from core.times.rules import Rule, following, instant, is_rule, least_gap_s, zone_named
from core.times.spoken import NotUnderstoodError, PastError, TooFarError, understand
from core.times.zones import zone_meant

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=BERLIN)
"""A Wednesday."""
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "UTC")


def read(text, *languages, now=NOW):
    said = understand(text, now, languages)
    return f"{datetime.fromtimestamp(said.at, now.tzinfo):%m-%d %H:%M}", said.text


@pytest.mark.parametrize(
    ("text", "when", "rest"),
    [
        ("friday 9:00 call Anna", "11-27 09:00", "call Anna"),
        ("call Anna on Friday at nine", "11-27 09:00", "call Anna"),
        ("in 20 minutes tea", "11-25 12:20", "tea"),
        ("1h30m tea", "11-25 13:30", "tea"),
        ("wednesday 11:00 x", "12-02 11:00", "x"),
        ("wednesday 13:00 x", "11-25 13:00", "x"),
        ("9:00 at the office", "11-26 09:00", "at the office"),
        ("tomorrow at 24:00 x", "11-27 00:00", "x"),
        ("next friday x", "12-04 09:00", "x"),
        ("12/10 x", "12-10 09:00", "x"),
        ("half past eight pm x", "11-25 20:30", "x"),
        ("December 24 6pm x", "12-24 18:00", "x"),
        ("Anna am Freitag um 9 anrufen", "11-27 09:00", "Anna anrufen"),
        ("明天早上9点给妈妈打电话", "11-26 09:00", "给妈妈打电话"),
        ("明日の9時に母に電話", "11-26 09:00", "母に電話"),
        ("через час чай", "11-25 13:00", "чай"),
        ("فردا ساعت ۹ زنگ بزن", "11-26 09:00", "زنگ بزن"),
        ("غدا الساعة 9 اتصل\nبآنا", "11-26 09:00", "اتصل\nبآنا"),
    ],
)
def test_a_time_is_found_and_the_rest_is_the_text(text, when, rest):
    assert read(text) == (when, rest)


@pytest.mark.parametrize(
    "text",
    ["am Freitag um neun x", "vendredi à neuf heures x", "vendredi 9 heures x", "on friday at 9 x"],
)
def test_the_language_that_understands_most_is_meant(text):
    said = understand(text, NOW, ["en"])
    assert said.text == "x"
    assert datetime.fromtimestamp(said.at, BERLIN) == datetime(2026, 11, 27, 9, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("yesterday x", PastError),
        ("in 0 seconds x", PastError),
        ("today 11:00 x", PastError),
        ("2020-01-01 x", PastError),
        ("in 1000000000 years x", TooFarError),
        ("in 999999999999 minutes x", TooFarError),
        ("in 10^9 years x", NotUnderstoodError),
        ("tomorrow at 25:00 x", NotUnderstoodError),
        ("every day at 8:30 and 17:00 stretch", NotUnderstoodError),
        ("jeden Tag um 8:30 und um 17:00 x", NotUnderstoodError),
        ("every day at 9am and 6pm drink", NotUnderstoodError),
        ("täglich um 9 und 18 Uhr trinken", NotUnderstoodError),
        ("每天9点和18点喝水", NotUnderstoodError),
        ("2026-13-40 x", NotUnderstoodError),
        ("30 february x", NotUnderstoodError),
        ("call Anna", NotUnderstoodError),
        ("first monday of every month 9:00 rent", NotUnderstoodError),
        ("Mon, Wed and Fri 7am run", NotUnderstoodError),
        ("", NotUnderstoodError),
    ],
)
def test_what_is_over_too_far_or_no_time_is_told_apart(text, error):
    with pytest.raises(error):
        understand(text, NOW)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("every weekday 8:30 x", Rule(cron="30 8 * * 1,2,3,4,5", unit="week")),
        ("mondays at 9 x", Rule(cron="0 9 * * 1", unit="week")),
        ("every 31st x", Rule(cron="0 9 L * *", unit="month")),
        ("every 30 minutes x", Rule(minutes=30)),
        ("jeden Morgen x", Rule(cron="0 9 * * *")),
        ("毎週月曜日9時に x", Rule(cron="0 9 * * 1", unit="week")),
        ("每周一9点 x", Rule(cron="0 9 * * 1", unit="week")),
        (
            "every 2 weeks on monday x",
            Rule(cron="0 9 * * 1", nth=2, unit="week", since="2026-11-30"),
        ),
    ],
)
def test_what_comes_again_is_a_rule(text, rule):
    assert understand(text, NOW).rule == rule


@pytest.mark.parametrize("tag", LANGUAGES)
def test_the_names_of_days_and_months_are_those_of_cldr(tag):
    theirs = Babel.parse(tag, sep="-")
    for number, kind in enumerate(DAYS):
        name = theirs.days["format"]["wide"][number]
        assert datetime.fromtimestamp(understand(f"{name} x", NOW, [tag]).at, BERLIN).weekday() == (
            DAYS.index(kind)
        ), name
    for number in range(len(MONTHS)):
        name = theirs.months["format"]["wide"][number + 1]
        if name[0].isdigit():
            continue  # 12月24日 is read by its signs.
        month = datetime.fromtimestamp(understand(f"5 {name} x", NOW, [tag]).at, BERLIN).month
        assert month == number + 1, name


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_example_that_the_bot_shows_is_understood(tag):
    shown = [say("remind_forms", tag), say("remind_none", tag)]
    examples = [one for text in shown for one in re.findall(r"/remind ([^`]+)`", text)]
    assert len(examples) >= 7
    for example in examples:
        # The word for all of us is taken off before.
        said = understand(example, NOW, [tag])
        assert said.at > NOW.timestamp(), example
        assert said.text, example


def matches(local, weekdays, hour, minute):
    return local.weekday() in weekdays and (local.hour, local.minute) == (hour, minute)


def walked(zone, weekdays, hour, minute, after):
    """The next time, found minute by minute: the slow reference."""
    at = datetime.fromtimestamp(after, UTC).replace(second=0, microsecond=0)
    seen = at.astimezone(zone).replace(tzinfo=None)
    for _ in range(9 * 24 * 60):
        at += timedelta(minutes=1)
        local = at.astimezone(zone).replace(tzinfo=None)
        # Minutes that the clocks skip count at the first one that exists.
        skipped = seen + timedelta(minutes=1)
        while skipped < local:
            if matches(skipped, weekdays, hour, minute):
                return at.timestamp()
            skipped += timedelta(minutes=1)
        first_time = instant(local, zone) == at
        if matches(local, weekdays, hour, minute) and first_time:
            return at.timestamp()
        seen = max(seen, local)
    return None


@given(
    zone=st.sampled_from(ZONES),
    weekdays=st.sets(st.integers(0, 6), min_size=1),
    hour=st.integers(0, 4),
    minute=st.integers(0, 59),
    near=st.sampled_from(
        [
            datetime(2027, 3, 13, tzinfo=UTC),
            datetime(2027, 3, 27, tzinfo=UTC),
            datetime(2027, 4, 3, tzinfo=UTC),
            datetime(2027, 10, 30, tzinfo=UTC),
        ]
    ),
    minutes=st.integers(0, 2 * 24 * 60),
)
def test_a_rule_gives_what_a_walk_through_the_minutes_finds(
    zone, weekdays, hour, minute, near, minutes
):
    zone = ZoneInfo(zone)
    after = near.timestamp() + minutes * 60
    days = ",".join(str((day + 1) % 7) for day in sorted(weekdays))
    rule = Rule(cron=f"{minute} {hour} * * {days}")
    at, missed = following(rule, zone, after, after)
    assert (at, missed) == (walked(zone, weekdays, hour, minute, after), 0)


def test_a_doubled_time_comes_once_and_a_skipped_one_at_the_first_minute_that_exists():
    rule = Rule(cron="30 2 * * *")
    for day, found in (("2027-03-27", "28 03:00"), ("2027-10-30", "31 02:30")):
        due = datetime.fromisoformat(f"{day} 03:00").replace(tzinfo=BERLIN).timestamp()
        at, _ = following(rule, BERLIN, due, due)
        assert f"{datetime.fromtimestamp(at, BERLIN):%d %H:%M}" == found
        after, _ = following(rule, BERLIN, at, at)
        assert after - at > 23 * 3600


@given(st.integers(1, 500), st.integers(0, 10**7))
def test_missed_times_are_counted_and_the_next_one_lies_ahead(minutes, behind):
    rule = Rule(minutes=minutes)
    at, missed = following(rule, UTC, 1_000_000.0, 1_000_000.0 + behind)
    assert at > 1_000_000.0 + behind >= at - minutes * 60
    assert missed == behind // (minutes * 60)


def test_years_of_missed_times_take_no_years_to_count():
    at, missed = following(Rule(cron="* * * * *"), BERLIN, 0.0, 1.8e9)
    assert at > 1.8e9
    assert missed == 1_000


@pytest.mark.parametrize("cron", ["", "x", "* * * * * *", "0 0 30 2 *", "99 * * * *", "* * * *"])
def test_what_is_no_rule_is_refused(cron):
    assert not is_rule(Rule(cron=cron))


def test_the_least_gap_is_found():
    assert least_gap_s(Rule(cron="0,2 9 * * *"), BERLIN, NOW.timestamp()) == 120


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "\0"])
def test_a_zone_that_is_none_is_none(name):
    assert zone_named(name) is None


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    try:
        said = understand(text, NOW)
    except (NotUnderstoodError, PastError, TooFarError):
        return
    assert said.at > NOW.timestamp()


def test_a_city_means_the_same_zone_wherever_it_is_written():
    """`/remind zone` and `/settings timezone` once read the list in two ways."""
    assert [zone_meant(one) for one in ("berlin", "New  York", "utc", "eastern")] == [
        "Europe/Berlin",
        "America/New_York",
        "UTC",
        "US/Eastern",
    ]
    assert not zone_meant("../../etc/passwd")
