"""The contract suite on another store, if `TEST_STORE` names one: see `test_stores`."""

import os

import pytest

from tests.servers.redis_groups import KINDS


@pytest.fixture(autouse=True)
async def _store(tmp_path, monkeypatch):
    if (kind := os.environ.get("TEST_STORE", "")) == "":
        yield
        return
    async with KINDS[kind](tmp_path / "group") as group:
        monkeypatch.setenv("REDIS_URL", group.url)
        yield
