"""Reads the text files that the operator names."""

from pathlib import Path

MOST_BYTES = 8 * 1024 * 1024
"""How long `palaver.toml` may be, and each file that it names. Another may be no file, and have no
end."""


def text_in(path: Path) -> str:
    """The text of the file *path*, which the operator named.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too long, or no text.
    """
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(f"{path} is longer than {MOST_BYTES:,} bytes")
    return data.decode("utf-8")
