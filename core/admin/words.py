"""The operator's page with its texts, in the language of who looks at it."""

import html
from importlib import resources

from aiohttp import web

from core.languages.catalogue import CATALOGUE, Language
from core.languages.pages import fields_of, filled, language_of


def reader(request: web.Request) -> Language:
    """The language of who sent *request*."""
    return CATALOGUE.best(language_of(request))


def page(request: web.Request) -> str:
    tag = reader(request)
    texts = CATALOGUE.texts(tag, "admin_", "page_language")
    shown = {key: html.escape(text) for key, text in texts.items() if isinstance(text, str)}
    template = resources.files("core.admin").joinpath("page", "admin.html").read_text("utf-8")
    return filled(template, {**shown, **dict(fields_of(tag, texts))})
