"""What a Slack message says, in words for a model: its text, its blocks, what it forwards. Pure.

Source: docs.slack.dev, "Formatting text" (control sequences) and Block Kit; shapes that Slack
was seen to send: node-slack-sdk's types of events and of the Web API's answers. Whatever is not
the writer's own words is marked as such.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from core.border import set_aside

Names = Mapping[str, str]
"""How people, channels and groups are called, by id."""

MOST_BLOCKS = 200
MOST_ROWS = 300
MOST_ATTACHMENTS = 20

_CONTROL = re.compile(r"<([^<>|\s][^<>|]*)(?:\|([^<>]*))?>")
_MENTIONED = re.compile(r"<[@#]([UWCDG][A-Z0-9]+)|<!subteam\^(S[A-Z0-9]+)")
_SILENT = frozenset(("divider", "actions", "input", "context_actions", "image", "file"))


def text_of(message: Mapping[str, Any]) -> str:
    """What the writer of *message* said, as Slack's own escaped text."""
    rich = [block for block in blocks_of(message) if block.get("type") == "rich_text"]
    if rich:
        return "\n".join(filter(None, map(_rich, rich)))
    return string(message, "text")


def extras_of(message: Mapping[str, Any], names: Names) -> list[str]:
    """What *message* holds besides its text, each part marked for what it is."""
    text = string(message, "text")
    others = [block for block in blocks_of(message) if block.get("type") != "rich_text"]
    parts = [_block(block) for block in others]
    # An app's blocks are often told again by its text.
    said = [part for part in parts if part and part not in text]
    attached = [_attachment(one, names) for one in items(message, "attachments")]
    return [words(part, names) for part in said] + [part for part in attached if part]


def words(text: str, names: Names) -> str:
    """Slack's own *text* as a person meant it: links, channels, people and dates in words."""

    def plain(match: re.Match[str]) -> str:
        target, label = match.group(1), match.group(2)
        match target[0]:
            case "@":
                return f"@{label or names.get(target[1:]) or target[1:]}"
            case "#":
                return f"#{label or names.get(target[1:]) or target[1:]}"
            case "!" if target.startswith("!date^"):
                return label or target
            case "!" if target.startswith("!subteam^"):
                group = target.partition("^")[2]
                return f"@{(label or names.get(group) or group).removeprefix('@')}"
            case "!":
                return f"@{(label or target[1:].partition('^')[0]).removeprefix('@')}"
        if label and label != target.partition("//")[2] and label != target:
            return f"{label} ({target})"
        return target

    text = _CONTROL.sub(plain, text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def mentioned_in(message: Mapping[str, Any]) -> set[str]:
    """The ids of people, channels and groups whose names *message* needs."""
    found = {one for pair in _MENTIONED.findall(text_of(message)) for one in pair if one}
    for attached in items(message, "attachments"):
        found |= {
            one for pair in _MENTIONED.findall(_attached_text(attached)) for one in pair if one
        }
        found |= {string(attached, key) for key in ("author_id", "channel_id")} - {""}
    for entity in items(mapping(message, "app_context"), "entities"):
        if string(entity, "type").endswith("/channel_id"):
            found.add(string(entity, "value"))
    return found


def looking_at(message: Mapping[str, Any], names: Names) -> str:
    """What the person has open beside our conversation, where Slack says so (`app_context`)."""
    seen = []
    for entity in items(mapping(message, "app_context"), "entities"):
        value = entity.get("value")
        match string(entity, "type").rpartition("/")[2]:
            case "channel_id":
                seen.append(f"the channel #{names.get(str(value)) or value}")
            case "canvas_id":
                seen.append(f"the canvas {value}")
            case "list_id":
                seen.append(f"the list {value}")
            case "message_context":
                seen.append("one message of a channel")
    return f"[beside this, Slack shows them {', '.join(seen[:5])}]" if seen else ""


def shared_files(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The files of *message*, and those that came with what it forwards."""
    files = items(message, "files")
    for attached in items(message, "attachments"):
        files += items(attached, "files")
    return files


# --- attachments --------------------------------------------------------------------------------


def _attachment(attached: Mapping[str, Any], names: Names) -> str:
    """What was forwarded, linked or shown below a message, and whose words it is."""
    text = words(_attached_text(attached), names).strip()
    if attached.get("is_share") or attached.get("is_msg_unfurl"):
        who = string(attached, "author_name") or names.get(string(attached, "author_id"), "")
        where = names.get(string(attached, "channel_id"), "")
        kind = "forwarded" if attached.get("is_share") else "linked"
        head = f"{kind} message of {who or 'somebody'}" + (f" in #{where}" if where else "")
        return quoted(head, text)
    for key in ("list_record", "list_records"):
        if attached.get(key):
            return quoted("a list's entry", text or string(attached, "title"))
    source = string(attached, "from_url") or string(attached, "original_url")
    title = string(attached, "title")
    body = "\n".join(part for part in (title, text) if part)
    if source:
        return quoted(f"what Slack shows of {source}", body)
    return quoted("attached by an app", body) if body else ""


def _attached_text(attached: Mapping[str, Any]) -> str:
    inner = [mapping(one, "message") for one in items(attached, "message_blocks")]
    rich = [text for message in inner if (text := text_of(message))]
    rich += [_block(block) for message in inner for block in _unread(message)]
    if not rich:
        rich = [_block(block) for block in blocks_of(attached)]
    if any(rich):
        return "\n".join(filter(None, rich))
    fields = [f"{string(f, 'title')}: {string(f, 'value')}" for f in items(attached, "fields")]
    text = string(attached, "text") or string(attached, "fallback")
    return "\n".join(part for part in (string(attached, "pretext"), text, *fields) if part)


def _unread(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [block for block in blocks_of(message) if block.get("type") != "rich_text"]


def quoted(head: str, text: str) -> str:
    """*text* as somebody else's, with *head* saying whose."""
    lines = "".join(f"\n> {line}" for line in text.splitlines())
    return f"[{head}]{lines}"


# --- blocks -------------------------------------------------------------------------------------


def _block(block: Mapping[str, Any]) -> str:
    """A block as Slack's own text; nothing where it says nothing."""
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
    """A text object, a plain string, or nothing."""
    if isinstance(value, Mapping):
        return string(value, "text") or (_rich(value) if "elements" in value else "")
    return value if isinstance(value, str) else ""


def _section(block: Mapping[str, Any]) -> str:
    return "\n".join(filter(None, [_label(block.get("text")), *map(_label, _all(block, "fields"))]))


def _context(block: Mapping[str, Any]) -> str:
    return " ".join(filter(None, map(_label, items(block, "elements"))))


def _titled(block: Mapping[str, Any]) -> str:
    keys = ("title", "subtitle", "text", "body", "description", "details", "output")
    parts = [_label(block.get(key)) for key in keys]
    inner = [
        _block(one)
        for key in ("blocks", "elements", "children", "cards", "tasks")
        for one in items(block, key)
        if string(one, "type")
    ]
    return "\n".join(filter(None, (*parts, *inner)))


def _table(block: Mapping[str, Any]) -> str:
    rows = [
        [_cell(cell) for cell in row] for row in _all(block, "rows")[:MOST_ROWS] if _is_list(row)
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
    text = _rich(cell) if "elements" in cell else _label(cell) or str(cell.get("value", ""))
    return text.replace("|", "\\|").replace("\n", " ")


def _call(block: Mapping[str, Any]) -> str:
    name = string(mapping(mapping(block, "call"), "v1"), "name")
    return f"[a call: {name}]" if name else "[a call]"


def _is_list(value: object) -> bool:
    return isinstance(value, list)


# --- rich text ----------------------------------------------------------------------------------


def _rich(block: Mapping[str, Any]) -> str:
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
    "rich_text": _rich,
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

# --- JSON of any shape --------------------------------------------------------------------------


def string(value: Mapping[str, Any], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""


def number(value: Mapping[str, Any], key: str) -> int:
    found = value.get(key)
    return int(found) if isinstance(found, int | float) and abs(found) < 1 << 60 else 0


def mapping(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def items(value: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects in the list *key*; what is no object there is set aside."""
    return list(_objects(_all(value, key)))


def blocks_of(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    return items(message, "blocks")[:MOST_BLOCKS]


def _all(value: Mapping[str, Any], key: str) -> list[Any]:
    found = value.get(key)
    return found if isinstance(found, list) else []


def _objects(values: list[Any]) -> Iterator[dict[str, Any]]:
    for one in values:
        if isinstance(one, dict):
            yield one
        else:
            set_aside("slack.event", "not an object")
