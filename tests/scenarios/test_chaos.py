"""A short run of the chaos bench; the long one is `python -m bench.chaos`."""

import pytest

from bench.chaos import STORES, run


@pytest.mark.timeout(240)
@pytest.mark.parametrize("store", STORES)
async def test_nothing_is_lost_or_repeated_while_replicas_die_freeze_and_restart(store):
    """Kills, freezes, restarts, a store that fails over, cut models, floods: all answered once."""
    result = await run(seed=7, questions=40, seconds=15, store=store)
    assert result.good, result.table()
    assert sum(result.faults.values()) >= 5
