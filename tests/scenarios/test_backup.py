"""`palaver backup` and `palaver restore`, with a service that runs and with one that is new."""

import asyncio
import io
import json
import os
import stat
import time

import pytest

from core.messages import conversation_id
from core.store import keys
from core.store.backup import MOST_BYTES_AT_ONCE, BackupError, check, parts
from core.store.connection import connect
from core.store.use import Told, Use
from core.store.values import TYPES
from tests.contracts.drivers import TelegramDriver, driving
from tests.harness import until
from tests.scenarios.test_command import run
from tests.servers.redis import redis_at


async def test_a_backup_of_a_running_service_goes_on_in_an_empty_store(tmp_path, model):
    file = tmp_path / "all.backup"
    driver = TelegramDriver()
    async with (
        redis_at(tmp_path / "one") as one,
        driving(driver, tmp_path, model, redis_url=one.url),
    ):
        await driver.say("dm", "my name is Ada")
        await driver.answered("dm")
        await driver.say("dm", "/memory add I like tea")
        await until(lambda: len(driver.server.posts(77)) == 2)
        model.piece_s, model.answer = 0.05, lambda messages: "Words of an answer. " * 30
        await driver.say("dm", "asked, and not yet answered")
        await until(lambda: len(model.requests) == 2)
        code, _, err = await run(tmp_path, "backup", str(file), REDIS_URL=one.url)
        assert code == 0, err
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "my name" not in err
    model.piece_s = 0
    model.requests.clear()
    model.answer = lambda messages: "Here I am again."
    async with redis_at(tmp_path / "two") as two:
        code, _, err = await run(tmp_path, "restore", str(file), REDIS_URL=two.url)
        assert code == 0, err
        async with driving(TelegramDriver(), tmp_path, model, redis_url=two.url):
            # The question in the mailbox is answered, with all that was said before.
            await until(lambda: model.requests)
            asked = str(model.requests[0]["messages"])
            assert "my name is Ada" in asked
            assert "I like tea" in asked
            assert "asked, and not yet answered" in asked
            async with connect(two.url) as client:
                history = keys.history(conversation_id("telegram", "77"))
                await until(lambda: _is(client.llen(history), 2))


async def _is(found, wanted):
    return await found == wanted


async def test_every_kind_of_key_comes_back_as_it_was_and_at_its_time(tmp_path):
    async with redis_at(tmp_path / "one") as one, redis_at(tmp_path / "two") as two:
        async with connect(one.url) as client:
            tag = keys.TAG
            await client.hset(f"{tag}:state:a:b:", "preferences", "{}")
            await client.rpush(f"{tag}:history:a:b:", "one", b"\xff\xfe")
            await client.zadd(f"{tag}:recent:a:b:", {"x": 1.5})
            await client.sadd(f"{tag}:posts:a:b:", "p")
            await client.set(f"{tag}:told:x", "1", ex=1000)
            await client.set(f"{tag}:told:gone", "1", px=300)
            await client.set(f"{tag}:lease:x", "whose")
            await client.set("somebody else's", "1")
            for number in range(450):
                await client.rpush(f"{tag}:history:many:{number}:", number)
        code, out, _ = await run(tmp_path, "backup", "-", REDIS_URL=one.url)
        assert code == 0
        await asyncio.sleep(0.4)
        piped = out.encode()
        code, _, err = await run(tmp_path, "restore", "-", piped=piped, REDIS_URL=two.url)
        assert code == 0, err
        async with connect(one.url) as before, connect(two.url) as after:
            names = {name async for name in after.scan_iter("*")}
            assert names == {name async for name in before.scan_iter(f"{tag}:*")} - {
                f"{tag}:lease:x".encode()
            }
            for name in names:
                assert await after.dump(name) == await before.dump(name)
                assert abs(await after.pttl(name) - await before.pttl(name)) < 5000


async def test_a_backup_that_is_cut_changed_or_foreign_changes_nothing(tmp_path):
    async with redis_at(tmp_path / "one") as one:
        async with connect(one.url) as client:
            await client.rpush(f"{keys.TAG}:history:a:b:", "one")
        _, out, _ = await run(tmp_path, "backup", "-", REDIS_URL=one.url)
        head, entry, tail = out.splitlines(keepends=True)
        code, _, err = await run(
            tmp_path, "restore", "--replace", "-", piped=entry.encode(), REDIS_URL=one.url
        )
        assert (code, err.count("\n")) == (1, 1)
        foreign = json.dumps({**json.loads(entry), "name": "somebody else's"}) + "\n"
        for bad in (
            "",
            "no json\n",
            head + entry,
            head + tail,
            entry + tail,
            head + entry.replace("history", "hystory") + tail,
            head + foreign + tail,
            head.replace(":1", ":99") + entry + tail,
            out + entry,
        ):
            with pytest.raises(BackupError):
                check(io.BytesIO(bad.encode()))
        assert check(io.BytesIO(out.encode())) == 1
        async with connect(one.url) as client:
            assert await client.lrange(f"{keys.TAG}:history:a:b:", 0, -1) == [b"one"]
            assert await client.dbsize() == 1


async def test_a_store_that_is_not_empty_is_written_over_only_if_told(tmp_path):
    async with redis_at(tmp_path / "one") as one:
        async with connect(one.url) as client:
            await client.rpush(f"{keys.TAG}:history:a:b:", "one")
        file = tmp_path / "all.backup"
        assert (await run(tmp_path, "backup", str(file), REDIS_URL=one.url))[0] == 0
        code, _, err = await run(tmp_path, "backup", str(file), REDIS_URL=one.url)
        assert (code, "exists already" in err) == (1, True)
        code, _, err = await run(tmp_path, "restore", str(file), REDIS_URL=one.url)
        assert (code, "--replace" in err) == (1, True)
        code, _, _ = await run(tmp_path, "restore", str(file), "--replace", REDIS_URL=one.url)
        assert code == 0


WRITE = {"hash": "HSET {} f 1", "list": "RPUSH {} 1", "set": "SADD {} 1", "string": "SET {} 1"}
WRITE |= {"zset": "ZADD {} 1 m", "stream": "XADD {} * f 1"}


async def test_only_queues_leases_and_what_processes_tell_of_themselves_are_in_no_backup(tmp_path):
    """The posts of the page are in it: nothing else knows them."""
    file = tmp_path / "all.backup"
    async with redis_at(tmp_path / "one") as one:
        async with connect(one.url) as client:
            for kind, type_ in TYPES.items():
                name = f"{keys.TAG}:{kind}:a:b:"
                await client.execute_command(*WRITE[type_].format(name).split())
        code, _, err = await run(tmp_path, "backup", str(file), REDIS_URL=one.url)
        assert code == 0, err
    _, *entries, _ = map(json.loads, file.read_text().splitlines())
    left_out = set(TYPES) - {entry["name"].split(":")[2] for entry in entries}
    queues = {"ready", "lanes", "running", "parked", "crowd", "gesture"}
    assert left_out == queues | {"lease", "level", "pulse", "replicas"}


async def test_nothing_is_restored_under_a_process_that_runs(tmp_path):
    """It has read what would change, and goes on writing from that."""
    file = tmp_path / "all.backup"
    async with redis_at(tmp_path / "one") as one, connect(one.url) as client:
        await client.rpush(f"{keys.TAG}:history:a:b:", "one")
        assert (await run(tmp_path, "backup", str(file), REDIS_URL=one.url))[0] == 0
        await client.rpush(f"{keys.TAG}:history:a:b:", "two")
        now = time.time()
        await Use(client).add({}, Told("other", now, now, "", 0, 0, (0.0, 0.0)))
        code, _, err = await run(tmp_path, "restore", str(file), "--replace", REDIS_URL=one.url)
        assert (code, "a process runs on this store" in err) == (1, True)
        assert await client.lrange(f"{keys.TAG}:history:a:b:", 0, -1) == [b"one", b"two"]
        await Use(client).leave("other")
        code, _, err = await run(tmp_path, "restore", str(file), "--replace", REDIS_URL=one.url)
        assert code == 0, err
        assert await client.lrange(f"{keys.TAG}:history:a:b:", 0, -1) == [b"one"]


async def test_a_backup_is_also_restored_from_a_named_pipe(tmp_path):
    file, pipe = tmp_path / "all.backup", tmp_path / "pipe"
    os.mkfifo(pipe)
    async with redis_at(tmp_path / "one") as one, redis_at(tmp_path / "two") as two:
        async with connect(one.url) as client:
            await client.rpush(f"{keys.TAG}:history:a:b:", "one")
        assert (await run(tmp_path, "backup", str(file), REDIS_URL=one.url))[0] == 0
        writing = asyncio.to_thread(pipe.write_bytes, file.read_bytes())
        restored = run(tmp_path, "restore", str(pipe), REDIS_URL=two.url)
        _, (code, _, err) = await asyncio.gather(writing, restored)
        assert code == 0, err
        async with connect(two.url) as client:
            assert await client.lrange(f"{keys.TAG}:history:a:b:", 0, -1) == [b"one"]


@pytest.mark.parametrize("command", ["backup", "restore"])
async def test_a_file_that_cannot_be_opened_is_named(tmp_path, command):
    async with redis_at(tmp_path / "one") as one:
        code, _, err = await run(tmp_path, command, "no-folder/all", REDIS_URL=one.url)
    assert (code, err) == (1, "palaver: no-folder/all: No such file or directory\n")


def test_large_values_are_not_written_in_one_step():
    """The server has seconds for a step, on whatever line leads to it."""
    name, large = f"{keys.TAG}:board:a", "A" * (MOST_BYTES_AT_ONCE // 2)
    other = name.replace("{0}", "{1}")
    entries = [(name, large), (name, large), (name, "AAAA"), (other, "AAAA"), (other, large * 4)]
    lines = [
        json.dumps({"type": "key", "name": name, "dump": dump}).encode() for name, dump in entries
    ]
    found = [(shard, [len(one.dump) for one in some]) for shard, some in parts(lines)]
    half = len(large)
    assert found == [(0, [half, half]), (0, [4]), (1, [4]), (1, [4 * half])]
