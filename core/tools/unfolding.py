"""Schemas without references: what they lead to stands in their place. Pure.

A stranger's schema of a few kilobytes can refer to itself so that checking one value takes for
ever, and all memory. Without references, a check takes no longer than schema and value are long.
What leads back to itself, would grow too large, or holds one pattern too many, may hold anything:
its server judges it anyway.
"""

from collections.abc import Mapping
from typing import Any

MOST_NODES = 5_000
MOST_PATTERNS = 16
"""A pattern of some characters can take megabytes, once it is compiled."""
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_VALUES = ("enum", "const", "default", "examples", "example")
"""Under these stand values, and no schemas."""
_NAMED = ("properties", "patternProperties", "dependentSchemas")
"""Under these stand schemas by names, which may be any words."""


def unfolded(schema: Mapping[str, Any]) -> dict[str, Any]:
    """*schema* without references.

    Raises:
        ValueError: it leads to another document, or is too deep.
    """
    try:
        return dict(_Unfolding(schema).of(schema, ()))
    except RecursionError as error:
        raise ValueError("a schema may not be so deep") from error


class _Unfolding:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._left, self._patterns_left = MOST_NODES, MOST_PATTERNS

    def of(self, schema: Any, within: tuple[str, ...]) -> Any:
        """*schema*, which stands *within* what these references lead to."""
        self._left -= 1
        if isinstance(schema, list):
            return [self.of(one, within) for one in schema]
        if not isinstance(schema, Mapping):
            return schema
        self._patterns_left -= _patterns_in(schema)
        if self._left < 0 or (self._patterns_left < 0 and _patterns_in(schema)):
            return {}
        kept = {
            name: self._part(name, value, within)
            for name, value in schema.items()
            if name not in (*_REFERENCES, "$defs", "definitions", "$id", "$anchor")
        }
        led = [self._led(schema[name], within) for name in _REFERENCES if name in schema]
        return {**kept, "allOf": [*kept.get("allOf", []), *led]} if led else kept

    def _part(self, name: str, value: Any, within: tuple[str, ...]) -> Any:
        if name in _VALUES:
            return value
        if name in _NAMED and isinstance(value, Mapping):
            return {one: self.of(schema, within) for one, schema in value.items()}
        return self.of(value, within)

    def _led(self, reference: Any, within: tuple[str, ...]) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise ValueError("a schema may not lead elsewhere")
        found: Any = self._root
        for part in reference.removeprefix("#").removeprefix("/").split("/"):
            if not isinstance(found, Mapping):
                return {}
            name = part.replace("~1", "/").replace("~0", "~")
            found = found.get(name, {}) if part else found
        return {} if reference in within else self.of(found, (*within, reference))


def _patterns_in(schema: Mapping[str, Any]) -> int:
    named = schema.get("patternProperties")
    return ("pattern" in schema) + (len(named) if isinstance(named, Mapping) else 0)
