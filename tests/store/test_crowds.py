"""The post that tells a group that people wait: when it may take a token of an answer's."""

import asyncio

import pytest

import core.crowd
from bench.overload import MemoryPlatform, MemorySurface
from core.crowd import CrowdTeller
from core.messages import Incoming, Sender, conversation_id
from core.platform import Bucket
from core.store.crowds import Crowds
from core.store.inbox import Inbox
from core.store.limits import Notices
from core.store.tokens import SharedBudget

BUCKETS = (Bucket("place", 4, 100.0),)


class Tenant(MemoryPlatform):
    """A tenant whose group has a budget."""

    def __init__(self, name):
        super().__init__([])
        self.name = name

    def open_surface(self, conversation, reply_to):
        surface = MemorySurface(self.posts[conversation])
        surface.budget = surface.final_budget = BUCKETS
        return surface


@pytest.mark.parametrize("others", [0, 1])
async def test_a_notice_takes_an_answers_token_after_a_while_however_many_tenants_there_are(
    redis, monkeypatch, others
):
    monkeypatch.setattr(core.crowd, "SPARE_WAIT_S", 0.2)
    budget, box = SharedBudget(redis), Inbox(redis, "one", history_ttl_s=1000, most_waiting=10)
    tenants = [Tenant("quarry"), *(Tenant(f"quarry+{number}") for number in range(others))]
    await box.prepare([one.name for one in tenants])
    group = conversation_id("quarry", "-1")
    for person in ("1", "2"):
        sender = Sender(f"quarry:{person}", "Ann")
        asked = {
            "private": False,
            "conversation": group,
            "sender": sender,
            "text": "hello",
            "message": person,
        }
        kept = await box.put(Incoming(event_id=f"quarry:{person}", **asked))
        assert kept.verdict == "kept"
    for _ in range(2):  # Less than half is left: no token that no answer needs.
        await budget.take(BUCKETS, "final")
    teller = CrowdTeller(Crowds(redis, box), Notices(redis), budget)
    for _ in range(2):
        for one in tenants:
            await teller.look(one, 0.0)
        assert not tenants[0].posts[group]
    await asyncio.sleep(0.2)
    await teller.look(tenants[0], 0.0)
    assert ["2" in post.text for post in tenants[0].posts[group]] == [True]
