"""Texts that grow by pieces: adding copies nothing, however long they are. Pure."""

SPACE_CHARS = 1_000
"""Of white space within a quote that is kept."""


class Pieces:
    """A text that is put together when it is looked at."""

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
    """The model's thinking as a quote above its answer; white space at either end is left out."""

    def __init__(self) -> None:
        self._lines = Pieces()
        self._space = ""

    @property
    def chars(self) -> int:
        return self._lines.chars + 2 if self._lines.chars else 0

    def add(self, text: str) -> None:
        words = text.rstrip()
        if not words:
            # Part of it once more comes.
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
