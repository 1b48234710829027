"""A real Valkey for the tests of the store."""

import pytest

from core.store.connection import connect
from core.store.embedded import embedded


@pytest.fixture
async def redis(tmp_path):
    async with embedded(tmp_path / "store") as url, connect(url) as client:
        yield client
