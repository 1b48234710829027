"""Budgets as values: what a text sets, which holds for whom, and when a period ends."""

import datetime
import struct
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from core.messages import Spent, conversation_id
from core.models.palaver_file import BudgetEntry
from core.models.sound import seconds_of
from core.people.budgets import NO_LIMIT, Limit, applying, limits_of, read_limit
from core.people.periods import PERS, moment, period_at
from core.store.budgets import Row
from core.turn.commands.tally import csv_of
from tests.harness import settings_for

HERE = conversation_id("telegram", "-5", "7")
ODD = (
    *("Europe/Berlin", "America/Havana", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia"),
    *("Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati", "Africa/Casablanca"),
)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("2 usd/day", Limit("person", "usd", 2_000_000, "day")),
        ("$0.50 a week", Limit("person", "usd", 500_000, "week")),
        ("2.5$ / month gpt-5*", Limit("person", "usd", 2_500_000, "month", model="gpt-5*")),
        ("100K tokens per month", Limit("person", "tokens", 100_000, "month")),
        ("1.5m tokens/day", Limit("person", "tokens", 1_500_000, "day")),
        ("90 minutes/hour", Limit("person", "minutes", 5_400, "hour")),
        ("0 pictures/day", Limit("person", "pictures", 0, "day")),
        ("20 calls/day", Limit("person", "tools", 20, "day")),
    ],
)
def test_a_text_sets_a_limit(text, limit):
    assert read_limit("person", text) == limit


@pytest.mark.parametrize(
    "text",
    [
        *("", "2", "2 usd", "usd/day", "-2 usd/day", "2 euro/day", "2 usd/year", "nan usd/day"),
        *("9999999999999 usd/day", "1e9 tokens/day", "$2 usd/day", "2 usd/day a b", "²usd/day"),
    ],
)
def test_what_is_no_limit_is_refused(text):
    with pytest.raises(ValueError, match=r"no budget|no amount|too much"):
        read_limit("person", text)


def test_the_operators_limits_are_read_and_a_wrong_one_names_its_setting(tmp_path):
    settings = settings_for(
        tmp_path, budgets="person 2 usd/day; tenant 9 usd/week", over_budget="x"
    )
    entry = BudgetEntry("place", ("5 pictures/day", "1 usd/day"), "telegram:-5", "a*")
    assert limits_of(settings, [entry]) == (
        Limit("person", "usd", 2_000_000, "day", over="x"),
        Limit("tenant", "usd", 9_000_000, "week", over="x"),
        Limit("place", "pictures", 5, "day", "telegram:-5", "a*"),
        Limit("place", "usd", 1_000_000, "day", "telegram:-5", "a*"),
    )
    with pytest.raises(ConfigError, match="BUDGETS"):
        limits_of(settings_for(tmp_path, budgets="everybody 2 usd/day"), [])
    with pytest.raises(ConfigError, match="PALAVER_CONFIG"):
        limits_of(settings_for(tmp_path), [BudgetEntry("person", "much")])


def test_who_is_named_goes_before_each_and_the_later_before_the_earlier():
    each, later = Limit("person", "usd", 1, "day"), Limit("person", "usd", 2, "day")
    bob, place = Limit("person", "usd", 9, "day", "telegram:2"), Limit("place", "usd", 3, "day")
    lifted = Limit("place", "usd", NO_LIMIT, "day", "telegram:-5")
    everything = [bob, each, place, later]
    assert applying(everything, HERE, "telegram:2") == [bob, place]
    assert applying(everything, HERE, "telegram:1") == [later, place]
    assert applying([*everything, lifted], HERE, "telegram:1") == [later]


def test_a_limit_counts_the_models_that_it_names_but_not_the_one_that_answers_instead():
    limit = Limit("person", "tokens", 9, "day", model="gpt-*", over="gpt-mini")
    spent = {name: Spent(prompt_tokens=1) for name in ("gpt-5", "gpt-mini", "other", "")}
    assert limit.of_spent(spent) == 1
    assert Limit("person", "tokens", 9, "day").of_spent(spent) == 4


@given(
    st.sampled_from(PERS),
    st.sampled_from(ODD),
    st.integers(1_262_304_000, 2_051_222_400),
)
def test_a_period_ends_when_the_next_begins(per, zone, at):
    """Also where clocks change at midnight, by half an hour, or a whole day is left out."""
    now = datetime.datetime.fromtimestamp(at, ZoneInfo(zone))
    period = period_at(per, now)
    until = period.until.astimezone(datetime.UTC)
    assert until > now.astimezone(datetime.UTC)
    second = datetime.timedelta(seconds=1)
    before, after = (one.astimezone(ZoneInfo(zone)) for one in (until - second, until))
    assert period_at(per, before).name == period.name != period_at(per, after).name
    assert period_at(per, before).until == period.until


@pytest.mark.parametrize(
    ("zone", "at", "per", "shown"),
    [
        ("Europe/Berlin", (2026, 10, 25, 1), "day", "2026-10-26 00:00 (Europe/Berlin)"),
        # Clocks go from 24:00 to 1:00 that night.
        ("Asia/Beirut", (2026, 3, 28, 12), "day", "2026-03-29 01:00 (Asia/Beirut)"),
        # Samoa had no 30 December.
        ("Pacific/Apia", (2011, 12, 29, 12), "day", "2011-12-31 00:00 (Pacific/Apia)"),
        ("Europe/Berlin", (2026, 12, 31, 23), "month", "2027-01-01 00:00 (Europe/Berlin)"),
        ("Europe/Berlin", (2026, 11, 26, 12), "week", "2026-11-30 00:00 (Europe/Berlin)"),
        ("Asia/Kathmandu", (2026, 11, 26, 12), "hour", "2026-11-26 12:45 (Asia/Kathmandu)"),
    ],
)
def test_the_end_is_told_in_the_places_time(zone, at, per, shown):
    now = datetime.datetime(*at, tzinfo=ZoneInfo(zone))
    assert moment(period_at(per, now).until) == shown


def test_a_file_of_usage_runs_no_formula():
    rows = [
        Row("person", "slack:U1", '=HYPERLINK("http://evil")', Spent(turns=1, cost_usd=0.5)),
        Row("model", "@cmd", "", Spent(turns=2)),
        Row("place", " +1", 'a, "b"\n=c', Spent()),
    ]
    lines = csv_of(rows).decode("utf-8-sig")
    assert 'person,slack:U1,"\'=HYPERLINK(""http://evil"")",1,0,0,0,0,0,0.500000' in lines
    assert "model,'@cmd,,2" in lines
    assert "place,' +1," in lines


def test_the_length_of_a_recording_is_read_from_its_container():
    ogg = b"OggS" + bytes(24) + b"OpusHead" + bytes(40_000)
    last = b"OggS\x00\x04" + struct.pack("<q", 48_000 * 7) + bytes(20)
    assert seconds_of(ogg + last) == 7
    wav = b"RIFF" + bytes(4) + b"WAVEfmt " + bytes(12) + struct.pack("<I", 100) + bytes(968)
    assert seconds_of(wav) == 10
    mp4 = b"\0\0\0\x18ftyp" + bytes(16) + b"mvhd" + bytes(12) + struct.pack(">II", 1000, 4500)
    assert seconds_of(mp4 + bytes(100)) == 4.5
    assert seconds_of(bytes(6000)) == 3
    for broken in (b"OggS", b"OggSOpusHead", wav[:20], mp4[:40], b""):
        assert seconds_of(broken) == len(broken) / 2000
