"""Texts that grow by pieces. Adding a piece does not copy the text. Pure."""

SPACE_CHARS = 1_000
"""How much white space within a quote is kept."""


def apart(text: str) -> str:
    """*text* with a blank line at its end, if it holds anything."""
    return f"{text.rstrip()}\n\n" if text.strip() else ""


class Pieces:
    """A text whose pieces are joined only when somebody reads it."""

    def __init__(self, text: str = "") -> None:
        self._pieces = [text]
        self.chars = len(text)

    def add(self, text: str) -> None:
        self._pieces.append(text)
        self.chars += len(text)

    def __str__(self) -> str:
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0]


class Quote:
    """The model's thinking as a quote above its answer, without white space at both ends."""

    def __init__(self) -> None:
        self._lines = Pieces()
        self._space = ""

    @property
    def chars(self) -> int:
        return self._lines.chars + 2 if self._lines.chars else 0

    def add(self, text: str) -> None:
        words = text.rstrip()
        if not words:
            # It belongs to the quote only if more text comes.
            self._space += text[: SPACE_CHARS - len(self._space)]
            return
        if not self._lines.chars:
            self._lines.add("> 💭 ")
            words = words.lstrip()
        else:
            words = self._space + words
        self._lines.add("\n> ".join(words.splitlines()))
        self._space = text[len(text.rstrip()) :][:SPACE_CHARS]

    def __str__(self) -> str:
        return f"{self._lines}\n\n" if self._lines.chars else ""
