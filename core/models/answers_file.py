"""The file that a batch appends its answers to, one a line, in the order of the prompts."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from core.errors import ConfigError
from core.models.batch import Answer

_answer = msgspec.json.Decoder(Answer)


def answered(path: Path) -> int:
    """How many answers *path* holds. Half a line at its end, from a killed process, is cut off."""
    if not path.is_file():
        return 0  # A pipe or a device holds no earlier answers.
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if data and not (_is_ours(whole.split(b"\n")[0]) if whole else data.startswith(b'{"id":')):
        raise ConfigError(str(path), "holds something else than answers; it is left as it is")
    if len(whole) < len(data):
        # Cut, not written again: on a full disk all answers would be lost.
        os.truncate(path, len(whole))
    return whole.count(b"\n")


def failed(path: Path) -> list[int]:
    """Which lines of *path*, counted from 0, hold an error or cannot be read. A pipe: none."""
    if not path.is_file():
        return []
    return [number for number, line in enumerate(_lines(path)) if not _answers(line)]


def put_in_place(path: Path, answers: Mapping[int, Answer]) -> None:
    """Replace the lines of *path* that *answers* names, all of them or none.

    A link stays a link, and who may read the file stays as it was.
    """
    path = path.resolve()
    lines = _lines(path)
    for number, answer in answers.items():
        lines[number] = msgspec.json.encode(answer)
    beside = path.with_name(f"{path.name}.new")
    beside.touch(mode=0o600)
    shutil.copymode(path, beside)
    beside.write_bytes(b"".join(line + b"\n" for line in lines))
    beside.replace(path)


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1]


def _answers(line: bytes) -> bool:
    try:
        return not _answer.decode(line).error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def _is_ours(line: bytes) -> bool:
    """Whether *line* may be one that was written here. Prompts may be objects with ids, too."""
    try:
        fields = msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return "id" in fields and not {"prompt", "messages"} & fields.keys()
