"""What was counted, kept by hour and day."""

from core.store import keys
from core.store.use import Told, Use, days, hours
from tests.store.words import counted


def told(name="one"):
    return Told(name, 1.0, 0.0, "0.2", 1, 2, (0.0, 0.0))


async def test_what_processes_counted_adds_up_in_the_hour_and_in_the_day(redis):
    # As versions before wrote it.
    for period in hours(1) + days(1):
        await redis.hincrbyfloat(keys.use(period), "turns", 1.5)
    use = Use(redis)
    await use.add({"turns": 2.0, "usd": 0.1}, told())
    await Use(redis).add({"usd": 0.2, "in|x|kept": 1.0}, told("other"))
    for found in await use.counted([*hours(1), *days(1)]):
        assert found["turns"] == 3.5
        assert abs(found["usd"] - 0.3) < 1e-12
        assert found["in|x|kept"] == 1.0
    assert len(await redis.hgetall(keys.REPLICAS)) == 2


async def test_what_is_no_number_counts_as_none_and_a_key_of_another_type_is_put_aside(redis):
    hour, day = keys.use(hours(1)[0]), keys.use(days(1)[0])
    await redis.hset(hour, "turns", "many")
    await redis.set(day, "no hash")
    use = Use(redis)
    await use.add({"turns": 2.0}, told())
    for found in await use.counted([*hours(1), *days(1)]):
        assert found["turns"] == 2.0


async def test_counts_expire(redis):
    use = Use(redis)
    for _ in range(2):
        await use.add({"turns": 1.0}, told())
    for name in (keys.use(hours(1)[0]), keys.use(days(1)[0]), keys.REPLICAS):
        assert await redis.ttl(name) > 24 * 3600


async def test_counting_costs_as_many_commands_for_many_numbers_as_for_few(redis):
    use, many = Use(redis), {f"first|{number}": 0.5 for number in range(2500)}
    await use.add(many, told())
    found = await use.counted(hours(1))
    assert found == [many]
    few = {f"first|{number}": 0.5 for number in range(900)}
    before = await counted(redis)
    await use.add(few, told())
    commands, trips = (now - then for now, then in zip(await counted(redis), before, strict=True))
    assert (commands - 1, trips - 1) == (7, 1)
