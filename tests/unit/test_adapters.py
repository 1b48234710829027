"""What holds for every folder of `bots`, also for one that was added a minute ago."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import grimp
import pytest
from pydantic import BaseModel

import bots
from bots.plugin import GROUP, Plugin
from bots.registry import build, found, own, read_settings, settings_of
from core.errors import ConfigError

FOLDERS = sorted(path.parent.name for path in Path(bots.__path__[0]).glob("*/adapter.py"))
ADAPTERS = [f"bots.{folder}" for folder in FOLDERS] + ["bots.terminal"]


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("bots", cache_dir=None)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_an_adapter_knows_no_other(graph, adapter):
    others = [other for other in ADAPTERS if other != adapter]
    chains = [graph.find_shortest_chain(adapter, other, as_packages=True) for other in others]
    assert chains == [None] * len(others)


def test_every_folder_is_a_platform_and_its_settings_bear_its_name():
    assert [plugin.name for plugin in own()] == FOLDERS
    for plugin in own():
        assert all(name.startswith(f"{plugin.name}_") for name in plugin.settings.model_fields)


def test_the_setting_that_turns_a_platform_on_is_one_of_its_own():
    for plugin in own():
        assert {plugin.switch, *plugin.aliases.values()} <= {
            name.upper() for name in plugin.settings.model_fields
        }


async def test_a_program_without_any_platform_says_which_settings_would_turn_one_on():
    services = SimpleNamespace(settings=read_settings(_env_file=None, web_chat=False))
    with pytest.raises(ConfigError, match="SLACK_BOT_TOKEN, TELEGRAM_BOT_TOKEN, WEB_CHAT"):
        await build(services)


class Nobody:
    """The store of names of a deployment that never had a bot."""

    async def known(self):
        return {}


def test_no_platform_takes_a_setting_away_from_another_or_from_the_core():
    fields = [name for plugin in own() for name in plugin.settings.model_fields]
    assert len(settings_of(own()).model_fields) == len(fields) + len(settings_of(()).model_fields)


def test_an_installed_package_that_is_no_platform_is_named_and_ends_the_start(
    tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(str(tmp_path))
    info = tmp_path / "odd_one-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-one\nVersion: 1.0\n")
    for value in ("no_such_module:PLUGIN", "json:loads", "bots.telegram.plugin:PLUGIN"):
        (info / "entry_points.txt").write_text(f"[{GROUP}]\nodd = {value}\n")
        found.cache_clear()
        with pytest.raises(ConfigError, match="odd"):
            found()


async def test_a_platform_whose_library_is_missing_is_told_by_its_setting(monkeypatch):
    def lacking(settings, lent):
        raise ImportError("No module named 'carrier_pigeon'")

    plugin = Plugin("post", BaseModel, "POST_OFFICE", lambda settings, shared: True, lacking)
    monkeypatch.setattr("bots.registry.turned_on", lambda settings: [plugin])
    monkeypatch.setattr("bots.registry._lent", lambda services, name: None)
    with pytest.raises(ConfigError, match=r"POST_OFFICE: .*carrier_pigeon"):
        await build(SimpleNamespace(settings=None, tenants=Nobody()))


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("import core.messages\n", True),
        ("from core.store.inbox import Inbox\n", False),
        ("import core.settings\n", False),
    ],
)
def test_the_contract_binds_a_folder_that_nobody_listed(tmp_path, line, kept):
    """A copy of the tree with one more platform, whose module knows what it must not."""
    root = Path(bots.__path__[0]).parent
    for part in ("bots", "core"):
        copied = shutil.ignore_patterns("__pycache__", "page", "*.json")
        shutil.copytree(root / part, tmp_path / part, ignore=copied)
    shutil.copy(root / "pyproject.toml", tmp_path)
    folder = tmp_path / "bots" / "brandnew"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "reading.py").write_text(line)
    told = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode == 0) is kept, told.stdout + told.stderr
    assert ("bots.brandnew.reading" in told.stdout) is not kept
