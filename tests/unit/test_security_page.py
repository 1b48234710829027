"""The page about security names tests that exist."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "security.md").read_text()
TABLE = PAGE.partition("## Attacks and their tests")[2].partition("\n## ")[0]
ROWS = [line.strip("| ").split(" | ") for line in TABLE.splitlines() if line.startswith("| ")][1:]


@pytest.mark.parametrize("row", ROWS, ids=[row[0][:60] for row in ROWS])
def test_the_tests_of_an_attack_exist(row):
    attack, shown_by = row
    names = re.findall(r"`([^`]+)`", shown_by)
    assert names, attack
    source = ""
    for name in names:
        file, _, test = name.rpartition(": ") if ": " in name else ("", "", name)
        if name.endswith(".py"):
            file, test = name, ""
        if file:
            source = (TESTS / file).read_text()
        if test:
            begun = re.escape(test.removesuffix("…"))
            end = "" if test.endswith("…") else r"\("
            assert re.search(rf"^(async )?def {begun}{end}", source, re.MULTILINE), name
