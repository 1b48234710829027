"""A page in its visitor's language: which one that is, and the page with its texts filled in."""

import html
import re
from collections.abc import Iterator, Mapping

import msgspec
from aiohttp import web

from core.cookies import cookie_of
from core.languages.catalogue import CATALOGUE, LANGUAGES, Language, accepted

COOKIE = "palaver_language"
"""The language that was chosen on a page. The page's script sets this cookie."""
_FIELD = re.compile(r"\{(\w+)\}")


def language_of(request: web.Request) -> str:
    """The tag that was chosen on the page; else the browser's first language that we speak."""
    chosen = cookie_of(request, COOKIE)
    wanted = [chosen, *accepted(request.headers.get("Accept-Language", ""))]
    first = next(filter(None, wanted), "")
    return next((tag for tag in wanted if tag and CATALOGUE.speaks(tag)), first)[:20]


def fields_of(tag: Language, texts: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """What every page has: its language, *texts* for its script, and the languages to choose."""
    yield "tag", tag
    yield "direction", LANGUAGES[tag].direction
    # Only `<` could end a script element (html.spec.whatwg.org, 4.12.1.3).
    yield "texts", msgspec.json.encode(texts).decode().replace("<", "\\u003c")
    yield (
        "choices",
        "".join(
            f'<option value="{one}"{" selected" if one == tag else ""}>{html.escape(locale.name)}'
            for one, locale in LANGUAGES.items()
        ),
    )


def filled(text: str, fields: Mapping[str, str]) -> str:
    """*text* with its fields, such as `{tag}`, filled in."""
    return _FIELD.sub(lambda found: fields[found[1]], text)
