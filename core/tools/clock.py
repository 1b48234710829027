"""The tool `time`: what time it is, anywhere."""

import datetime
from collections.abc import Mapping
from typing import Any

from core.times.rules import zone_named
from core.tools.tool import ToolContext, ToolError, ToolResult, ToolSpec


class Clock:
    spec = ToolSpec(
        name="time",
        description="The current date, weekday and time in a time zone.",
        schema={
            "type": "object",
            "properties": {
                "zone": {
                    "type": "string",
                    "maxLength": 60,
                    "description": "IANA name such as Europe/Berlin; left out: the zone here",
                }
            },
            "additionalProperties": False,
        },
        effect="read_only",
    )

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        name = str(arguments.get("zone", "")).strip()
        if not name:
            return ToolResult(told(context.now))
        if (zone := zone_named(name)) is None:
            raise ToolError("there is no such zone; use an IANA name")
        return ToolResult(told(context.now.astimezone(zone)))


def told(now: datetime.datetime) -> str:
    """*now* as `Thursday, 2026-11-26 04:09:31, Europe/Berlin, UTC+01:00`."""
    offset = f"{now:%z}"
    zone = getattr(now.tzinfo, "key", "") or now.tzname() or "UTC"
    return f"{now:%A, %Y-%m-%d %H:%M:%S}, {zone}, UTC{offset[:3]}:{offset[3:5]}"
