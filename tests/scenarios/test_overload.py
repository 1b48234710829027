"""A short run of the overload bench; the long one is `python -m bench.overload`."""

import pytest

from bench.overload import run


@pytest.mark.timeout(120)
async def test_more_questions_than_workers_are_all_answered_with_bounded_work():
    result = await run(questions=400, conversations=40, max_turns=8)
    assert result.good, result.table()
    assert result.most_at_once <= 8
    # Who asks once does not wait for who asks a lot: all have an answer before half are given.
    assert max(result.first_of_each_s) < result.seconds / 2
