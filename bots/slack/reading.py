"""What a Slack message says, in words for a model: its text, its blocks, what it forwards. Pure.

Words that are not the writer's own are marked as such.

Source: docs.slack.dev, "Formatting text" (control sequences) and Block Kit. Other shapes that Slack
sends: node-slack-sdk's types of events and of the Web API's answers.
"""

import re
from collections.abc import Mapping
from typing import Any

from bots.slack.blocks import blocks_of, read_block, read_rich
from bots.slack.fields import items, mapping, string

Names = Mapping[str, str]
"""The names of people, channels and groups, by id."""

UNKNOWN = "[sent: something of a kind that you cannot read: say that you cannot]"

MOST_NAMED = 20
_CONTROL = re.compile(r"<([^<>|\s][^<>|]*)(?:\|([^<>]*))?>")
_NAMED = re.compile(r"<[@#]([UWCG][A-Z0-9]+)")
_MENTIONED = re.compile(r"<[@#]([UWCDG][A-Z0-9]+)|<!subteam\^(S[A-Z0-9]+)")


def text_of(message: Mapping[str, Any]) -> str:
    """The words of the writer of *message*, as Slack's own escaped text."""
    rich = [block for block in blocks_of(message) if block.get("type") == "rich_text"]
    if rich:
        return "\n".join(filter(None, map(read_rich, rich)))
    return string(message, "text")


def extras_of(message: Mapping[str, Any], names: Names) -> list[str]:
    """What *message* holds besides its text. Each part says what it is."""
    text = string(message, "text")
    others = [block for block in blocks_of(message) if block.get("type") != "rich_text"]
    parts = [read_block(block) for block in others]
    # An app's text often repeats its blocks.
    said = [part for part in parts if part and part not in text]
    attached = [_attachment(one, names) for one in items(message, "attachments")]
    return [words(part, names) for part in said] + [part for part in attached if part]


def words(text: str, names: Names) -> str:
    """Slack's own *text* as a person reads it: links, channels, people and dates in words."""

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
        if label and target in (f"tel:{label}", f"mailto:{label}"):
            return label
        if label and label != target.partition("//")[2] and label != target:
            return f"{label} ({target})"
        return target

    text = _CONTROL.sub(plain, text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def named_in(text: str, platform: str) -> tuple[str, ...]:
    """The ids of the first people and channels that Slack's own *text* mentions."""
    found = dict.fromkeys(match.group(1) for match in _NAMED.finditer(text))
    return tuple(f"{platform}:{one}" for one in [*found][:MOST_NAMED])


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
    """What the person has open beside our conversation, if Slack says so (`app_context`)."""
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
    """The files of *message*, and those of the messages that it forwards."""
    files = items(message, "files")
    for attached in items(message, "attachments"):
        files += items(attached, "files")
    return files


# --- attachments --------------------------------------------------------------------------------


def _attachment(attached: Mapping[str, Any], names: Names) -> str:
    """What was forwarded, linked or shown below a message, and whose words these are."""
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
    rich += [read_block(block) for message in inner for block in _unread(message)]
    if not rich:
        rich = [read_block(block) for block in blocks_of(attached)]
    if any(rich):
        return "\n".join(filter(None, rich))
    fields = [f"{string(f, 'title')}: {string(f, 'value')}" for f in items(attached, "fields")]
    text = string(attached, "text") or string(attached, "fallback")
    return "\n".join(part for part in (string(attached, "pretext"), text, *fields) if part)


def _unread(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [block for block in blocks_of(message) if block.get("type") != "rich_text"]


def quoted(head: str, text: str) -> str:
    """*text* as a quote. *head* says whose words these are."""
    lines = "".join(f"\n> {line}" for line in text.splitlines())
    return f"[{head}]{lines}"
