"""Reads from a refusal how the model must be asked instead. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from core.errors import Refused
from core.models.context_window import tokens_of
from core.models.reasons import PICTURES
from core.models.request import ChatRequest
from core.models.tool_lessons import taught_of_tools
from core.models.ways import LENGTHS, NEEDED, Ways, hears, sees

LESS = 0.6
"""If a model does not name its limit, this part of the refused size is tried."""
MORE = 1.5
"""If a request within the named limit is refused too, our estimate grows by this factor."""


class Lesson(NamedTuple):
    """The *ways* in which to ask again. *sure*: remember them, whatever the next answer is."""

    ways: Ways
    sure: bool = True

    def doubtful(self, before: Ways) -> set[str]:
        """The names of the ways that this lesson changes for one question only."""
        changed = (one for one in _FOR_ONCE if getattr(self.ways, one) != getattr(before, one))
        return set() if self.sure else set(changed)


_FOR_ONCE = ("pictures", "tools", "searches", "thoughts")
_THIS_PICTURE = re.compile(
    r"too (?:large|big|many|small)|at most|size|format|decod|download|fetch|corrupt|"
    r"invalid (?:image|base64)|exceed"
)
"""Words about this one picture. They say nothing about others."""
_NOT_FETCHED = re.compile(
    r"download|fetch|retriev|access|unreachable|base64|"
    r"ur[il].{0,40}(?:not|n't|invalid|fail|timed|unsupported|reach)|"
    r"(?:not|n't|invalid|fail|timed|unsupported).{0,40}ur[il]"
)
"""The model cannot fetch a picture from its address."""
_NOT_SENT = re.compile(
    r"(?:base64|data:? ?ur[il]|data scheme|inline (?:data|image)).{0,60}"
    r"(?:not|n't|unsupported|invalid)|"
    r"(?:not|n't|unsupported|invalid).{0,40}(?:base64|data:? ?ur[il]|inline (?:data|image))|"
    r"(?:only|must be|has to be|expected).{0,40}(?:https?|public|web).{0,20}(?:ur[il]|link)|"
    r"must (?:start|begin) with .{0,3}https?"
)
"""The model takes pictures only from addresses."""
_SOUNDS = re.compile(r"input_audio|\baudio\b|\bvoice\b|\bsound|\bogg\b")
_RESPONSES = re.compile(r"v1/responses|responses api|responses endpoint")
_STREAM = re.compile(r"\b(?:stream(?:ing|ed)?|sse)\b(?!_)")
_SYSTEM = re.compile(
    r"system.{0,20}(?:role|message|instruction|prompt)|role.{0,60}system|developer|"
    r"variant .?system|roles must alternate|only user,? and assistant roles"
)
_PREFILL = re.compile(
    r"prefill|prefix|must end with|last message|final message|add_generation_prompt|"
    r"assistant message|continue_final"
)
_INSTEAD = re.compile(r"use [`'\"]?(\w+)[`'\"]? instead")
_NUMBER = r"(\d[\d,]*)"
_MOST = re.compile(
    rf"(?:max_(?:completion_|output_)?tokens|maximum tokens you requested).{{0,80}}?(?:> ?|"
    rf"model limit of |at most |maximum (?:value )?(?:of |is )?|"
    rf"(?:range of|should be).{{0,20}}\[\d+, ?|less than or equal to |<= ?)[`'\"]?{_NUMBER}",
    re.DOTALL,
)
_LIMIT = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        # llama.cpp, LM Studio: n_ctx, in a sentence or in a field.
        rf"n_ctx\D{{0,20}}{_NUMBER}",
        # OpenAI, vLLM, DeepSeek, Mistral, OpenRouter: "maximum context length is 8192 tokens".
        # The limit is the number after the sign or after the word.
        rf"(?:>=?|<=) ?{_NUMBER}",
        rf"range of input length should be \[\d+, ?{_NUMBER}",
        rf"(?:limit|max(?:imum)?|max_seq_len|cannot exceed|"
        rf"(?:context|maximum) (?:length|window|size))"
        rf"[ :=(]{{0,3}}(?:is|of|to)?(?: only)?[ :=(]{{0,2}}{_NUMBER}",
        rf"(?:context|input|sequence|model)[ -]?(?:length|window|size|limit).{{0,30}}?"
        rf"(?:is|of|to|:|=) ?{_NUMBER}",
        rf"{_NUMBER} max(?:imum)? context",
        # Gemini: "exceeds the maximum number of tokens allowed (1048576)"; Qianfan, Perplexity.
        rf"max(?:imum)?[^.\d]{{0,60}}{_NUMBER}",
        rf"limit[^.\d]{{0,30}}{_NUMBER}",
        rf"(?:less|fewer) than {_NUMBER} tokens",
        rf"(?:longer|more|greater|larger) than[^.\d]{{0,40}}{_NUMBER}",
        rf"context size \(?{_NUMBER}",
    )
)
_ASKED = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        rf"{_NUMBER} in the (?:messages|prompt|input)",
        rf"(?:messages|prompt|input|request) (?:resulted in|has|contains|is too long|are|of|\()"
        rf"[^.\d]{{0,20}}{_NUMBER}",
        rf"prompt contains (?:at least )?{_NUMBER}",
        rf"requested (?:about )?{_NUMBER}",
        rf"n_prompt_tokens\D{{0,6}}{_NUMBER}",
        rf"input token count \(?{_NUMBER}",
        rf"context limit: {_NUMBER}",
        rf"(?:given:|received|tokens \(|prompt length|current length is) ?{_NUMBER}",
    )
)


def lesson_of(
    error: Refused,
    request: ChatRequest,
    body: Mapping[str, Any],
    ways: Ways,
    needed: frozenset[str] = NEEDED,
    *,
    linked: bool | None = None,
) -> Lesson | None:
    """What *error*, the reply to *request*, teaches; None if it teaches nothing.

    Args:
        body: the request as it was sent.
        needed: fields that may not be left out or renamed.
        linked: whether its pictures were sent as addresses; None if they cannot be.
    """
    words = error.said.lower()
    if _RESPONSES.search(words) and not ways.shape:
        return Lesson(replace(ways, shape="responses"))
    offered = request.tools or request.rounds or request.searches
    of_tools = offered and error.reason in ("request", "model")
    if of_tools and (taught := taught_of_tools(words, request, body, ways)) is not None:
        return Lesson(*taught)
    if hears(request) and _SOUNDS.search(words) and error.reason in ("request", "model"):
        return Lesson(replace(ways, sounds=False))
    if linked is not None and sees(request) and error.reason in ("request", "model"):
        if linked and _NOT_FETCHED.search(words):
            return Lesson(replace(ways, links=False))
        if not linked and ways.links is None and _NOT_SENT.search(words):
            return Lesson(replace(ways, links=True))
    of_pictures = sees(request) and bool(PICTURES.search(words))
    if error.reason == "length" and not of_pictures:
        return _window(words, request, body, ways)
    if error.reason in ("request", "model"):
        free = [name for name in body if name not in needed and name != "tools"]
        sure = error.reason == "request"
        if part := _refused_part(words, free, request, body, ways, sure=sure):
            return part
    elif error.reason not in ("key", "length") or not of_pictures:
        return None
    if sees(request):
        # If the error does not mention pictures, perhaps only this one was wrong.
        sure = of_pictures and error.reason == "request" and not _THIS_PICTURE.search(words)
        return Lesson(replace(ways, pictures=False), sure=sure)
    return None


def _refused_part(
    words: str,
    free: Sequence[str],
    request: ChatRequest,
    body: Mapping[str, Any],
    ways: Ways,
    *,
    sure: bool,
) -> Lesson | None:
    if (most := _most_tokens(words, body)) and most != ways.most_tokens:
        return Lesson(replace(ways, most_tokens=most))
    for name in [name for name in free if _spelled(name).search(words)]:
        other = _INSTEAD.search(words)
        if other and other[1] != name and other[1] not in body:
            return Lesson(replace(ways, renamed={**ways.renamed, _first(ways, name): other[1]}))
        if name in LENGTHS and not ways.renamed:
            new = LENGTHS[1 - LENGTHS.index(name)]
            return Lesson(replace(ways, renamed={name: new}))
        return Lesson(replace(ways, without=(*ways.without, name)))
    if not sure:
        return None
    if _BUDGET.search(words) and (name := next((one for one in free if one in _THINKING), "")):
        return Lesson(replace(ways, without=(*ways.without, name)))
    if request.begun and _PREFILL.search(words) and ways.prefill is not False:
        return Lesson(replace(ways, prefill=False))
    if sees(request) and PICTURES.search(words):
        return None
    if _SYSTEM.search(words) and ways.system != "user":
        tried_developer = ways.system == "developer" or "developer instruction" in words
        as_developer = not tried_developer and "system" in words and "'system'" in words
        return Lesson(replace(ways, system="developer" if as_developer else "user"))
    if body.get("stream") is True and _STREAM.search(words):
        return Lesson(replace(ways, stream=False))
    return None


def _spelled(name: str) -> re.Pattern[str]:
    """A pattern for spellings of *name*: `stream_options`, `streamOptions`, `stream options`."""
    return re.compile(rf"\b{re.escape(name).replace('_', '[_ -]?')}\b")


_BUDGET = re.compile(r"\bbudget\b|\bthinking\b|\breasoning\b")
_THINKING = frozenset(
    (
        *("reasoning_effort", "reasoning", "thinking", "thinking_budget", "enable_thinking"),
        *("extra_body", "output_config"),
    )
)
"""Fields of a request that limit the thinking."""


def _first(ways: Ways, name: str) -> str:
    """The name of the field *name* before it was renamed."""
    return next((old for old, new in ways.renamed.items() if new == name), name)


def _most_tokens(words: str, body: Mapping[str, Any]) -> int:
    if not any(name in body for name in (*LENGTHS, "max_output_tokens")):
        return 0
    found = _MOST.search(words)
    most = _number(found[1]) if found else 0
    sent = [body[name] for name in (*LENGTHS, "max_output_tokens") if name in body]
    # A limit that the request kept teaches nothing.
    return most if any(isinstance(one, int) and one > most for one in sent) else 0


def _window(words: str, request: ChatRequest, body: Mapping[str, Any], ways: Ways) -> Lesson | None:
    """A lesson to send less history; None if there is no history."""
    history = len([one for one in request.messages if one.role != "system"]) > 1
    if (most := _most_tokens(words, body)) and most != ways.most_tokens and most < 100_000:
        return Lesson(replace(ways, most_tokens=most))
    if not history:
        return None
    estimated = max(1, tokens_of(request))
    limit = _told(_LIMIT, words)
    asked = _told(_ASKED, words)
    scale = ways.scale or 1.0
    if limit == ways.window and limit > 8 * (estimated + _asked_for(body)):
        limit = 0  # This limit was used, and the request fits in easily: the number is wrong.
    if limit and limit == ways.window:
        # The model counts more tokens than our estimate.
        scale = min(8.0, scale * MORE)
    elif asked > limit / 2 and limit:
        scale = max(0.25, min(8.0, asked / estimated))
    if limit:
        return Lesson(replace(ways, window=limit, scale=scale))
    guessed = (min(ways.window, estimated * scale) if ways.window else estimated * scale) * LESS
    return Lesson(replace(ways, window=max(16, int(guessed)), scale=scale), sure=False)


def _asked_for(body: Mapping[str, Any]) -> int:
    sent = (body.get(name) for name in (*LENGTHS, "max_output_tokens"))
    return max((one for one in sent if isinstance(one, int)), default=0)


def _told(patterns: tuple[re.Pattern[str], ...], words: str) -> int:
    for pattern in patterns:
        if (found := pattern.search(words)) and (number := _number(found[1])) >= 16:
            return number
    return 0


def _number(text: str) -> int:
    digits = text.replace(",", "")
    return int(digits) if len(digits) < 10 else 0
