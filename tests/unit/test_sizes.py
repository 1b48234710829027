"""Files and functions stay small enough to be read in one go."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_FILE_LINES = 300
MOST_FUNCTION_LINES = 60
"""From the first decorator to the last line, the docstring too."""
REASON = "Long because "
"""How the docstring of a longer file begins the sentence that says why it is one piece."""


def _files() -> list[Path]:
    return sorted(path for room in ("bots", "core") for path in (ROOT / room).rglob("*.py"))


def _functions(tree: ast.AST, within: str = "") -> Iterator[tuple[str, int]]:
    """The functions of *tree* by their full names, and how many lines each has."""
    for node in ast.iter_child_nodes(tree):
        name = within
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{within}.{node.name}".lstrip(".")
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            yield name, (node.end_lineno or node.lineno) - first + 1
        yield from _functions(node, name)


def _says_why(tree: ast.Module) -> bool:
    return REASON in " ".join((ast.get_docstring(tree) or "").split())


def _too_long(path: str, text: str) -> dict[str, int]:
    tree = ast.parse(text)
    found = {
        f"{path}: {name}": lines for name, lines in _functions(tree) if lines > MOST_FUNCTION_LINES
    }
    lines = len(text.splitlines())
    if lines > MOST_FILE_LINES and not _says_why(tree):
        found[path] = lines
    return found


def test_no_file_and_no_function_is_too_long():
    """A file over 300 lines says why in its docstring, and no function has more than 60."""
    found: dict[str, int] = {}
    for path in _files():
        found |= _too_long(path.relative_to(ROOT).as_posix(), path.read_text())
    assert not found, "split them, or say why the file is one piece"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("pass\n" * 300, {}),
        ("pass\n" * 301, {"a.py": 301}),
        ('"""A table.\n\nLong because a table is read\nfrom top to bottom.\n"""\n' * 61, {}),
        ("# Long because I say so\n" * 301, {"a.py": 301}),
        ("class A:\n    def f():\n" + "        pass\n" * 59, {}),
        ("class A:\n    def f():\n" + "        pass\n" * 60, {"a.py: A.f": 61}),
        ("@d\nasync def f():\n" + "    pass\n" * 59, {"a.py: f": 61}),
        ("def f():\n    def g():\n" + "        pass\n" * 59, {"a.py: f": 61}),
    ],
)
def test_what_is_too_long_is_found(text, found):
    """Lines are counted with decorators, and only a docstring says why a file is long."""
    assert _too_long("a.py", text) == found
