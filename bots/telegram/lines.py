"""Writes text with entities: lines, blocks, and what is still open. Pure."""

from bots.links import host
from bots.telegram.entities import Entity, Formatted, formatted

MOST_INDENTED = 8
"""Deeper lists are not indented further."""


class Lines:
    """The text so far. An empty line separates blocks; in a list, a line end does."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._at = 0
        self._entities: list[Entity] = []
        self._open: list[tuple[str, int, str]] = []
        self._indent = ""
        self._deep = 0
        self._fresh = True
        self._item_start = False
        self.behind_block = False

    @property
    def written(self) -> tuple[int, int]:
        """The number of characters and of entities so far."""
        return self._at, len(self._entities)

    def formatted(self) -> Formatted:
        text = "".join(self._parts)
        cut = len(text) - len(text.lstrip())
        text = text.strip()
        end = len(text)
        entities = []
        for entity in self._entities:
            if not cut and entity.offset + entity.length <= end:
                entities.append(entity)
                continue
            start = max(0, entity.offset - cut)
            stop = min(end, entity.offset - cut + entity.length)
            if stop > start:
                entities.append(Entity(entity.type, start, stop - start, entity.extra))
        return formatted(text, entities)

    def write(self, text: str) -> None:
        if not text:
            return
        if self.behind_block:
            self._begin_line()
        self._fresh = False
        if self._item_start and not text.isspace():
            self._item_start = False
        self._parts.append(text)
        self._at += len(text)

    def write_on(self, text: str) -> None:
        """Write *text*. Its further lines are indented as in the open list."""
        self.write(text.replace("\n", "\n" + self._indent) if self._deep else text)

    def wrap(self, kind: str, text: str, extra: str = "") -> None:
        """Write *text* as an entity of its own."""
        if self.behind_block:
            self._begin_line()
        start = self._at
        self.write(text)
        self.add(kind, start, extra)

    # --- what is open -----------------------------------------------------------------------

    def push(self, kind: str, extra: str = "") -> None:
        if self.behind_block:
            self._begin_line()
        self._open.append((kind, self._at, extra))

    def pop(self) -> None:
        self.add(*self._open.pop())

    def close(self) -> tuple[int, int]:
        """Like `pop`, without making the entity: return its start and its length."""
        _, start, _ = self._open.pop()
        return start, self._at - start

    def add(self, kind: str, start: int, extra: str = "") -> None:
        """An entity from *start* to here."""
        if self._at > start and (kind != "text_link" or host(extra)):
            self._entities.append(Entity(kind, start, self._at - start, extra))

    # --- blocks, lists, lines ---------------------------------------------------------------

    def block(self) -> None:
        """Begin a block, separated from what stands before it."""
        if self._item_start:
            self._item_start = False
            return
        self.behind_block = False
        self._line()
        if self._deep:
            self.write(self._indent)
            self._item_start = True
        elif not self._fresh and not "".join(self._parts[-2:]).endswith("\n\n"):
            self._raw("\n")

    def open_list(self) -> None:
        if not self._deep:
            self.block()
        self._indent_by(1)

    def close_list(self) -> None:
        self._indent_by(-1)
        self.behind_block = True

    def item(self, mark: str) -> None:
        self._line()
        self.behind_block = False
        self.write(self._indent[2:] + mark)
        self._item_start = True

    def _indent_by(self, lists: int) -> None:
        self._deep += lists
        self._indent = "  " * min(self._deep, MOST_INDENTED)

    def _line(self) -> None:
        if not self._fresh and not (self._parts and self._parts[-1].endswith("\n")):
            self._raw("\n")

    def _begin_line(self) -> None:
        """Begin the text after a block. In a tight list it is not a paragraph of its own."""
        self.behind_block = False
        self._line()
        self._raw(self._indent)

    def _raw(self, text: str) -> None:
        self._parts.append(text)
        self._at += len(text)
