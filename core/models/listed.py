"""Which models an OpenAI-compatible API has."""

import re
from collections.abc import Mapping

import aiohttp

from core.errors import Overloaded, Refused
from core.models.loose import parse, record, records, text_of
from core.models.providers import Endpoint
from core.models.refusals import http_error
from core.net.body import read_up_to
from core.telemetry import logger

log = logger(__name__)

LISTED_BYTES = 4_000_000


_NO_CHAT = re.compile(
    r"embed|rerank|\bbge|\be5-|\bgte-|whisper|transcri|\btts|speech|audio|voice|realtime|"
    r"dall-?e|image|diffusion|flux|\bsora|video|veo|imagen|moderation|guard|\bclip|\bocr|"
    r"davinci|babbage|\bada\b|computer-use|omni-mod|colbert|splade|nomic|minilm|paraphrase",
)
"""Names of models that are asked for something else than an answer."""


async def first_model(
    session: aiohttp.ClientSession, endpoint: Endpoint, *, chat: bool = True
) -> str:
    """The first (*chat*) model that the API at *endpoint* lists; the first of all, if none is one.

    Raises:
        Overloaded, Refused: it lists none, or does not answer within seconds.
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
    models = records(said if isinstance(said, list) else record(said).get("data"))
    names = [(text_of(model.get("id")), model) for model in models]
    named = [(name, model) for name, model in names if name]
    if not named:
        raise Refused("it lists no models", "model")
    chosen = next((name for name, model in named if not chat or _answers(name, model)), named[0][0])
    if chosen != named[0][0]:
        log.info("model chosen", model=chosen, listed=len(named))
    return chosen


def _answers(name: str, model: Mapping[str, object]) -> bool:
    """Whether *model* is one to talk with: as its API says, or else by its name."""
    kind = text_of(model.get("type")).lower()
    if kind in ("chat", "llm", "vlm", "language"):
        return True
    if kind in ("embedding", "embeddings", "rerank", "image", "audio", "moderation", "transcribe"):
        return False
    can = record(model.get("capabilities")).get("completion_chat")
    if isinstance(can, bool):
        return can
    writes = record(model.get("architecture")).get("output_modalities")
    if isinstance(writes, list):
        return "text" in writes
    return not _NO_CHAT.search(name.lower())
