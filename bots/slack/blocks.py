"""Slack's blocks as Slack's own escaped text. Pure.

Source: docs.slack.dev, Block Kit: reference of blocks, and the elements of rich text.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bots.slack.fields import entries, items, mapping, number, string
from core.border import set_aside

MOST_BLOCKS = 200
MOST_ROWS, MOST_COLUMNS = 300, 50
_SILENT = frozenset(("divider", "actions", "input", "context_actions", "image", "file"))


def blocks_of(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    return items(message, "blocks")[:MOST_BLOCKS]


def read_block(block: Mapping[str, Any]) -> str:
    """A block as Slack's own text; empty if it has no text."""
    kind = string(block, "type")
    if kind in _SILENT:
        name = string(block, "alt_text") or _label(block.get("title"))
        return f"[image: {name}]" if kind == "image" and name else ""
    read = _READERS.get(kind)
    if read is None:
        set_aside("slack.block", "unknown type")
        return ""
    return read(block)


def _label(value: object) -> str:
    """The text of a text object or of a plain string; else empty."""
    if isinstance(value, Mapping):
        return string(value, "text") or (read_rich(value) if "elements" in value else "")
    return value if isinstance(value, str) else ""


def _section(block: Mapping[str, Any]) -> str:
    return "\n".join(
        filter(None, [_label(block.get("text")), *map(_label, entries(block, "fields"))])
    )


def _context(block: Mapping[str, Any]) -> str:
    return " ".join(filter(None, map(_label, items(block, "elements"))))


def _titled(block: Mapping[str, Any]) -> str:
    keys = ("title", "subtitle", "text", "body", "description", "details", "output")
    parts = [_label(block.get(key)) for key in keys]
    inner = [
        read_block(one)
        for key in ("blocks", "elements", "children", "cards", "tasks")
        for one in items(block, key)
        if string(one, "type")
    ]
    return "\n".join(filter(None, (*parts, *inner)))


def _table(block: Mapping[str, Any]) -> str:
    rows = [
        [_cell(cell) for cell in row[:MOST_COLUMNS]]
        for row in entries(block, "rows")[:MOST_ROWS]
        if _is_list(row)
    ]
    if not rows:
        return ""
    width = max(map(len, rows))
    lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
    lines.insert(1, "|" + " --- |" * width)
    caption = _label(block.get("caption"))
    return "\n".join([*([caption] if caption else []), *lines])


def _cell(cell: object) -> str:
    if not isinstance(cell, Mapping):
        return ""
    text = read_rich(cell) if "elements" in cell else _label(cell) or str(cell.get("value", ""))
    return text.replace("|", "\\|").replace("\n", " ")


def _call(block: Mapping[str, Any]) -> str:
    name = string(mapping(mapping(block, "call"), "v1"), "name")
    return f"[a call: {name}]" if name else "[a call]"


def _is_list(value: object) -> bool:
    return isinstance(value, list)


# --- rich text ----------------------------------------------------------------------------------


def read_rich(block: Mapping[str, Any]) -> str:
    return "\n".join(_rich_part(part) for part in items(block, "elements")).strip("\n")


def _rich_part(part: Mapping[str, Any]) -> str:
    match string(part, "type"):
        case "rich_text_section":
            return _inline(part)
        case "rich_text_preformatted":
            return f"```\n{_inline(part)}\n```"
        case "rich_text_quote":
            return "&gt; " + _inline(part).replace("\n", "\n&gt; ")
        case "rich_text_list":
            indent, first = number(part, "indent"), number(part, "offset") + 1
            ordered = string(part, "style") == "ordered"
            lines = [
                f"{'  ' * min(indent, 10)}{f'{at}.' if ordered else '-'} {_inline(one)}"
                for at, one in enumerate(items(part, "elements"), first)
            ]
            return "\n".join(lines)
        case _:
            return _inline(part) if "elements" in part else _piece(part)


def _inline(section: Mapping[str, Any]) -> str:
    return "".join(map(_piece, items(section, "elements")))


def _piece(piece: Mapping[str, Any]) -> str:
    text = escaped(string(piece, "text"))
    match string(piece, "type"):
        case "text":
            return f"`{text}`" if mapping(piece, "style").get("code") and text.strip() else text
        case "link":
            url = string(piece, "url")
            return f"<{url}|{text}>" if text else f"<{url}>"
        case "user":
            return f"<@{string(piece, 'user_id')}>"
        case "channel":
            return f"<#{string(piece, 'channel_id')}>"
        case "usergroup":
            return f"<!subteam^{string(piece, 'usergroup_id')}>"
        case "broadcast":
            return f"<!{string(piece, 'range')}>"
        case "emoji":
            return _emoji(string(piece, "unicode")) or f":{string(piece, 'name')}:"
        case "date":
            return string(piece, "fallback") or str(piece.get("timestamp", ""))
        case "color":
            return string(piece, "value")
        case _:
            return text


def _emoji(code: str) -> str:
    try:
        return "".join(chr(int(part, 16)) for part in code.split("-")) if code else ""
    except (ValueError, OverflowError):
        return ""


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_READERS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "rich_text": read_rich,
    "markdown": lambda block: string(block, "text"),
    "section": _section,
    "header": _section,
    "context": _context,
    "table": _table,
    "data_table": _table,
    "call": _call,
    **dict.fromkeys(
        ("alert", "card", "carousel", "container", "plan", "task_card", "video"), _titled
    ),
}
