"""Fixtures that every test may use."""

import hypothesis
import pytest

from bots.registry import found, settings_of
from tests.servers.model import ModelServer

# The same examples everywhere and every time: `bench.fuzz` is where new ones are looked for.
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None)
hypothesis.settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch):
    for name in settings_of(found()).model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
async def model():
    """A scriptable model that echoes."""
    async with ModelServer().running() as server:
        yield server
