"""Which options each image model takes. Source: the OpenAI images reference, autumn 2026.

A model that is not listed here belongs to some OpenAI-compatible server. That server checks the
options itself.
"""

from typing import NamedTuple

import msgspec

from core.images.client import FIELDS, PictureRequest

SQUARE = "1024x1024"


class Takes(msgspec.Struct, frozen=True):
    """The values that a family of models takes for each option of `PictureRequest`.

    An option without values is not taken at all.

    Attributes:
        most: how many pictures one request may ask for.
        changes: whether it can change pictures.
        square: it changes one picture only, which must be a square PNG with transparency.
        partial_images: whether it sends unfinished pictures.
    """

    size: tuple[str, ...]
    quality: tuple[str, ...]
    style: tuple[str, ...] = ()
    background: tuple[str, ...] = ()
    format: tuple[str, ...] = ()
    most: int = 10
    changes: bool = True
    square: bool = False
    partial_images: bool = False
    prompt_chars: int = 4_000


FAMILIES = {
    "dall-e-2": Takes(
        ("256x256", "512x512", SQUARE), ("standard",), square=True, prompt_chars=1_000
    ),
    "dall-e-3": Takes(
        (SQUARE, "1792x1024", "1024x1792"),
        ("standard", "hd"),
        ("vivid", "natural"),
        most=1,
        changes=False,
    ),
    "gpt-image": Takes(
        (SQUARE, "1536x1024", "1024x1536", "auto"),
        ("low", "medium", "high", "auto"),
        background=("transparent", "opaque", "auto"),
        format=("png", "jpeg", "webp"),
        prompt_chars=32_000,
        partial_images=True,
    ),
}


class Wrong(NamedTuple):
    """*value* of *option* is wrong. *wanted* lists the right values; empty if there are none."""

    option: str
    value: str
    wanted: str


def takes(model: str) -> Takes | None:
    """What *model* takes; None if it is not known."""
    return next((known for name, known in FAMILIES.items() if model.startswith(name)), None)


def wrong_with(request: PictureRequest, known: Takes) -> Wrong | None:
    """The first option of *request* that the model does not take. Empty options are not checked."""
    for option in FIELDS:
        value, allowed = getattr(request, option), getattr(known, option)
        if value and value not in allowed:
            return Wrong(option, value, ", ".join(allowed))
    return Wrong("n", str(request.n), f"1-{known.most}") if request.n > known.most else None


def larger(size: str, model: str) -> str:
    """The next larger size that *model* takes; empty if there is none, or it is not known."""
    known = takes(model)
    sizes = known.size if known is not None else (SQUARE, "2048x2048")
    larger_ones = [one for one in sizes if _pixels(one) > _pixels(size or SQUARE)]
    return min(larger_ones, key=_pixels, default="")


def fitting(shape: str, model: str) -> str:
    """The size of a `square`, `wide` or `tall` picture by *model*. Empty: the API decides."""
    known = takes(model)
    if shape == "square" or known is None:
        return ""
    sizes = [one for one in known.size if _pixels(one)]
    wide = [one for one in sizes if int(one.partition("x")[0]) > int(one.partition("x")[2])]
    tall = [one for one in sizes if int(one.partition("x")[0]) < int(one.partition("x")[2])]
    return next(iter(wide if shape == "wide" else tall), "")


def _pixels(size: str) -> int:
    width, _, height = size.partition("x")
    return int(width) * int(height) if width.isdigit() and height.isdigit() else 0
