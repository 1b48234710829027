"""What was said while nobody read is taken in place by place, side by side."""

from core.store import keys
from tests.contracts.drivers import TelegramDriver, driving
from tests.harness import at_rest, until
from tests.scenarios.test_trips import monitored
from tests.servers.redis import redis_at

CHATS = range(601, 621)


async def taken_in(tmp_path, model, said):
    """The commands of Redis while what was *said* at once, (chat, text), is taken in."""
    driver = TelegramDriver()
    async with redis_at(tmp_path / "redis") as redis:
        await until(redis.answers)
        async with (
            driving(driver, tmp_path, model, redis_url=redis.url),
            monitored(redis.url) as seen,
        ):
            for chat in {chat for chat, _ in said}:
                driver.server.add_private(chat)
            for chat, text in said:
                driver.server.say(chat, text, user=driver.server.person(chat))
            await until(lambda: len(puts(seen)) >= len(said))
            await at_rest(driver.app.core)
    return seen


def puts(seen):
    """What was put into the inbox, in order."""
    return [
        command for _, command in seen if f" {keys.seen('')}" in command and "LOAD" not in command
    ]


async def test_no_chat_waits_until_another_one_is_taken_in(tmp_path, model):
    seen = await taken_in(tmp_path, model, [(chat, "Hello") for chat in CHATS])
    commands = [command for _, command in seen]
    before = commands[: commands.index(puts(seen)[0])]
    assert sum(one.startswith(f"HMGET {keys.TAG}:members") for one in before) >= len(CHATS)


async def test_what_is_said_in_one_chat_keeps_its_order(tmp_path, model):
    said = [(chat, f"Part {part}.") for part in range(4) for chat in (*CHATS[:4], CHATS[0])]
    mine = [one for one in puts(await taken_in(tmp_path, model, said)) if f":{CHATS[1]}" in one]
    parts = [one.partition("Part ")[2][:1] for one in mine]
    assert list(dict.fromkeys(parts)) == ["0", "1", "2", "3"]
