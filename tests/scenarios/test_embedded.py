"""The embedded store: in a session of its own, and nobody else's to read."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.store.connection import connect
from core.store.embedded import embedded
from tests.attacks.watching import free_port
from tests.harness import until


@pytest.mark.parametrize("there", [False, True], ids=["new folder", "folder was there"])
async def test_its_files_are_ours_alone_whatever_the_umask(tmp_path, there):
    folder = tmp_path / "data"
    if there:
        (folder / "appendonlydir").mkdir(parents=True)
        folder.chmod(0o777)
        (folder / "valkey.log").write_text("old")
        (folder / "valkey.log").chmod(0o644)
    before = os.umask(0)
    try:
        async with embedded(folder) as url, connect(url) as client:
            await client.set("k", "v")
            await client.bgrewriteaof()
            await asyncio.sleep(0.3)
            open_to_others = [
                str(one)
                for one in (folder, *folder.rglob("*"))
                if not one.is_socket() and one.stat().st_mode & 0o077
            ]
    finally:
        os.umask(before)
    assert open_to_others == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_to_the_whole_group_leaves_no_error(tmp_path, number):
    port, log = free_port(), tmp_path / "log"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "DATA_DIR": str(tmp_path / "data"),
        "HTTP_PORT": str(port),
        "LLM_BASE_URL": "http://127.0.0.1:9/v1",
        "LLM_MODEL": "m",
        "GRACE_S": "2",
    }
    with log.open("w") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "bots", "run"],
            env=environment,
            stderr=err,
            start_new_session=True,
        )
    await until(lambda: "is ready" in log.read_text())
    os.killpg(process.pid, number)
    assert await asyncio.to_thread(process.wait, 20) == 0
    said = log.read_text().lower()
    assert "error" not in said
    assert "died" not in said
    assert "traceback" not in said
