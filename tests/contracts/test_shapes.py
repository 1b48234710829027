"""Every shape that people send, on every platform; see `shapes`."""

import asyncio

import pytest

from tests.contracts.drivers import DRIVERS, driving
from tests.contracts.shapes import ANSWER, NOTHING, PAGE, all_cases, table
from tests.harness import until
from tests.servers.model import said


def asks(model, case):
    """Whether the model was asked, last, all that *case* says."""
    asked = said(model.requests[-1]["messages"][-1]) if model.requests else ""
    return all(part in asked for part in case.sees)


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: f"{case.platform}: {case.sent}")
async def test_a_shape_is_seen_and_answered_for_what_it_is(case, tmp_path, model):
    async with driving(DRIVERS[case.platform](), tmp_path, model) as driver:
        sent = case.send(driver)
        if asyncio.iscoroutine(sent):
            await sent
        if case.shows == NOTHING:
            # What comes behind it is answered, and it alone.
            await driver.say(case.place, "the next")
        # The answer to a remark may stand already when it begins anew with what was passed on.
        await until(lambda: case.shows == NOTHING or asks(model, case))
        posts = await driver.answered(case.place)
        if case.shows == NOTHING:
            assert len(model.requests) == 1
            return
        asked = said(model.requests[-1]["messages"][-1])
        assert not case.not_seen or case.not_seen not in asked
        if case.shows != ANSWER:
            assert any(case.shows in post.text for post in posts)
        await until(lambda: model.running_streams == 0)


def test_the_table_of_shapes_is_current():
    """Else: `python -m tests.contracts.shapes`."""
    assert PAGE.read_text() == table(all_cases())
