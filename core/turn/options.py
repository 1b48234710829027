"""`/image PROMPT --options`: reading them, and whether the model takes them. Pure."""

import re
import shlex

from msgspec.structs import replace

from core.images.client import PictureRequest
from core.images.models import takes, wrong_with
from core.people.texts import Language, say

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
_DASHES = str.maketrans({"—": "--", "–": "--"})


class BadOption(ValueError):
    """The text is one sentence for the person who wrote the command."""


def read_request(text: str, language: Language) -> PictureRequest:
    """The request that *text* (behind `/image`) makes.

    Raises:
        BadOption: there is no prompt, or an option or its value is unknown.
    """
    words: list[str] = []
    values: dict[str, str] = {}
    # Phones turn two hyphens into a dash.
    left = [_dashed(word) for word in _split(text)]
    while left:
        word = left.pop(0)
        if not word.startswith("--"):
            words.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        if name.lower() not in _OPTIONS:
            raise BadOption(say("image_option", language, option=_plain(word)))
        if not equals:
            value = left.pop(0) if left else ""
        values[name.lower()] = (
            value.replace("×", "x").replace("*", "x").lower() if name == "size" else value
        )
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
    prompt = " ".join(words).strip()
    if not prompt:
        raise BadOption(say("image_usage", language))
    if len(prompt) > PROMPT_CHARS:
        raise BadOption(say("too_long", language, chars=len(prompt), most=PROMPT_CHARS))
    count = int(values.pop("n", "1"))
    return replace(PictureRequest(prompt, n=count), **values)


def check_for_model(request: PictureRequest, model: str, language: Language) -> None:
    """Whether *model* takes all that *request* asks for.

    Raises:
        BadOption: it does not, and this is known before it is asked.
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
            return value in _OPTIONS[name].split(", ")


def _dashed(word: str) -> str:
    return word.translate(_DASHES) if word[:1] in "—–" else word


def _plain(word: str) -> str:
    return word[:60].replace("`", "") or "…"


def _split(text: str) -> list[str]:
    # Quotes group only an option's value; an apostrophe in the prompt is an apostrophe.
    try:
        return shlex.split(text) if '"' in text and "'" not in text else text.split()
    except ValueError:
        return text.split()
