"""Reads an answer that is no event stream: one JSON text, or one a line (Ollama's own API)."""

from core.models.loose import parse


class Lines:
    """Feed bytes, get JSON texts. An incomplete text is kept for the end."""

    def __init__(self) -> None:
        self.one = True
        """Whether it is a single text, as far as is known now."""
        self._rest = bytearray()
        self._whole = False

    def feed(self, piece: bytes) -> list[bytes]:
        """The texts that *piece* completes."""
        self._rest += piece
        if self._whole or b"\n" not in piece:
            return []
        *lines, rest = bytes(self._rest).split(b"\n")
        found: list[bytes] = []
        for at, line in enumerate(lines):
            if not line.strip():
                continue
            if self.one and not _complete(line):
                # One text that is written over several lines.
                self._whole, self._rest = True, bytearray(b"\n".join([*lines[at:], rest]))
                return found
            self.one = False
            found.append(line)
        self._rest = bytearray(rest)
        return found

    @property
    def held(self) -> int:
        """How many bytes are kept."""
        return len(self._rest)

    @property
    def unfinished(self) -> bytes:
        rest, self._rest = bytes(self._rest).strip(), bytearray()
        self.one = self.one and _complete(rest)
        return rest


def _complete(line: bytes) -> bool:
    try:
        parse(line)
    except ValueError:
        return False
    return True
