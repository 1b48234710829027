"""What libraries read on the chance that somebody uses it is not read, and is there when needed."""

import importlib
import subprocess
import sys

import pytest

from bots.optional import without

STARTED = """
import sys
from contextlib import suppress
from types import SimpleNamespace
from bots.__main__ import main
from bots.telegram.plugin import PLUGIN, TelegramSettings

sys.argv = ["palaver", "--version"]
with suppress(SystemExit):
    main()
with suppress(AttributeError):
    PLUGIN.build(TelegramSettings(), SimpleNamespace())
import slack_bolt, telegram
unneeded = {"cryptography", "opentelemetry", "rich", "click", "pygments", "regex"}
print(sorted(unneeded & {*sys.modules}))
from cryptography.fernet import Fernet
import opentelemetry.sdk.metrics, rich
"""


def test_a_start_with_telegram_reads_none_of_them_and_each_can_be_read_later():
    told = subprocess.run(
        [sys.executable, "-c", STARTED], capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout.splitlines()[-1] == "[]"


def test_what_was_read_before_stays_and_what_was_hidden_comes_back():
    with without("subprocess", "a_module_of_nobody", "sqlite3.dump"):
        assert importlib.import_module("subprocess") is subprocess
        with pytest.raises(ImportError):
            importlib.import_module("sqlite3.dump")
    assert "a_module_of_nobody" not in sys.modules
    assert importlib.import_module("sqlite3.dump")
