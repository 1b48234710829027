"""The shapes of chat APIs: how to ask each one, and how to read its answers."""

from collections.abc import Callable
from typing import NamedTuple

from core.models import anthropic, completions, openai, qianfan, responses
from core.models.providers import Endpoint
from core.models.reading import Reading
from core.models.request import ChatRequest
from core.models.ways import NEEDED, Ways


class Shape(NamedTuple):
    """How an API is asked and read. *reader* makes the reader for one answer.

    *hears*, *sees*, *calls*: whether a request has a place for sounds, pictures and tools.
    """

    url: Callable[[Endpoint, ChatRequest], str]
    body: Callable[[Endpoint, ChatRequest, Ways], dict[str, object]]
    reader: Callable[[], Reading]
    needed: frozenset[str] = NEEDED
    hears: bool = False
    sees: bool = True
    calls: bool = True


SHAPES = {
    "openai": Shape(openai.url, openai.body, completions.Reader, hears=True),
    "anthropic": Shape(anthropic.url, anthropic.body, anthropic.Reader, NEEDED | {"max_tokens"}),
    "responses": Shape(responses.url, responses.body, responses.Reader),
    "qianfan": Shape(qianfan.url, qianfan.body, qianfan.Reader, sees=False, calls=False),
}
