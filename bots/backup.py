"""`palaver backup` and `palaver restore`: the store in one file, and back."""

import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from redis.asyncio import Redis

from core.errors import ConfigError, StoreError
from core.settings import Settings
from core.store.backup import BackupError, backup, check, is_empty, restore, shards_in
from core.store.opening import opened
from core.store.sharded import shards_of
from core.store.use import Use


async def back_up(settings: Settings, out: str) -> int:
    """Write a backup to the new file *out*. Returns the exit code.

    The file gets its name when it is whole, and only its owner may read it.
    """
    try:
        async with _store(settings) as redis:
            lines = backup(redis)
            count = await (_print(lines) if out == "-" else _write(lines, Path(out)))
    except StoreError as error:
        return _failed(str(error))
    # A first and a last line are not keys.
    print(f"{count - 2} keys", file=sys.stderr)
    return 0


def _store(settings: Settings) -> AbstractAsyncContextManager[Redis]:
    return opened(settings.redis_url.get_secret_value(), settings.data_dir, settings.shards)


async def _print(lines: AsyncIterator[bytes]) -> int:
    count = 0
    async for line in lines:
        sys.stdout.buffer.write(line)
        count += 1
    sys.stdout.buffer.flush()
    return count


async def _write(lines: AsyncIterator[bytes], path: Path) -> int:
    count = 0
    with _whole_or_none(path) as file:
        async for line in lines:
            file.write(line)
            count += 1
    return count


@contextmanager
def _whole_or_none(path: Path) -> Iterator[BinaryIO]:
    """A file of its own, which becomes *path* once it is whole. Raises `ConfigError`."""
    if path.exists():
        raise ConfigError(str(path), "exists already")
    try:
        number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise ConfigError(str(path), error.strerror or type(error).__name__) from None
    try:
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).rename(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


async def put_back(settings: Settings, source: str, *, replace: bool) -> int:
    """Write the backup *source* into the store. Returns the exit code."""
    with _file(source) as file:
        try:
            check(file)
            async with _store(settings) as redis:
                if await Use(redis).replicas():
                    return _failed("a process runs on this store: stop all, wait a minute, restore")
                if not replace and not await is_empty(redis):
                    return _failed("the store is not empty: --replace writes over what is there")
                file.seek(0)
                count = await restore(redis, file)
                was, now = shards_in(file), len(shards_of(redis))
        except (BackupError, StoreError) as error:
            return _failed(str(error))
    print(f"{count} keys", file=sys.stderr)
    if was != now:
        print(f"SHARDS was {was}, and is {now}: each tenant is in its shard", file=sys.stderr)
    return 0


@contextmanager
def _file(source: str) -> Iterator[BinaryIO]:
    """*source*, which is read twice: what comes through a pipe is kept in a file meanwhile."""
    try:
        given = sys.stdin.buffer if source == "-" else Path(source).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise ConfigError(source, error.strerror or type(error).__name__) from None
    with given, tempfile.TemporaryFile() as spool:
        if source != "-" and given.seekable():
            yield given
            return
        with suppress(BrokenPipeError):
            shutil.copyfileobj(given, spool)
        spool.seek(0)
        yield spool


def _failed(why: str) -> int:
    print(f"palaver: {why}", file=sys.stderr)
    return 1
