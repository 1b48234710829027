"""Reads the pages that an answer cites. Each provider sends them in its own fields.

Sources: Perplexity (`citations`, `search_results`), OpenAI and OpenRouter (`annotations` of kind
`url_citation`), Gemini (`grounding_metadata`), Anthropic (`citations_delta`); autumn 2026.
"""

from collections.abc import Mapping, Sequence

from core.border import clean
from core.models.chunks import Source
from core.models.loose import record, records, text_of

MOST = 50
LOOKED_AT = 10 * MOST
"""So many of each field: most are repeated, and some cannot be read."""
TITLE_CHARS = 120
URL_CHARS = 2_000


def sources_of(
    chunk: Mapping[str, object], choice: Mapping[str, object], known: Sequence[Source]
) -> tuple[Source, ...]:
    """The *known* pages, and behind them those in *chunk* and its *choice*.

    *chunk* may also hold titles for known pages.
    """
    titled = [_source(one) for one in records(chunk.get("search_results"))[:LOOKED_AT]]
    titles = {one.url: one for one in titled if one is not None}
    found = list(known)
    citations = chunk.get("citations")
    if isinstance(citations, list) and citations:
        # `[2]` in the answer is the second of these, even if the first cannot be read.
        cited_here = [_source(record(one) or {"url": one}) for one in citations[:MOST]]
        found = [titles.get(one.url, one) if one else Source("") for one in cited_here]
    for one in titled:
        if one is not None:
            _add(found, one)
    for said in (choice.get("delta"), choice.get("message")):
        for note in records(record(said).get("annotations"))[:LOOKED_AT]:
            cited = _source(record(note.get("url_citation")) or note)
            if cited is not None:
                _add(found, cited)
    for where in (chunk, choice):
        grounding = record(where.get("grounding_metadata") or where.get("groundingMetadata"))
        pieces = grounding.get("grounding_chunks") or grounding.get("groundingChunks")
        for piece in records(pieces)[:LOOKED_AT]:
            cited = _source(record(piece.get("web")))
            if cited is not None:
                _add(found, cited)
    return tuple(found[:MOST])


def with_citation(citation: object, known: Sequence[Source]) -> tuple[Source, ...]:
    """The *known* pages and the one in *citation*, which has Anthropic's shape."""
    found = list(known)
    cited = _source(record(citation))
    if cited is not None:
        _add(found, cited)
    return tuple(found[:MOST])


def _add(found: list[Source], source: Source) -> None:
    for at, one in enumerate(found):
        if one.url == source.url:
            if source.title and not one.title:
                found[at] = source
            return
    if len(found) < MOST:
        found.append(source)


def _source(said: Mapping[str, object]) -> Source | None:
    url = clean(text_of(said.get("url") or said.get("uri"))).strip()
    if not url.startswith(("https://", "http://")) or len(url) > URL_CHARS or len(url.split()) != 1:
        return None
    title = " ".join(clean(text_of(said.get("title"))).split())
    return Source(url, title[:TITLE_CHARS])
