"""Finds the models of an OpenAI-compatible API."""

import re
from collections.abc import Mapping

import aiohttp

from core.errors import Overloaded, Refused
from core.models.loose import parse, record, records, text_of
from core.models.providers import Endpoint
from core.models.refusals import http_error
from core.net.bounded_body import read_up_to
from core.telemetry import logger

log = logger(__name__)

LISTED_BYTES = 4_000_000


_NO_CHAT = re.compile(
    # Embeddings and rankers.
    r"embed|rerank|ranker|\bbge|\be5-|\bgte-|voyage|\bjina|colbert|splade|nomic|minilm|paraphrase|"
    r"sentence-|similarity|(?:text|code)-search-|colpali|colqwen|\bclip|siglip|classif|reward|-prm\b|\baqa\b|"
    # Sound.
    r"whisper|transcri|\bx?tts|tts\b|speech|audio|voice|realtime|\basr|asr\b|parakeet|paraformer|"
    r"wav2vec|kokoro|\bbark|\bsonic|music|lyria|\bsuno|\budio|chirp|\bstt\b|"
    # Pictures and video.
    r"dall-?e|image|diffusion|flux|\bsd(?:xl|[-_]?[123])|stable-(?:cascade|video)|kandinsky|"
    r"midjourney|ideogram|recraft|seedream|seededit|seedance|jimeng|kling|hailuo|\bvidu|\bwanx?[-\d]|"
    r"cogview|cogvideo|kolors|hidream|playground-v|nano-banana|\bluma|\bsora|video|\bveo|"
    r"upscal|inpaint|segment|\bsam-?\d|depth-|"
    # Moderation, OCR, and models without a chat.
    r"moderation|guard|shield|omni-mod|(?:\b|_|olm)ocr|layout|docling|nougat|davinci|babbage|"
    r"\bada\b|turbo-instruct|-base$|computer-use|deep-research",
)
"""Names of models that do not chat."""
_CHATS = re.compile(
    r"chat|\bllm|\bvlm|language|text[-_ ]?(?:generation|only)|to-text$|^text$|convers"
)
"""Words for chat models in the lists of APIs."""
_ASKED_SO = re.compile(r"chat|openai|anthropic|messages|responses|generate_?content|completion")
_OVER = re.compile(r"deprecat|retired|shut ?down|disabled|unavailable|offline")


async def first_model(
    session: aiohttp.ClientSession, endpoint: Endpoint, *, chat: bool = True
) -> str:
    """The first (*chat*) model that the API at *endpoint* lists.

    Raises:
        Overloaded, Refused: it lists no such model, or does not answer within seconds.
    """
    url = f"{endpoint.base_url}/models"
    try:
        async with session.get(
            url,
            headers=endpoint.headers_to(url),
            timeout=aiohttp.ClientTimeout(total=10),
            allow_redirects=False,
        ) as response:
            if response.status >= 400:
                raise await http_error(response)
            said = parse(await read_up_to(response.content, LISTED_BYTES))
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Overloaded(f"cannot be reached ({type(error).__name__})") from error
    except ValueError as error:
        raise Refused("its list of models makes no sense", "model") from error
    said = record(said).get("data") or record(said).get("models") or said
    named = [(_name(model), model) for model in records(said)]
    names = [name for name, _ in named if name]
    if not names:
        raise Refused("it lists no models", "model")
    if not chat:
        return names[0]
    chosen = next((name for name, model in named if name and _answers(name, model)), "")
    if not chosen:
        raise Refused(f"it lists {len(names)} models, none of them to talk with", "model")
    log.info("model chosen", model=chosen, listed=len(names))
    return chosen


def _name(model: Mapping[str, object]) -> str:
    return text_of(model.get("id")) or text_of(model.get("name"))


def _answers(name: str, model: Mapping[str, object]) -> bool:
    """Whether *model* is a chat model. Its API says so, else its name."""
    if model.get("active") is False or _OVER.search(text_of(model.get("status")).lower()):
        return False
    for told in (_by_abilities(model), _by_kind(model)):
        if told is not None:
            return told
    return not _NO_CHAT.search(name.lower())


def _by_kind(model: Mapping[str, object]) -> bool | None:
    """Whether the listed kind of *model* is chat; None if the list does not say."""
    can = record(model.get("capabilities"))
    fields = (
        *(model.get(name) for name in ("type", "model_type", "task", "kind")),
        can.get("type"),
    )
    for kind in (text_of(one, ("name", "id")).lower() for one in fields):
        if _CHATS.search(kind):
            return True
        if _NO_CHAT.search(kind):
            return False
    return None


def _by_abilities(model: Mapping[str, object]) -> bool | None:
    """The same, from its listed abilities, its endpoints and its kinds of output."""
    can = record(model.get("capabilities"))
    for able in (
        can.get("completion_chat"),
        can.get("chat_completion"),
        model.get("supports_chat"),
    ):
        if isinstance(able, bool):
            return able
    places = ("endpoints", "supported_endpoint_types", "supportedGenerationMethods", "capabilities")
    for asked_so in (model.get(name) for name in places):
        words = [text_of(one).lower() for one in asked_so] if isinstance(asked_so, list) else []
        if any(words):
            return any(map(_ASKED_SO.search, words))
    writes = record(model.get("architecture")).get("output_modalities")
    writes = writes or model.get("output_modalities")
    return "text" in writes if isinstance(writes, list) and writes else None
