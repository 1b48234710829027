"""The language in which a visitor reads the page, and the page with its texts filled in."""

import html
import re
from importlib import resources

import msgspec
from aiohttp import web

from bots.web.assets import digest, scripts
from bots.web.files import MOST_ATTACHED, MOST_BYTES
from core.languages.catalogue import CATALOGUE, LANGUAGES, accepted

COOKIE = "palaver_language"
"""The language that was chosen on the page. The page's script sets this cookie."""
_FIELD = re.compile(r"\{(\w+)\}")
_KEY = re.compile(r"`([^`]+)`")


def language_of(request: web.Request) -> str:
    """The tag that was chosen on the page; else the browser's first language that we speak."""
    chosen = request.cookies.get(COOKIE, "")
    wanted = [chosen, *accepted(request.headers.get("Accept-Language", ""))]
    first = next(filter(None, wanted), "")
    return next((tag for tag in wanted if tag and CATALOGUE.speaks(tag)), first)[:20]


def page(request: web.Request) -> str:
    """The page, in the visitor's language."""
    tag = CATALOGUE.best(language_of(request))
    texts = CATALOGUE.page(tag)
    # Only `<` could end a script element (html.spec.whatwg.org, 4.12.1.3).
    own = {key: text for key, text in texts.items() if key.startswith("page_")}
    data = msgspec.json.encode(own).decode().replace("<", "\\u003c")
    choices = "".join(
        f'<option value="{one}"{" selected" if one == tag else ""}>{html.escape(locale.name)}'
        for one, locale in LANGUAGES.items()
    )
    limits = {"most": str(MOST_ATTACHED), "megabytes": str(MOST_BYTES >> 20)}
    texts["page_attach"] = _FIELD.sub(lambda found: limits[found[1]], texts["page_attach"])
    static = f"/static/{digest()}"
    fields = {
        "static": static,
        # Without this, the browser would find one after the other.
        "modules": "\n  ".join(
            f'<link rel="modulepreload" href="{static}/{name}">' for name in scripts()
        ),
        "tag": tag,
        "direction": LANGUAGES[tag].direction,
        "texts": data,
        "choices": choices,
        "most_files": limits["most"],
        "most_megabytes": limits["megabytes"],
        **{key: _KEY.sub(r"<kbd>\1</kbd>", html.escape(text)) for key, text in texts.items()},
    }
    template = resources.files("bots.web").joinpath("page", "index.html").read_text("utf-8")
    return _FIELD.sub(lambda found: fields[found[1]], template)
