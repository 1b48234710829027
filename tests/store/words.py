"""Mail and exchanges for the tests of the store."""

from core.messages import Exchange, Incoming, Sender, conversation_id
from core.store.inbox import Inbox


def said(number, *, chat="chat", thread="", person="test:1", **more):
    return Incoming(
        event_id=f"event-{number}",
        conversation=conversation_id("test", chat, thread),
        sender=Sender(person, "Ann"),
        text=f"question {number}",
        **more,
    )


def exchange(number):
    return Exchange(f"event-{number}", "Ann", f"question {number}", "answer", 0.0)


async def two_views(redis, **more):
    """Two workers' inboxes on one store."""
    pair = [
        Inbox(redis, name, history_ttl_s=1000, most_waiting=5, lease_s=0.3, **more)
        for name in ("one", "two")
    ]
    await pair[0].prepare(["test"])
    return pair


async def take(inbox):
    """The next claim, and its turn: none when its person has to wait."""
    (claim,) = await inbox.claim(["test"], 1, 0.5)
    return claim, await claim.load(10_000)


async def counted(redis):
    """The commands that Redis has carried out, those of scripts included, and what it has read."""
    stats = await redis.info("stats")
    return stats["total_commands_processed"], stats["total_reads_processed"]
