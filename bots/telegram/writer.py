"""Writes the parser's events as text with entities, one by one. Pure.

Source of entity rules: core.telegram.org/bots/api, MessageEntity and formatting
options.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from bots.links import host, misnames
from bots.telegram.entities import Formatted
from bots.telegram.lines import Lines
from bots.telegram.source import Source
from bots.telegram.tables import Table

QUOTE_CHARS = 300
"""A longer quote is folded."""
_LANGUAGE = re.compile(r"[\w+#.-]{1,40}")


class Writer:
    """Takes pyromark's events of *source* in order, and writes text with entities."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lines = Lines()
        self._numbers: list[int | None] = []
        """For each open list, the number of its next item."""
        self._quotes = 0
        self._code: list[str] | None = None
        self._language = ""
        self._link = ""
        self._link_text: list[str] = []
        self._image = ""
        self._image_alt: list[str] | None = None
        self._table: Table | None = None
        self._cell: list[str] | None = None

    @property
    def written(self) -> tuple[int, int]:
        """The number of characters and of entities so far."""
        return self._lines.written

    def take(self, events: Iterable[Any]) -> None:
        # A frame has thousands of events.
        changed, starts, ends = self._source.changed, self._STARTS, self._ENDS
        for event in events:
            if event.__class__ is str:
                self._single(event)
                continue
            kind, value = event.popitem()
            if kind == "Text":
                if self._code is not None or (changed and not value.isascii()):
                    self._plain(value)
                else:
                    self._text(value)
            elif kind == "Start":
                name, detail = (value, None) if value.__class__ is str else value.popitem()
                if name in starts:
                    starts[name](self, detail)
            elif kind == "End":
                name = value if value.__class__ is str else value.popitem()[0]
                if name in ends:
                    ends[name](self)
            else:
                self._other(kind, value)

    def formatted(self) -> Formatted:
        return self._lines.formatted()

    # --- what stands alone ------------------------------------------------------------------

    def _single(self, name: str) -> None:
        if name in ("SoftBreak", "HardBreak"):
            self._text("\n")
        elif name == "Rule":
            self._lines.block()
            self._lines.write("———")

    def _other(self, kind: str, value: Any) -> None:
        match kind:
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

    # --- blocks -----------------------------------------------------------------------------

    def _block(self, _: Any) -> None:
        self._lines.block()

    def _end_block(self) -> None:
        self._lines.behind_block = True

    def _start_heading(self, _: Any) -> None:
        self._lines.block()
        self._lines.push("bold")

    def _end_heading(self) -> None:
        self._lines.pop()
        self._lines.behind_block = True

    def _start_quote(self, _: Any) -> None:
        self._lines.block()
        if self._quotes == 0:
            self._lines.push("blockquote")
        self._quotes += 1

    def _end_quote(self) -> None:
        self._quotes -= 1
        if self._quotes == 0:
            start, length = self._lines.close()
            self._lines.add(
                "expandable_blockquote" if length > QUOTE_CHARS else "blockquote", start
            )
        self._lines.behind_block = True

    def _start_code(self, detail: Any) -> None:
        self._lines.block()
        self._code = []
        info = detail.get("Fenced", "") if isinstance(detail, dict) else ""
        language = _LANGUAGE.match(info.strip())
        self._language = language.group() if language else ""

    def _end_code(self) -> None:
        # Telegram turns a tab into one space.
        code = "".join(self._code or ()).rstrip("\n").expandtabs(4)
        self._code = None
        self._lines.wrap("pre", code or " ", self._language)
        self._lines.behind_block = True

    # --- lists ------------------------------------------------------------------------------

    def _start_list(self, first: int | None) -> None:
        self._lines.open_list()
        self._numbers.append(first)

    def _end_list(self) -> None:
        self._numbers.pop()
        self._lines.close_list()

    def _start_item(self, _: Any) -> None:
        number = self._numbers[-1]
        if number is None:
            self._lines.item("• ")
        else:
            self._lines.item(f"{number}. ")
            self._numbers[-1] = number + 1

    # --- tables -----------------------------------------------------------------------------

    def _start_table(self, _: Any) -> None:
        self._lines.block()
        self._table = Table()

    def _start_row(self, _: Any) -> None:
        if self._table is not None:
            self._table.begin_row()

    def _start_cell(self, _: Any) -> None:
        self._cell = []

    def _end_cell(self) -> None:
        if self._table is not None:
            self._table.add("".join(self._cell or ()))
        self._cell = None

    def _end_table(self) -> None:
        table, self._table = self._table, None
        if table is not None:
            table.write(self._lines)

    # --- within a line ----------------------------------------------------------------------

    def _start_strong(self, _: Any) -> None:
        self._lines.push("bold")

    def _start_emphasis(self, _: Any) -> None:
        self._lines.push("italic")

    def _start_struck(self, _: Any) -> None:
        self._lines.push("strikethrough")

    def _end_mark(self) -> None:
        self._lines.pop()

    def _start_link(self, detail: Any) -> None:
        self._link = self._source.as_written(detail["dest_url"])
        self._link_text = []
        self._lines.push("text_link", self._link)

    def _end_link(self) -> None:
        target, said = self._link, "".join(self._link_text).strip()
        start, length = self._lines.close()
        self._link = ""
        site = host(target)
        if self._cell is not None:
            if target != said and (not site or misnames(said, target)):
                self._cell.append(f" ({site or target})")
            return
        if not length:
            self._lines.write(target)
        if site:
            self._lines.add("text_link", start, target)
            if misnames(said, target):
                # The link's text names another site than its address. Show the real one.
                self._lines.write(f" ({site})")
        elif target and target != said:
            self._lines.write(f" ({target})")

    def _start_image(self, detail: Any) -> None:
        self._image_alt = []
        self._image = self._source.as_written(detail["dest_url"])

    def _end_image(self) -> None:
        alt = "".join(self._image_alt or ()) or "image"
        self._image_alt = None
        if self._cell is not None or self._link:
            self._text(f"🖼 {alt}")
        else:
            self._lines.wrap("text_link", f"🖼 {alt}", self._image)

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
            self._lines.write_on(text)

    def _wrapped(self, kind: str, text: str) -> None:
        if self._cell is not None or self._image_alt is not None:
            self._text(text)
            return
        if self._link:
            self._link_text.append(text)
        self._lines.wrap(kind, text)

    _STARTS: ClassVar[Mapping[str, Callable[["Writer", Any], None]]] = {
        "Paragraph": _block,
        "HtmlBlock": _block,
        "Heading": _start_heading,
        "BlockQuote": _start_quote,
        "CodeBlock": _start_code,
        "List": _start_list,
        "Item": _start_item,
        "Link": _start_link,
        "Image": _start_image,
        "Table": _start_table,
        "TableHead": _start_row,
        "TableRow": _start_row,
        "TableCell": _start_cell,
        "Strong": _start_strong,
        "Emphasis": _start_emphasis,
        "Strikethrough": _start_struck,
    }
    _ENDS: ClassVar[Mapping[str, Callable[["Writer"], None]]] = {
        "Paragraph": _end_block,
        "HtmlBlock": _end_block,
        "Heading": _end_heading,
        "BlockQuote": _end_quote,
        "CodeBlock": _end_code,
        "List": _end_list,
        "Link": _end_link,
        "Image": _end_image,
        "Table": _end_table,
        "TableCell": _end_cell,
        "Strong": _end_mark,
        "Emphasis": _end_mark,
        "Strikethrough": _end_mark,
    }
