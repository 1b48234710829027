"""An ended turn leaves memory by itself: it is no cycle that waits for the garbage collector."""

import gc

import pytest

from core.turn.context import TurnContext
from core.turn.rounds import Rounds
from tests.contracts.drivers import DRIVERS, driving
from tests.harness import at_rest, until
from tests.servers.redis import redis_at


@pytest.fixture
def uncollected():
    """The garbage collector finds nothing meanwhile."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def left():
    return [one for one in gc.get_objects() if isinstance(one, TurnContext | Rounds)]


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("name", DRIVERS)
async def test_nothing_is_left_of_an_ended_turn(name, tmp_path, model):
    driver = DRIVERS[name]()
    place = driver.places[0]
    async with (
        redis_at(tmp_path / "redis") as redis,
        driving(driver, tmp_path, model, redis_url=redis.url),
    ):
        await driver.say(place, "Tell me")
        await driver.answered(place)
        await at_rest(driver.app.core)
        await until(lambda: not left())
