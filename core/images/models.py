"""What each image model takes. Source: the OpenAI images reference, autumn 2026.

A model that is not known here is any OpenAI-compatible server's own: it says itself.
"""

from typing import NamedTuple

import msgspec

SQUARE = "1024x1024"


class Takes(msgspec.Struct, frozen=True):
    """The values that a family of models takes; what is empty, it does not take at all."""

    sizes: tuple[str, ...]
    qualities: tuple[str, ...]
    styles: tuple[str, ...] = ()
    backgrounds: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    most: int = 10
    prompt_chars: int = 4_000


FAMILIES = {
    "dall-e-2": Takes(("256x256", "512x512", SQUARE), ("standard",), prompt_chars=1_000),
    "dall-e-3": Takes(
        (SQUARE, "1792x1024", "1024x1792"), ("standard", "hd"), ("vivid", "natural"), most=1
    ),
    "gpt-image": Takes(
        (SQUARE, "1536x1024", "1024x1536", "auto"),
        ("low", "medium", "high", "auto"),
        backgrounds=("transparent", "opaque", "auto"),
        formats=("png", "jpeg", "webp"),
        prompt_chars=32_000,
    ),
}


class Wrong(NamedTuple):
    """*option* has *value*; *wanted*: what it may have, empty where there is no such option."""

    option: str
    value: str
    wanted: str


def takes(model: str) -> Takes | None:
    """What *model* takes, if it is known."""
    return next((known for name, known in FAMILIES.items() if model.startswith(name)), None)


def wrong_with(
    model: str, *, size: str, quality: str, style: str, background: str, format_: str, n: int
) -> Wrong | None:
    """The first of these that *model* does not take; empty values are left to the API."""
    known = takes(model)
    if known is None:
        return None
    for option, value, allowed in (
        ("size", size, known.sizes),
        ("quality", quality, known.qualities),
        ("style", style, known.styles),
        ("background", background, known.backgrounds),
        ("format", format_, known.formats),
    ):
        if value and value not in allowed:
            return Wrong(option, value, ", ".join(allowed))
    return Wrong("n", str(n), f"1-{known.most}") if n > known.most else None
