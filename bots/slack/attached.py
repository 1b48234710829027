"""Files of a Slack message: attachments, and files that the model only gets the name of. Pure.

Source: docs.slack.dev, the file object (`mode`, `file_access`), and node-slack-sdk's FileElement.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from bots.slack.fields import mapping, string
from bots.slack.files import MOST_FILES, attachments_of
from bots.slack.reading import quoted
from core.messages import Attachment


def is_stub(file: Mapping[str, Any]) -> bool:
    """Whether *file* is only a stub, and `files.info` has the rest (Slack Connect)."""
    return string(file, "file_access") == "check_file_info"


def read_files(files: Iterable[Mapping[str, Any]]) -> tuple[tuple[Attachment, ...], list[str]]:
    """The attachments among *files*, and sentences about the other files."""
    attachments: list[Attachment] = []
    notes: list[str] = []
    for file in list(files)[:MOST_FILES]:
        if note := _by_name(file):
            notes.append(note)
            continue
        found = attachments_of([file])
        if _is_clip(file):
            found = tuple(replace(one, kind="audio") for one in found)
        attachments += found
        if heard := string(mapping(mapping(file, "transcription"), "preview"), "content"):
            notes.append(quoted(f"what Slack heard in {_title(file)}", heard))
    return tuple(dict.fromkeys(attachments)), notes


def _title(file: Mapping[str, Any]) -> str:
    return string(file, "title") or string(file, "name") or "a file without a name"


def _is_clip(file: Mapping[str, Any]) -> bool:
    """Whether *file* is a voice clip. Slack stores such sound as `video/mp4` or `video/webm`."""
    return string(file, "subtype") == "slack_audio" or (
        string(file, "media_display_type") == "audio"
    )


def _by_name(file: Mapping[str, Any]) -> str:
    """A sentence about *file*, if its words are not in its bytes; else empty."""
    mode, kind = string(file, "mode"), string(file, "filetype")
    if mode == "email" or kind == "email":
        subject = string(file, "subject") or _title(file)
        return quoted(f"e-mail: {subject}", string(file, "plain_text") or string(file, "preview"))
    if mode in ("quip", "canvas") or kind in ("quip", "canvas") or file.get("is_channel_space"):
        return f"[canvas: {_title(file)}]"
    if mode == "space" or kind == "space":
        return f"[post: {_title(file)}]"
    if mode == "list" or kind == "list" or file.get("list_metadata"):
        return f"[list: {_title(file)}]"
    return ""
