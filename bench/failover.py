"""What a failover costs: seconds of silence, and writes that were acknowledged and are lost.

    python -m bench.failover [--runs 5]

Four writers add numbers to one list as fast as the primary answers, each with `WAIT 1 100` behind
its write or without. Then the primary is killed. A number that was acknowledged and is not in the
list of the next primary is lost. https://redis.io/docs/latest/commands/wait/
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from redis.exceptions import RedisError

from core.store import keys
from core.store.connection import connect
from tests.harness import until
from tests.servers.redis_groups import cluster_at, sentinels_at

WRITERS = 4
BEFORE_S = 2.0
KEY = f"{keys.TAG}:bench"


@dataclass
class Run:
    times: list[float] = field(default_factory=list)
    acknowledged: set[int] = field(default_factory=set)
    unsure: set[int] = field(default_factory=set)
    silence_s: float = 0.0
    lost: int = 0


async def once(kind, *, wait):
    run = Run()
    with tempfile.TemporaryDirectory() as folder:
        async with kind(Path(folder)) as group, connect(group.url) as client:
            writers = [
                asyncio.create_task(_write(client, run, number, wait=wait))
                for number in range(WRITERS)
            ]
            await asyncio.sleep(BEFORE_S)
            primary = await until(group.primary)
            # While the writers write.
            primary.kill()
            killed = time.perf_counter()
            await asyncio.gather(*writers)
            run.silence_s = await _until_written(client) - killed
            kept = {int(one) for one in await client.lrange(KEY, 0, -1)}
            run.lost = len(run.acknowledged - kept)
    return run


async def _write(client, run, number, *, wait):
    """Write until the primary is gone."""
    while True:
        started = time.perf_counter()
        try:
            if wait:
                async with client.pipeline(transaction=False) as pipe:
                    pipe.rpush(KEY, number)
                    pipe.execute_command("WAIT", 1, 100)
                    _, copies = await pipe.execute()
            else:
                copies = await client.rpush(KEY, number)
        except RedisError:
            return
        run.times.append(time.perf_counter() - started)
        (run.acknowledged if copies else run.unsure).add(number)
        number += WRITERS


async def _until_written(client):
    while True:
        try:
            await client.set(f"{KEY}:back", 1)
        except RedisError:
            await asyncio.sleep(0.02)
        else:
            return time.perf_counter()


async def main(runs):
    print("| store | WAIT 1 | a write, median | p99 | silence after a kill | acknowledged | lost |")
    print("|---|---|---|---|---|---|---|")
    for name, kind in (("Sentinel, 1 + 1", sentinels_at), ("cluster, 3 + 3", cluster_at)):
        for wait in (False, True):
            done = [await once(kind, wait=wait) for _ in range(runs)]
            times = sorted(one for run in done for one in run.times)
            silence = [run.silence_s for run in done]
            print(
                f"| {name} | {'yes' if wait else 'no'} | {statistics.median(times) * 1e3:.2f} ms"
                f" | {times[int(len(times) * 0.99)] * 1e3:.2f} ms"
                f" | {min(silence):.1f}–{max(silence):.1f} s"
                f" | {sum(len(run.acknowledged) for run in done):,}"
                f" | {sum(run.lost for run in done)} |",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    asyncio.run(main(parser.parse_args().runs))
