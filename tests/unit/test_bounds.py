"""How long the calls of an answer may take, and what ends them: a bound, or nobody's decision."""

from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from core.models.tool_calls import ToolCall
from core.store.journal import RoundRecord, StepRecord
from core.turn import consent
from core.turn.bounds import Bounds


def bounds_of(*rounds, seconds=60.0):
    settings = SimpleNamespace(tool_seconds=seconds)
    records = [RoundRecord("e", number, steps) for number, steps in enumerate(rounds)]
    journal = SimpleNamespace(rounds=records)
    context = SimpleNamespace(services=SimpleNamespace(settings=settings), journal=journal)
    return Bounds(context, None, dict)


def step(effect, seconds):
    return StepRecord(ToolCall("1", "x", "{}"), effect=effect, state="done", seconds=seconds)


@pytest.mark.parametrize(
    ("effect", "left"), [("read_only", 10.0), ("idempotent", -90.0), ("effects", -90.0)]
)
def test_calls_that_ran_side_by_side_in_an_earlier_try_took_their_time_once(effect, left):
    assert (
        bounds_of((step(effect, 50.0), step(effect, 50.0), step(effect, 50.0))).seconds_left == left
    )


def test_each_round_takes_its_own_time():
    assert bounds_of(*[(step("read_only", 20.0),)] * 3).seconds_left == 0


def test_the_time_counts_while_calls_run_and_not_between_rounds(monkeypatch):
    now = 0.0
    monkeypatch.setattr("core.turn.bounds.time", SimpleNamespace(monotonic=lambda: now))
    bounds = bounds_of()
    with bounds.clock():
        now = 25.0
        assert bounds.seconds_left == 35.0
    now = 500.0
    assert bounds.seconds_left == 35.0
    with bounds.clock():
        now = 540.0
        assert bounds.seconds_left == -5.0


def test_what_nobody_decided_is_told_once_and_nothing_left_to_do_is_done():
    states = ("done", "asked", "asked", "planned", "begun")
    steps = tuple(replace(step("read_only", 0.0), state=state) for state in states)
    (record,) = consent.lapsed([RoundRecord("e", 0, steps)], "over")
    assert [one.state for one in record.steps] == ["done", *["failed"] * 3, "begun"]
    assert [one.told for one in record.steps] == ["", "over", "", "", ""]
