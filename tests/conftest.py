"""Fixtures that every test may use."""

import hypothesis
import pytest
import structlog

from bots.registry import found, settings_of
from core.tools import built_in
from tests.servers.model import ModelServer
from tests.servers.tools import EFFECTS, ServedTool, ToolServer

# The same examples everywhere and every time: `bench.fuzz` is where new ones are looked for.
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None)
hypothesis.settings.load_profile("suite")
_configure = structlog.configure


def _configure_for_now(**more):
    """A logger that keeps its first configuration would carry it into the next test."""
    _configure(**{**more, "cache_logger_on_first_use": False})


structlog.configure = _configure_for_now


@pytest.fixture(autouse=True)
def _plain_logs():
    """To standard output. A traceback is not drawn in colours: each would take a second."""
    _configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(0),
        logger_factory=structlog.PrintLoggerFactory(),
    )


SETTINGS = tuple(settings_of(found()).model_fields)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch):
    for name in SETTINGS:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(autouse=True)
def _nobody_is_waited_for(monkeypatch):
    """Many tests begin with "hello", which asks nothing: what waits for more has its own tests."""
    monkeypatch.setattr("core.turn.bursts.THINKS_S", 0.02)


@pytest.fixture
async def model():
    """A scriptable model that echoes."""
    async with ModelServer().running() as server:
        yield server


@pytest.fixture
async def served(monkeypatch):
    """The tools `look`, `set` and `make`, and the server that does what they say."""
    async with ToolServer().running_at() as server:
        for name in EFFECTS:
            monkeypatch.setitem(
                built_in.BUILT_IN, name, lambda name=name: ServedTool(server.url, name)
            )
        yield server
