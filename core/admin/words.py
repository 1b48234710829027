"""The operator's page with its texts, in the language of who looks at it."""

import html
from collections.abc import Mapping
from importlib import resources

from aiohttp import web

from core.languages.catalogue import CATALOGUE, Language
from core.languages.pages import fields_of, filled, language_of

COLUMNS = (
    *("at", "questions", "answered", "failed", "pictures", "tools", "tokens", "usd", "people"),
    *("refusals", "models", "model_usd", "model_tokens", "tool_calls"),
    *("first", "whole", "lag", "word", "day", "kind", "id", "name", "turns", "prompt_tokens"),
    *("cached_tokens", "completion_tokens", "estimated", "cost_usd", "audio_s"),
)


def reader(request: web.Request) -> Language:
    """The language of who sent *request*."""
    return CATALOGUE.best(language_of(request))


def csv_heads(language: Language) -> Mapping[str, str]:
    """How the columns of tables are called in *language*. In English they have their own names."""
    texts = CATALOGUE.texts(language, "csv_heads")["csv_heads"]
    return dict(zip(COLUMNS, texts, strict=True))


def page(request: web.Request) -> str:
    tag = reader(request)
    texts = CATALOGUE.texts(tag, "admin_", "page_language")
    shown = {key: html.escape(text) for key, text in texts.items() if isinstance(text, str)}
    template = resources.files("core.admin").joinpath("page", "admin.html").read_text("utf-8")
    return filled(template, {**shown, **dict(fields_of(tag, texts))})
