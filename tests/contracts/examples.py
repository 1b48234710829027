"""The platforms of `examples/`, found as an installed package is: by their entry points."""

import atexit
import runpy
import sys
import tempfile
import tomllib
from functools import cache
from pathlib import Path

from bots.registry import found
from tests.contracts.drivers import Driver

EXAMPLES = Path(__file__).parents[2] / "examples"


@cache
def example_drivers():
    """The driver of each example, which Palaver finds from now on as if pip had installed it."""
    installed = tempfile.TemporaryDirectory()
    atexit.register(installed.cleanup)
    sys.path.append(installed.name)
    drivers = {}
    for folder in sorted(path.parent for path in EXAMPLES.glob("*/driver.py")):
        sys.path.append(str(folder))
        _announce(folder, Path(installed.name))
        found.cache_clear()
        for one in runpy.run_path(str(folder / "driver.py")).values():
            if isinstance(one, type) and issubclass(one, Driver) and one is not Driver:
                drivers[one.name] = one
    return drivers


def _announce(folder, installed):
    """What pip writes beside a package: its name, and its entry points."""
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    name, version = project["name"], project["version"]
    info = installed / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    )
    with info.joinpath("entry_points.txt").open("w") as out:
        for group, points in project["entry-points"].items():
            out.write(f"[{group}]\n")
            out.writelines(f"{point} = {value}\n" for point, value in points.items())
