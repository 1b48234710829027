"""What the documents say is there: links, anchors, metrics, files, versions."""

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

import core
from core.telemetry import Metrics

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path for pattern in ("*.md", "docs/*.md", "examples/*/*.md") for path in ROOT.glob(pattern)
)
_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_SHOWN = re.compile(r"`([^`]*)`|!?\[([^\]]*)\]\([^)]*\)")
_FILE = re.compile(r"`((?:bots|core|tests|docs|deploy|examples|bench)/[\w./-]+)`")
_VARIABLE = re.compile(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`")
_TABLE = re.compile(r"^(?:.*[^\n|]\n\|.*|\|.*\n[^|\n].*)$", re.MULTILINE)
_METRIC = re.compile(r"`(palaver_\w+)(?:\{([\w,]*)\})?`")


def name(path):
    return path.relative_to(ROOT).as_posix()


def anchors(path):
    """The anchors of the headings, as forges make them."""
    text = _CODE.sub("", path.read_text("utf-8"))
    titles = re.findall(r"^#{1,6}\s+(.+?)\s*$", text, re.MULTILINE)
    plain = [_SHOWN.sub(lambda shown: shown[1] or shown[2] or "", title) for title in titles]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in plain}


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_link_leads_to_a_file_and_to_a_heading_of_it(path):
    text = _CODE.sub("", path.read_text("utf-8"))
    for link in _LINK.findall(text):
        if re.match(r"\w+:", link):
            continue
        where, _, anchor = link.partition("#")
        target = (path.parent / where).resolve() if where else path
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


# The changelog tells of what was there.
@pytest.mark.parametrize("path", [one for one in PAGES if one.name != "CHANGELOG.md"], ids=name)
def test_every_file_that_is_named_by_its_path_is_there(path):
    for file in _FILE.findall(path.read_text("utf-8")):
        assert (ROOT / file).exists() or list(ROOT.glob(f"{file}*")), file


# The changelog tells of what was there. CAP_SYS_ADMIN is Linux', OTEL_... is OpenTelemetry's.
@pytest.mark.parametrize("path", [one for one in PAGES if one.name != "CHANGELOG.md"], ids=name)
def test_every_variable_that_is_named_is_one_of_the_program(path):
    named = set(_VARIABLE.findall(path.read_text("utf-8"))) - {
        "CAP_SYS_ADMIN",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    }
    assert {one for one in named if one not in _words()} == set()


@cache
def _words():
    """The names in the program's code. A setting's variable is its field in capitals."""
    files = [file for room in ("bots", "core") for file in (ROOT / room).rglob("*.py")]
    found = {word for file in files for word in re.findall(r"\w+", file.read_text("utf-8"))}
    return found | {word.upper() for word in found if word.islower()}


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_an_empty_line_stands_before_and_behind_each_table(path):
    """Without it, the text beside a table is shown as one more row of it."""
    assert _TABLE.findall(_CODE.sub("", path.read_text("utf-8"))) == []


def test_the_operators_table_names_every_metric_with_its_labels_and_no_other():
    """Each metric of `/metrics`, as a scrape names it."""
    metrics = Metrics()
    there = {}
    for collector, names in metrics.registry._collector_to_names.items():
        kind = collector._type
        there[f"{collector._name}_total" if kind == "counter" else collector._name] = set(
            collector._labelnames
        )
        assert names
    text = (ROOT / "docs" / "operating.md").read_text("utf-8")
    labels = {found: set(filter(None, inner.split(","))) for found, inner in _METRIC.findall(text)}
    assert labels == there


def test_the_version_is_the_same_wherever_it_is_shown():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == core.__version__
    newest = re.findall(
        r"^## \[(\d[\d.]*)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    assert newest[0] == core.__version__


def test_every_command_of_make_that_is_named_is_there():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for path in PAGES:
        named = set(re.findall(r"(?:`|^)make ([a-z]+)", path.read_text("utf-8"), re.MULTILINE))
        assert named <= targets, name(path)


def test_the_architecture_names_every_file_of_core_and_bots_once_in_its_folder():
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    named = {}
    for folder, table in re.findall(r"^### (\S+)\n\n((?:\|.*\n)+)", text, re.MULTILINE):
        cells = [row.split("|")[1] for row in table.splitlines()[2:]]
        named[folder] = sorted(re.findall(r"`(\w+)`", " ".join(cells)))
    there = {}
    for path in (*ROOT.glob("core/**/*.py"), *ROOT.glob("bots/**/*.py")):
        if path.stem != "__init__":
            there.setdefault(name(path.parent), []).append(path.stem)
    assert named == {folder: sorted(files) for folder, files in there.items()}
