"""What each image model takes. Source: the OpenAI images reference, autumn 2026.

A model that is not known here is any OpenAI-compatible server's own: it says itself.
"""

from typing import NamedTuple

import msgspec

from core.images.client import FIELDS, PictureRequest

SQUARE = "1024x1024"


class Takes(msgspec.Struct, frozen=True):
    """What a family of models takes, named as in `PictureRequest`; what is empty, not at all."""

    size: tuple[str, ...]
    quality: tuple[str, ...]
    style: tuple[str, ...] = ()
    background: tuple[str, ...] = ()
    format: tuple[str, ...] = ()
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
        background=("transparent", "opaque", "auto"),
        format=("png", "jpeg", "webp"),
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


def wrong_with(request: PictureRequest, known: Takes) -> Wrong | None:
    """The first of its options that is not taken; what is empty is left to the API."""
    for option in FIELDS:
        value, allowed = getattr(request, option), getattr(known, option)
        if value and value not in allowed:
            return Wrong(option, value, ", ".join(allowed))
    return Wrong("n", str(request.n), f"1-{known.most}") if request.n > known.most else None
