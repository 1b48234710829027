"""The tools that come with Palaver, by the names that `TOOLS` takes."""

from collections.abc import Callable, Iterable, Mapping

from core.errors import ConfigError
from core.tools.calculate import Calculator
from core.tools.clock import Clock
from core.tools.registry import Tools
from core.tools.tool import Tool

BUILT_IN: Mapping[str, Callable[[], Tool]] = {"time": Clock, "calculate": Calculator}


def open_tools(names: Iterable[str]) -> Tools:
    """The built-in tools called *names*.

    Raises:
        ConfigError: there is no such tool.
    """
    chosen = list(dict.fromkeys(names))
    if unknown := [name for name in chosen if name not in BUILT_IN]:
        known = ", ".join(BUILT_IN)
        raise ConfigError("TOOLS", f"there is no tool {unknown[0]}; there are {known}")
    return Tools(BUILT_IN[name]() for name in chosen)
