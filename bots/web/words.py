"""The page with its texts, in the visitor's language."""

import html
import re
from importlib import resources

from aiohttp import web

from bots.web.assets import digest, scripts
from bots.web.files import MOST_ATTACHED, MOST_BYTES
from core.languages.catalogue import CATALOGUE
from core.languages.pages import fields_of, filled, language_of

_KEY = re.compile(r"`([^`]+)`")


def page(request: web.Request) -> str:
    """The page, in the visitor's language."""
    tag = CATALOGUE.best(language_of(request))
    texts = CATALOGUE.texts(tag, "page_", "menu_")
    own = {key: text for key, text in texts.items() if key.startswith("page_")}
    shown = {key: text for key, text in texts.items() if isinstance(text, str)}
    limits = {"most": str(MOST_ATTACHED), "megabytes": str(MOST_BYTES >> 20)}
    shown["page_attach"] = filled(shown["page_attach"], limits)
    static = f"/static/{digest()}"
    fields = {
        **dict(fields_of(tag, own)),
        "static": static,
        # Without this, the browser would find one after the other.
        "modules": "\n  ".join(
            f'<link rel="modulepreload" href="{static}/{name}">' for name in scripts()
        ),
        "most_files": limits["most"],
        "most_megabytes": limits["megabytes"],
        **{key: _KEY.sub(r"<kbd>\1</kbd>", html.escape(text)) for key, text in shown.items()},
    }
    template = resources.files("bots.web").joinpath("page", "index.html").read_text("utf-8")
    return filled(template, fields)
