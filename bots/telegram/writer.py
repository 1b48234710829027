"""Writes what the Markdown parser tells as text with entities, event by event. Pure.

Source of entity rules: core.telegram.org/bots/api, MessageEntity and formatting
options.
"""

import re
from collections.abc import Iterable
from typing import Any

from bots.links import host, misnames
from bots.telegram.entities import Entity, Formatted, formatted
from bots.telegram.source import HELPER, SIGN, Source
from bots.telegram.tables import monospaced

QUOTE_CHARS = 300
"""A longer quote is shown folded."""
MOST_INDENTED = 8
"""Lists that are nested deeper are indented no further."""
_MARKS = {"Strong": "bold", "Emphasis": "italic", "Strikethrough": "strikethrough"}
_LANGUAGE = re.compile(r"[\w+#.-]{1,40}")


class _List:
    def __init__(self, number: int | None) -> None:
        self.number = number


class Writer:
    """Takes pyromark's events of *source*, in order, and writes text with entities."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._parts: list[str] = []
        self._at = 0
        self._entities: list[Entity] = []
        self._open: list[tuple[str, int, str]] = []
        self._lists: list[_List] = []
        self._quotes = 0
        self._code: list[str] | None = None
        self._language = ""
        self._link = ""
        self._link_text: list[str] = []
        self._image = ""
        self._image_alt: list[str] | None = None
        self._rows: list[list[str]] | None = None
        self._cell: list[str] | None = None
        self._fresh = True
        self._item_start = False
        self._behind_block = False

    @property
    def written(self) -> tuple[int, int]:
        """How many characters and entities there are so far."""
        return self._at, len(self._entities)

    def take(self, events: Iterable[Any]) -> None:
        # The most frequent ones first: a frame has hundreds of them.
        changed = self._source.changed
        for event in events:
            if isinstance(event, str):
                self._single(event)
                continue
            ((kind, value),) = event.items()
            if kind == "Text":
                if self._code is not None or (changed and (SIGN in value or HELPER in value)):
                    self._plain(value)
                else:
                    self._text(value)
            elif kind == "Start" and isinstance(value, str) and value in _MARKS:
                self._push(_MARKS[value])
            elif kind == "End" and isinstance(value, str) and value in _MARKS:
                self._pop()
            else:
                self._other(kind, value)

    def _other(self, kind: str, value: Any) -> None:
        match kind:
            case "Start":
                name, detail = (
                    (value, None) if isinstance(value, str) else next(iter(value.items()))
                )
                self._start(name, detail)
            case "End":
                self._end(value if isinstance(value, str) else next(iter(value)))
            case "Code":
                self._wrapped("code", self._source.as_written(value))
            case "InlineHtml" | "Html":
                tag = "".join(value.lower().split())
                self._text("\n" if tag in ("<br>", "<br/>") else self._source.as_written(value))
            case "TaskListMarker":
                self._text("☑ " if value else "☐ ")
            case "FootnoteReference":
                self._text(f"[{self._source.as_written(value)}]")
            case _:
                pass

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

    # --- events -----------------------------------------------------------------------------

    def _single(self, name: str) -> None:
        match name:
            case "SoftBreak" | "HardBreak":
                self._text("\n")
            case "Rule":
                self._block()
                self._write("———")

    def _start(self, name: str, detail: Any) -> None:  # one case per construct
        match name:
            case "Paragraph":
                self._block()
            case "Heading":
                self._block()
                self._push("bold")
            case "BlockQuote":
                self._block()
                if self._quotes == 0:
                    self._push("blockquote")
                self._quotes += 1
            case "CodeBlock":
                self._block()
                self._code = []
                info = detail.get("Fenced", "") if isinstance(detail, dict) else ""
                language = _LANGUAGE.match(info.strip())
                self._language = language.group() if language else ""
            case "HtmlBlock":
                self._block()
            case "List":
                if not self._lists:
                    self._block()
                self._lists.append(_List(detail))
            case "Item":
                self._item()
            case "Link":
                self._link = self._source.as_written(detail["dest_url"])
                self._link_text = []
                self._push("text_link", self._link)
            case "Image":
                self._image_alt = []
                self._image = self._source.as_written(detail["dest_url"])
            case "Table":
                self._block()
                self._rows = []
            case "TableHead" | "TableRow":
                if self._rows is not None:
                    self._rows.append([])
            case "TableCell":
                self._cell = []

    def _end(self, name: str) -> None:
        match name:
            case "Heading":
                self._pop()
                self._behind_block = True
            case "BlockQuote":
                self._quotes -= 1
                if self._quotes == 0:
                    _, start, _ = self._open.pop()
                    long = self._at - start > QUOTE_CHARS
                    self._add("expandable_blockquote" if long else "blockquote", start)
                self._behind_block = True
            case "CodeBlock":
                self._end_code()
                self._behind_block = True
            case "List":
                self._lists.pop()
                self._behind_block = True
            case "HtmlBlock" | "Paragraph":
                self._behind_block = True
            case "Link":
                self._end_link()
            case "Image":
                alt = "".join(self._image_alt or ()) or "image"
                self._image_alt = None
                if self._cell is not None or self._link:
                    self._text(f"🖼 {alt}")
                    return
                self._push("text_link", self._image)
                self._write(f"🖼 {alt}")
                self._pop()
            case "TableCell":
                if self._rows:
                    self._rows[-1].append("".join(self._cell or ()).strip())
                self._cell = None
            case "Table":
                self._end_table()

    def _plain(self, value: str) -> None:
        if self._code is not None:
            self._code.append(self._source.as_written(value))
            return
        for number, piece in enumerate(self._source.pieces(value)):
            if number % 2:
                self._wrapped("code", piece)
            elif piece:
                self._text(piece)

    def _text(self, text: str) -> None:
        if self._image_alt is not None:
            self._image_alt.append(text)
        elif self._cell is not None:
            self._link_text.append(text)
            self._cell.append(text.replace("\n", " "))
        else:
            if self._link:
                self._link_text.append(text)
            if self._lists:
                text = text.replace("\n", "\n" + self._indent)
            self._write(text)

    def _wrapped(self, kind: str, text: str) -> None:
        if self._cell is not None or self._image_alt is not None:
            self._text(text)
            return
        if self._link:
            self._link_text.append(text)
        self._push(kind)
        self._write(text)
        self._pop()

    @property
    def _indent(self) -> str:
        return "  " * min(len(self._lists), MOST_INDENTED)

    def _item(self) -> None:
        current = self._lists[-1]
        self._line()
        mark = "• "
        if current.number is not None:
            mark = f"{current.number}. "
            current.number += 1
        self._behind_block = False
        self._write(self._indent[2:] + mark)
        self._item_start = True

    def _end_code(self) -> None:
        # Telegram makes one space of a tab.
        code = "".join(self._code or ()).rstrip("\n").expandtabs(4)
        self._code = None
        self._push("pre", self._language)
        self._write(code or " ")
        self._pop()

    def _end_link(self) -> None:
        target, said = self._link, "".join(self._link_text).strip()
        _, start, _ = self._open.pop()
        self._link = ""
        site = host(target)
        if self._cell is not None:
            if target != said and (not site or misnames(said, target)):
                self._cell.append(f" ({site or target})")
            return
        if self._at == start:
            self._write(target)
        if site:
            self._add("text_link", start, target)
            if misnames(said, target):
                # A text that names another site than it leads to must say so.
                self._write(f" ({site})")
        elif target and target != said:
            self._write(f" ({target})")

    def _end_table(self) -> None:
        rows = [row for row in self._rows or () if any(row)]
        self._rows = None
        self._behind_block = True
        if not rows:
            return
        columns = max(map(len, rows))
        rows = [row + [""] * (columns - len(row)) for row in rows]
        if lines := monospaced(rows):
            self._push("pre")
            self._write(lines)
            self._pop()
            return
        head, *body = rows
        for index, row in enumerate(body or [head]):
            if index:
                self._write("\n")
            self._push("bold")
            self._write(": ".join(filter(None, (head[0] if body else "", row[0]))) or "•")
            self._pop()
            for name, cell in zip(head[1:], row[1:], strict=True):
                if cell:
                    self._write(f"\n  {name}: {cell}" if name else f"\n  {cell}")

    # --- writing ----------------------------------------------------------------------------

    def _block(self) -> None:
        """Begin a block: apart from what stands before it."""
        if self._item_start:
            self._item_start = False
            return
        if self._lists:
            self._line()
            self._behind_block = False
            self._write(self._indent)
            self._item_start = True
            return
        self._behind_block = False
        self._line()
        if not self._fresh and not "".join(self._parts[-2:]).endswith("\n\n"):
            self._raw("\n")

    def _line(self) -> None:
        if not self._fresh and not (self._parts and self._parts[-1].endswith("\n")):
            self._raw("\n")

    def _begin_line(self) -> None:
        """Begin what stands behind a block: in a tight list it is no paragraph."""
        self._behind_block = False
        self._line()
        self._raw(self._indent)

    def _write(self, text: str) -> None:
        if not text:
            return
        if self._behind_block:
            self._begin_line()
        self._fresh = False
        if self._item_start and not text.isspace():
            self._item_start = False
        self._parts.append(text)
        self._at += len(text)

    def _raw(self, text: str) -> None:
        self._parts.append(text)
        self._at += len(text)

    def _push(self, kind: str, extra: str = "") -> None:
        if self._behind_block and self._cell is None:
            self._begin_line()
        self._open.append((kind, self._at, extra))

    def _pop(self) -> None:
        self._add(*self._open.pop())

    def _add(self, kind: str, start: int, extra: str = "") -> None:
        if self._at > start and (kind != "text_link" or host(extra)):
            self._entities.append(Entity(kind, start, self._at - start, extra))
