"""What holds for every folder of `bots`, also for one that was added a minute ago."""

from pathlib import Path

import grimp
import pytest

import bots
from bots.registry import own, settings_of

FOLDERS = sorted(path.parent.name for path in Path(bots.__path__[0]).glob("*/__init__.py"))
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


def test_no_platform_takes_a_setting_away_from_another_or_from_the_core():
    fields = [name for plugin in own() for name in plugin.settings.model_fields]
    assert len(settings_of(own()).model_fields) == len(fields) + len(settings_of(()).model_fields)
