"""The contract on other stores than the embedded one: a Sentinel group, and a cluster.

A few of its tests are enough for each run: the store is the same for all platforms. The whole suite
runs on one of them with `TEST_STORE=cluster pytest tests/contracts` (or `sentinel`).
"""

from inspect import signature

import pytest

from tests.contracts import test_platform as contract
from tests.contracts.drivers import TelegramDriver
from tests.servers.model import ModelServer
from tests.servers.redis_groups import KINDS

SEED = (
    contract.test_a_follow_up_is_answered_from_history_and_no_other_conversation_sees_it,
    contract.test_an_event_that_is_delivered_again_is_answered_once,
    contract.test_nothing_is_acknowledged_before_the_inbox_holds_it,
    contract.test_new_forgets_the_conversation,
)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", KINDS)
async def test_the_contract_holds_on_other_stores(kind, tmp_path, monkeypatch):
    async with KINDS[kind](tmp_path / "group") as group:
        monkeypatch.setenv("REDIS_URL", group.url)
        for number, one in enumerate(SEED):
            async with ModelServer().running() as model:
                folder = tmp_path / str(number)
                folder.mkdir()
                given = {
                    "driver": TelegramDriver(),
                    "place": "dm",
                    "tmp_path": folder,
                    "model": model,
                    "monkeypatch": monkeypatch,
                }
                await one(**{name: given[name] for name in signature(one).parameters})
            for node in group.data:
                if await node.role() == "master":
                    await node.client.flushall()
