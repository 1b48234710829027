"""What reaches the log: structure, never what somebody said, never a secret."""

import asyncio
import io
import logging
import re
import threading
import time

import pytest

from core.errors import Refused
from core.secret import keep_secret
from core.telemetry import MOST_NAMES, Metrics, label, logger, set_up_logs
from core.traces import structure
from core.watchdog import stack_of, watchdog


@pytest.fixture
def logged(monkeypatch):
    """Everything that is logged, as text."""
    text = io.StringIO()
    root = logging.getLogger()
    before = root.handlers[:], root.level

    def begin(level="INFO"):
        monkeypatch.setattr("sys.stderr", text)
        set_up_logs(level, as_json=False)
        return text

    yield begin
    root.handlers[:], root.level = before[0], before[1]


def raised():
    try:
        raise ValueError("somebody's words")
    except ValueError as error:
        return error


def test_a_library_says_who_and_where_and_which_error_and_no_more(logged):
    text = logged()
    try:
        raise raised()
    except ValueError:
        logging.getLogger("telegram.ext.Updater").exception("batch failed: %s", "somebody's words")
    assert "telegram.ext.Updater" in text.getvalue()
    assert "ValueError" in text.getvalue()
    assert "test_logs.py" in text.getvalue()
    assert "somebody" not in text.getvalue()


def test_in_debug_a_library_speaks_and_says_no_secret(logged):
    text = logged("DEBUG")
    keep_secret("123456:a-token-of-ours")
    logging.getLogger("some.library").info("GET /bot123456:a-token-of-ours/getMe")
    assert "GET /bot***/getMe" in text.getvalue()


def test_our_own_errors_are_logged_as_structure(logged):
    text = logged()
    try:
        raise RuntimeError("somebody's words") from raised()
    except RuntimeError:
        logger("core.test").exception("turn crashed", conversation="web:x:y")
    assert "turn crashed" in text.getvalue()
    assert "RuntimeError" in text.getvalue()
    assert "ValueError" in text.getvalue()
    assert "somebody" not in text.getvalue()


def test_a_secret_in_any_field_is_hidden(logged):
    text = logged()
    keep_secret("a-very-secret-key")
    logger("core.test").warning("x", where=["a-very-secret-key"], what={"k": "a-very-secret-key"})
    assert "a-very-secret-key" not in text.getvalue()


def test_only_our_own_errors_are_quoted():
    error = ExceptionGroup("somebody's words", [ValueError("said"), Refused("no balance")])
    told = structure(error)
    assert "said" not in told
    assert "somebody" not in told
    assert "Refused: no balance" in told


def test_invented_names_are_one_series():
    names = {label(f"invented-{number}") for number in range(1000)}
    assert len(names) <= MOST_NAMES + 1
    assert "other" in names
    assert len(label("x" * 5000)) <= 80


async def test_what_blocks_the_loop_is_measured_and_named(capsys, caplog):
    metrics = Metrics()
    async with watchdog(metrics.loop_lag):
        await asyncio.sleep(0.2)
        time.sleep(0.6)
        await asyncio.sleep(0.2)
    said = capsys.readouterr().out + caplog.text
    assert re.search(r"test_logs.py:\d+ test_what_blocks", said)
    assert metrics.registry.get_sample_value("palaver_loop_lag_seconds_sum") >= 0.4


async def test_a_pattern_that_keeps_the_interpreter_is_named_too(capsys, caplog):
    async with watchdog(Metrics().loop_lag):
        await asyncio.sleep(0.15)
        re.match(r"(a+)+$", "a" * 24 + "b")
        re.match(r"(a+)+$", "a" * 24 + "b")
        await asyncio.sleep(0.2)
    said = capsys.readouterr().out + caplog.text
    assert "the loop was blocked" in said
    assert "test_a_pattern_that_keeps" in said


def test_only_the_asked_thread_is_told():
    waiting = threading.Event()

    def other():
        waiting.wait()

    thread = threading.Thread(target=other)
    thread.start()
    try:
        assert " other" in stack_of(thread.ident)
        assert "other" not in stack_of(threading.get_ident()).split(" < ")[0].rpartition(" ")[2]
    finally:
        waiting.set()
        thread.join()
    assert stack_of(thread.ident) == ""
