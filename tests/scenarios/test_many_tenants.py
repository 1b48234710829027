"""Several workspaces and bots on three replicas: `bench.tenants` does the same with 50 and 20."""

import pytest

from bench.tenants import run


@pytest.mark.timeout(180)
@pytest.mark.parametrize("shards", [1, 4])
async def test_tenants_on_three_replicas_lose_nothing_and_nothing_crosses(shards):
    """Installed, revoked, renewed, and one process is killed in the middle of answers."""
    result = await run(workspaces=2, bots=2, patience_s=60, shards=shards)
    assert result.good, result
    assert result.answered == 11
    assert result.renewed >= 2
