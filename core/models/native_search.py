"""The search of the web that a provider does itself, while its model answers.

Sources, autumn 2026: docs.claude.com "Web search tool"; platform.openai.com "Web search"
(Responses). Both tell in the stream that they search, so what the model does after it can be
bounded. OpenRouter's server tool does not tell, so it is not used.
"""

from collections.abc import Mapping

from core.models.providers import Endpoint, Shape
from core.models.request import ChatRequest
from core.models.ways import Ways

MOST_SEARCHES = 5
"""In one message of the model."""
_TOOLS: Mapping[Shape, dict[str, object]] = {
    "anthropic": {
        "type": "web_search_20250305",
        "name": "web_search",
        "max_uses": MOST_SEARCHES,
    },
    "responses": {"type": "web_search"},
}


def native_search(
    shape: Shape, endpoint: Endpoint, request: ChatRequest, ways: Ways
) -> list[dict[str, object]]:
    """The tool that lets the provider search, in a list; an empty one if it does not."""
    known = endpoint.provider.searches == shape if ways.searches is None else ways.searches
    tool = _TOOLS.get(shape)
    searches = request.searches and not request.closing and known and tool is not None
    return [dict(tool)] if searches and tool is not None else []
