"""A short run of the chaos bench; the long one is `python -m bench.chaos`."""

import pytest

from bench.chaos import run


@pytest.mark.timeout(150)
async def test_nothing_is_lost_or_repeated_while_replicas_die_freeze_and_restart():
    """Kills, freezes, restarts, a Redis that goes away, cut models, floods: all answered once."""
    result = await run(seed=7, questions=40, seconds=15)
    assert result.good, result.table()
    assert sum(result.faults.values()) >= 5
