"""Time zones by the names that people write for them."""

from collections.abc import Mapping
from functools import cache
from zoneinfo import available_timezones

from core.times.rules import zone_named


@cache
def zones() -> Mapping[str, str]:
    """The zones of the IANA list by their names in small letters, and by their cities' names.

    Reads a folder the first time.
    """
    names = sorted(available_timezones())
    # Of two zones with the same last part, the one with the shorter name is the usual one.
    cities = {one.rpartition("/")[2].lower(): one for one in sorted(names, key=len, reverse=True)}
    return {**cities, **{one.lower(): one for one in names}}


def spelled(said: str) -> str:
    """*said* as the names of `zones` are spelled."""
    return "_".join(said.lower().split())


def zone_meant(said: str) -> str:
    """The zone that *said* names, such as Europe/Berlin or berlin; empty: none."""
    name = zones().get(spelled(said), "")
    return name if zone_named(name) else ""
