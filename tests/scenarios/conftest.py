"""Several processes on one Redis and one Telegram."""

import pytest

from tests.contracts.drivers import TelegramDriver
from tests.harness import Replica
from tests.servers.redis import redis_at


@pytest.fixture
async def redis(tmp_path):
    async with redis_at(tmp_path / "redis") as server:
        yield server


@pytest.fixture
async def server():
    driver = TelegramDriver()
    async with driver.running():
        yield driver.server


@pytest.fixture
def replica(tmp_path, redis, server, model):
    """Starts processes that share *redis* and *server*."""
    running = []

    def start(*, warm=True, **settings):
        folder = tmp_path / f"replica-{len(running)}"
        one = Replica(folder, redis, server, model, warm=warm, **settings)
        one.start()
        running.append(one)
        return one

    yield start
    for one in running:
        one.end()
