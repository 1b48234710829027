"""Schemas without references: what they lead to stands in their place. Pure.

A stranger's schema of a few kilobytes can refer to itself so that checking one value takes for
ever, and all memory. Without references, a check takes no longer than schema and value are long.
What leads back to itself, or would grow too large, may hold anything: its server judges it anyway.
"""

from collections.abc import Mapping
from typing import Any

MOST_NODES = 5_000
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
        self._left = MOST_NODES

    def of(self, schema: Any, within: tuple[str, ...]) -> Any:
        """*schema*, which stands *within* what these references lead to."""
        self._left -= 1
        if isinstance(schema, list):
            return [self.of(one, within) for one in schema]
        if not isinstance(schema, Mapping):
            return schema
        if self._left < 0:
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
