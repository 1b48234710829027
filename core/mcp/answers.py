"""What an MCP server says, made small and plain enough to be passed on."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from mcp import Client, MCPError
from mcp_types import Tool

from core.mcp.frames import Item, Listed, ServerTool
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


async def listed(client: Client) -> Listed:
    """What the server offers now."""
    capabilities = client.server_capabilities
    tools: Sequence[Tool] = ()
    resources: Sequence[Any] = ()
    prompts: Sequence[Any] = ()
    # A server that sends no capabilities is asked all the same: it costs one error.
    with suppress(MCPError):
        tools = await all_of(client.list_tools, "tools")
    if capabilities.resources is not None:
        with suppress(MCPError):
            resources = await all_of(client.list_resources, "resources")
    if capabilities.prompts is not None:
        with suppress(MCPError):
            prompts = await all_of(client.list_prompts, "prompts")
    return Listed(
        tuple(told(tools)),
        tuple(Item(str(one.uri), cut(one.description or one.name, 200)) for one in resources),
        tuple(
            Item(
                one.name,
                cut(one.description or "", 200),
                tuple(argument.name for argument in one.arguments or ()),
            )
            for one in prompts
        ),
        client.protocol_version,
    )


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
