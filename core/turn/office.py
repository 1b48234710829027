"""The text of office documents and web pages. It runs only in the sandbox process for documents.

Each reader takes a whole file and gives its text in pieces, so that the caller can stop when there
is enough. The text is Markdown where that is cheap.
"""

import zipfile
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from posixpath import join, normpath
from urllib.parse import unquote
from xml.etree import ElementTree

ROWS = 2_000
"""Rows read of one sheet. A longer sheet is data, and not meant to be read."""
SLIDE = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
SHOW = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
UNSEEN = ("script", "style", "noscript", "template", "svg", "iframe", "object")
PACKAGE = "{http://www.idpf.org/2007/opf}"


def docx(data: bytes) -> Iterator[str]:
    """A Word document."""
    import mammoth  # noqa: PLC0415 - only in the process that reads one

    yield _markdown(mammoth.convert_to_html(BytesIO(data), convert_image=_no_picture).value)


def sheets(data: bytes) -> Iterator[str]:
    """A spreadsheet (xlsx, xls, xlsb, ods): each sheet as a table."""
    import python_calamine  # noqa: PLC0415 - only in the process that reads one

    book = python_calamine.CalamineWorkbook.from_filelike(BytesIO(data))
    for name in book.sheet_names:
        yield f"## {name}\n\n"
        for number, row in enumerate(book.get_sheet_by_name(name).iter_rows()):
            if number == ROWS:
                yield "[more rows]\n"
                break
            cells = [str(cell).replace("|", "/").replace("\n", " ") for cell in row]
            if any(cells):
                yield f"| {' | '.join(cells)} |\n"
        yield "\n"


def pptx(data: bytes) -> Iterator[str]:
    """A presentation: the text of each slide in order, and of its notes."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        there = set(archive.namelist())
        for number, name in enumerate(_slides(archive, there), 1):
            yield f"[slide {number}]\n{_paragraphs(archive.read(name))}\n\n"
            for kind, notes in _related(archive, name).values():
                if kind == "notesSlide" and notes in there:
                    yield f"[notes]\n{_paragraphs(archive.read(notes))}\n\n"


def _slides(archive: zipfile.ZipFile, there: set[str]) -> list[str]:
    """The slides in the order of the show. If the file has no such list: by their numbers."""
    listed: list[str] = []
    if (show := "ppt/presentation.xml") in there:
        related = _related(archive, show)
        ids = [one.attrib.get(ID, "") for one in _xml(archive.read(show)).iter(f"{SHOW}sldId")]
        listed = [related[one][1] for one in ids if one in related and related[one][1] in there]
    return listed or sorted(
        (name for name in there if name.startswith("ppt/slides/slide")), key=_number
    )


def _related(archive: zipfile.ZipFile, name: str) -> dict[str, tuple[str, str]]:
    """The kind and the path of each part that the part *name* refers to, by its id."""
    folder, _, file = name.rpartition("/")
    path = f"{folder}/_rels/{file}.rels"
    if path not in archive.namelist():
        return {}
    found: dict[str, tuple[str, str]] = {}
    for number, one in enumerate(_xml(archive.read(path))):
        kind = one.attrib.get("Type", "").rpartition("/")[2]
        target = _path(folder, one.attrib.get("Target", ""))
        found[one.attrib.get("Id", str(number))] = kind, target
    return found


def _path(folder: str, href: str) -> str:
    """The name in the archive of the part that *href* means in *folder*."""
    return normpath(join("/", folder, href)).lstrip("/")


def epub(data: bytes) -> Iterator[str]:
    """A book: its chapters in reading order."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        container = _xml(archive.read("META-INF/container.xml"))
        package = next(
            one.attrib["full-path"] for one in container.iter() if "full-path" in one.attrib
        )
        folder = package.rpartition("/")[0]
        tree = _xml(archive.read(package))
        files = {one.attrib["id"]: one.attrib["href"] for one in tree.iter(f"{PACKAGE}item")}
        for item in tree.iter(f"{PACKAGE}itemref"):
            name = files.get(item.attrib.get("idref", ""), "")
            path = normpath(f"{folder}/{unquote(name)}").lstrip("/")
            if path in archive.namelist():
                yield _markdown(archive.read(path)) + "\n\n"


def html(data: bytes) -> Iterator[str]:
    """A web page."""
    yield _markdown(data)


READERS: Mapping[str, Callable[[bytes], Iterator[str]]] = {
    "docx": docx,
    "xlsx": sheets,
    "xls": sheets,
    "xlsb": sheets,
    "ods": sheets,
    "pptx": pptx,
    "epub": epub,
    "html": html,
    "htm": html,
}
"""The readers, by the end of a file's name."""


def _markdown(page: str | bytes) -> str:
    """*page* as Markdown, without invisible parts. Bytes are decoded as the page itself says."""
    import markdownify  # noqa: PLC0415 - only in the process that reads one
    from bs4 import BeautifulSoup  # noqa: PLC0415 - only in the process that reads one

    soup = BeautifulSoup(page, "html.parser")
    for unseen in soup(UNSEEN):
        unseen.decompose()
    converter = markdownify.MarkdownConverter(strip=["img"], heading_style="ATX")
    text: str = converter.convert_soup(soup)
    return text.strip()


def _paragraphs(data: bytes) -> str:
    paragraphs = (
        "".join(run.text or "" for run in paragraph.iter(f"{SLIDE}t"))
        for paragraph in _xml(data).iter(f"{SLIDE}p")
    )
    return "\n".join(filter(str.strip, paragraphs))


def _xml(data: bytes) -> ElementTree.Element:
    # Today's Expat limits how far entities may grow, and the process has limits too.
    return ElementTree.fromstring(data)  # noqa: S314


def _number(name: str) -> int:
    digits = "".join(filter(str.isdigit, name.rpartition("/")[2]))
    return int(digits or 0)


def _no_picture(_: object) -> list[object]:
    return []
