"""The options of `/image PROMPT --options`: read, and compared with what the model takes. Pure."""

import re

from msgspec.structs import replace

from core.images.client import PictureRequest
from core.images.models import takes, wrong_with
from core.languages.catalogue import Language, say

PROMPT_CHARS = 4_000
MOST_PICTURES = 4
_SIZE = re.compile(r"\d{2,4}x\d{2,4}")
_OPTIONS: dict[str, str] = {
    "size": "1024x1024",
    "n": f"1-{MOST_PICTURES}",
    "quality": "standard, hd, low, medium, high, auto",
    "style": "vivid, natural",
    "background": "transparent, opaque, auto",
    "format": "png, jpeg, webp",
    "model": "NAME",
}
_WORD = re.compile(r"[\w. -]{1,40}")
_PIECE = re.compile(
    r"(?P<space>\s+)"
    r'|(?P<word>(?:--|—|–)[A-Za-z]\w{0,20}="[^"]*"|[^\s"“]\S*)'
    r'|"[^"]*"|“[^”]*”|\S'
)
"""White space, words in quotes, and words."""
_OPTION = re.compile(r"(?P<dashes>--|—|–)(?P<name>[A-Za-z]\w*)(?:=(?P<value>[^\n]*))?")
"""Phones turn two hyphens into a dash."""


class BadOption(ValueError):
    """An option is wrong. The error's text is one sentence for the person."""


def read_request(text: str, language: Language) -> PictureRequest:
    """The request that *text* (behind `/image`) makes.

    Raises:
        BadOption: there is no prompt, or an option or its value is unknown.
    """
    prompt, values = _read(text, language)
    for name, value in values.items():
        if not _valid(name, value):
            raise BadOption(
                say(
                    "image_value",
                    language,
                    option=f"--{name}",
                    wanted=_OPTIONS[name],
                    value=_plain(value),
                )
            )
    if not prompt:
        raise BadOption(say("image_usage", language))
    if len(prompt) > PROMPT_CHARS:
        raise BadOption(say("too_long", language, chars=len(prompt), most=PROMPT_CHARS))
    count = int(values.pop("n", "1"))
    return replace(PictureRequest(prompt, n=count), **values)


def check_for_model(request: PictureRequest, model: str, language: Language) -> None:
    """Check that *model* takes all that *request* asks for.

    Raises:
        BadOption: we know that it does not.
    """
    known = takes(model)
    if known is None:
        return
    if request.sources and not known.changes:
        raise BadOption(say("image_changes_none", language, model=model))
    if len(request.prompt) > known.prompt_chars:
        most = known.prompt_chars
        raise BadOption(say("too_long", language, chars=len(request.prompt), most=most))
    wrong = wrong_with(request, known)
    if wrong is not None:
        name = "image_takes" if wrong.wanted else "image_takes_none"
        raise BadOption(say(name, language, model=model, **wrong._asdict()))


def _valid(name: str, value: str) -> bool:
    match name:
        case "size":
            return value == "auto" or bool(_SIZE.fullmatch(value))
        case "n":
            return value.isascii() and value.isdigit() and 1 <= int(value) <= MOST_PICTURES
        case "model":
            return bool(value) and len(value) <= 100
        case _:
            # `check_for_model` looks closer. A model that we do not know has values of its own.
            return bool(_WORD.fullmatch(value))


def _plain(word: str) -> str:
    return word[:60].replace("`", "") or "…"


def _read(text: str, language: Language) -> tuple[str, dict[str, str]]:
    """The prompt as it was written, and the options, which may stand anywhere in it."""
    kept: list[str] = []
    values: dict[str, str] = {}
    pieces = _PIECE.finditer(text)
    for piece in pieces:
        option = _OPTION.fullmatch(piece["word"] or "")
        name = option["name"].lower() if option else ""
        if option is None or (option["dashes"] != "--" and name not in _OPTIONS):
            kept.append(piece[0])  # This dash begins no option.
            continue
        if name not in _OPTIONS:
            raise BadOption(say("image_option", language, option=_plain(piece[0])))
        if kept and kept[-1].isspace():
            kept.pop()
        value = option["value"]
        if value is None:
            value = next((one[0] for one in pieces if not one["space"]), "")
        value = value.strip('"“”')
        if name == "size":
            value = value.replace("×", "x").replace("*", "x").lower()
        values[name] = value
    return "".join(kept).strip(), values
