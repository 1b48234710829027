"""Texts: where words end, and texts cut to a length, quoted, or made a name."""

from core.border import DIRECTIONS, clean


def joined(before: str, after: str) -> bool:
    """Whether one word goes on from the end of *before* to the beginning of *after*.

    In Chinese, Japanese and Korean text the answer is always no.
    """
    return _spells(before[-1:]) and _spells(after[:1])


def cut(text: str, most: int) -> str:
    """*text*, or as much of its beginning as *most* characters hold."""
    return text if len(text) <= most else text[: most - 1] + "…"


def shortened(text: str, most: int) -> str:
    """*text*, or its beginning and its end in *most* characters, and how much is left out."""
    if len(text) <= most:
        return text
    room = max(0, most - _REMARK_CHARS)
    tail = room // 4
    head = room - tail
    left = len(text) - room
    return f"{text[:head]}\n[… {left} characters left out …]\n{text[len(text) - tail :]}"


_REMARK_CHARS = 60
"""More than the remark of `shortened` has."""


def code(text: str, most: int = 100) -> str:
    """*text*, which somebody else wrote, as a code span: one line that nothing in it can end."""
    return f"`{cut(' '.join(text.replace('`', ' ').split()), most) or '–'}`"


_NO_DIRECTIONS = dict.fromkeys(DIRECTIONS)


def undirected(name: str) -> str:
    """*name* without marks that turn round what is written behind it."""
    return name.translate(_NO_DIRECTIONS)


def quoted(text: str) -> str:
    """*text* as a quote that nothing in it can end."""
    return "\n".join(f"> {line}" for line in text.splitlines())


def _spells(character: str) -> bool:
    """Whether *character* is a letter or digit of a script with spaces between words."""
    return character.isalnum() and character < "\u2e80"


NAME_CHARS = 120


def file_name(name: str) -> str:
    """*name* made safe to show: one line of a usual length, without a folder.

    Characters that cannot be shown, or change the order of others, become spaces. The ending stays,
    because it tells the kind of the file.
    """
    name = clean(name).replace("\\", "/").rpartition("/")[2]
    name = "".join(one if one.isprintable() else " " for one in name).strip()
    if len(name) <= NAME_CHARS:
        return name
    return f"{name[: NAME_CHARS // 2]}…{name[-NAME_CHARS // 2 + 1 :]}"


MOST_PIECES = 32


def join_many(pieces: list[str]) -> None:
    """Join *pieces* in place if they are many: each takes ten times the memory of its text."""
    if len(pieces) > MOST_PIECES:
        pieces[:] = ["".join(pieces)]
