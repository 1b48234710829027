"""Reads what people would read of a web page, as Markdown. A job: see `core.sandbox`."""

from collections.abc import Iterator

import trafilatura


def text(data: bytes, address: str, charset: str) -> Iterator[str]:
    """The title, an empty line, and the readable text of *data*, the HTML at *address*.

    Raises `ValueError` with a reason for the model.
    """
    page: str | bytes = data
    if charset:
        try:
            page = data.decode(charset, "replace")
        except LookupError:
            page = data
    tree = trafilatura.load_html(page)
    if tree is None:
        raise ValueError("it is no web page")
    found = trafilatura.extract_metadata(tree, address)
    body = trafilatura.extract(
        tree,
        url=address,
        output_format="markdown",
        include_links=True,
        include_tables=True,
        favor_recall=True,
    )
    title = " ".join((found.title or "").split()) if found is not None else ""
    if not body:
        raise ValueError("nothing on this page can be read without a browser")
    yield f"{title[:200]}\n\n"
    yield body
