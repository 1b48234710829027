"""What an MCP server says, made small and plain enough to be passed on."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from mcp_types import Tool

from core.mcp.frames import ServerTool
from core.words import cut, shortened

TEXT_CHARS = 16_000
"""The longest result that a model is given. Of a longer one: its beginning and its end."""
TOOLS = 256
PAGES = 20
NAME_CHARS, DESCRIPTION_CHARS, SCHEMA_BYTES = 128, 4_000, 32_000


async def all_of(ask: Any, field: str) -> Sequence[Any]:
    """All pages of a list, at most `PAGES` pages and `TOOLS` entries."""
    found: list[Any] = []
    cursor: str | None = None
    for _ in range(PAGES):
        page = await ask(cursor=cursor, cache_mode="bypass")
        found += getattr(page, field)
        cursor = page.next_cursor
        if not cursor or len(found) >= TOOLS:
            break
    return found[:TOOLS]


def told(tools: Sequence[Tool]) -> Iterator[ServerTool]:
    for tool in tools:
        if len(tool.name) > NAME_CHARS or len(json.dumps(tool.input_schema)) > SCHEMA_BYTES:
            continue
        hints = tool.annotations
        yield ServerTool(
            tool.name,
            cut(tool.description or tool.title or "", DESCRIPTION_CHARS),
            tool.input_schema,
            *(getattr(hints, name, None) for name in _HINTS),
        )


_HINTS = ("read_only_hint", "destructive_hint", "idempotent_hint", "open_world_hint")


def text_of(result: Any) -> str:
    parts: list[str] = []
    for block in result.content:
        match block.type:
            case "text":
                parts.append(block.text)
            case "resource":
                text = getattr(block.resource, "text", None)
                parts.append(text if text is not None else f"[{block.resource.uri}: not text]")
            case "resource_link":
                parts.append(f"{block.name}: {block.uri}")
            case "audio":
                parts.append(f"[a sound, {block.mime_type}]")
            case "image":
                parts.append(f"[a picture, {block.mime_type}]")
    if not parts and result.structured_content is not None:
        parts.append(json.dumps(result.structured_content, ensure_ascii=False))
    return shortened("\n\n".join(parts), TEXT_CHARS)
