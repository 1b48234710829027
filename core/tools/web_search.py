"""The tool `web_search`, by one of several search APIs.

Sources, read in November 2026: docs.searxng.org/dev/search_api (its `search.formats` must hold
json), api-dashboard.search.brave.com/app/documentation, docs.tavily.com/documentation, docs.exa.ai,
serper.dev.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import aiohttp
import msgspec

from core.credentials import Credential
from core.errors import ConfigError
from core.models.chunks import Source
from core.models.folding import visible
from core.net.bounded_body import read_up_to
from core.tools.addresses import same
from core.tools.tool import ToolContext, ToolError, ToolResult, ToolSpec
from core.words import cut

Engine = Literal["searxng", "brave", "tavily", "exa", "serper"]

MOST_BYTES = 2 << 20
MOST_RESULTS = 8
TEXT_CHARS = 700
TITLE_CHARS = 200
QUERY_CHARS = 400


class _Shape(msgspec.Struct, frozen=True, kw_only=True):
    """How one search API is asked and read.

    Args:
        url: its address; empty if the operator names it.
        key: the header with the key.
        ask: what is asked, for a query. It goes as JSON by POST; as parameters if it *gets*.
        path: leads to the list of results in the answer.
        address: the field of a result with its address.
        texts: the fields with its text. The first that is there counts.
    """

    url: str = ""
    key: str = "Authorization: Bearer {}"
    ask: Callable[[str], dict[str, Any]]
    gets: bool = False
    path: tuple[str, ...] = ("results",)
    address: str = "url"
    texts: tuple[str, ...] = ("content",)


_SHAPES: Mapping[str, _Shape] = {
    "searxng": _Shape(ask=lambda query: {"q": query, "format": "json"}, gets=True),
    "brave": _Shape(
        url="https://api.search.brave.com/res/v1/web/search",
        key="X-Subscription-Token: {}",
        ask=lambda query: {"q": query, "count": MOST_RESULTS},
        gets=True,
        path=("web", "results"),
        texts=("description",),
    ),
    "tavily": _Shape(
        url="https://api.tavily.com/search",
        ask=lambda query: {"query": query, "max_results": MOST_RESULTS},
    ),
    "exa": _Shape(
        url="https://api.exa.ai/search",
        key="x-api-key: {}",
        ask=lambda query: {
            "query": query,
            "numResults": MOST_RESULTS,
            "contents": {"highlights": True},
        },
        texts=("highlights", "text"),
    ),
    "serper": _Shape(
        url="https://google.serper.dev/search",
        key="X-API-KEY: {}",
        ask=lambda query: {"q": query, "num": MOST_RESULTS},
        path=("organic",),
        address="link",
        texts=("snippet",),
    ),
}


class WebSearch:
    """Asks *engine*, with *key*. *url*: where a SearXNG of one's own is, or a gateway.

    Raises:
        ConfigError: the engine needs a key, or an address, that is not set.
    """

    spec = ToolSpec(
        name="web_search",
        description="Searches the web. Returns pages with their addresses and parts of their text. "
        "Use it for what is new or what you are not sure of, and cite a page by its number: [1].",
        schema={
            "type": "object",
            "properties": {"query": {"type": "string", "minLength": 1, "maxLength": QUERY_CHARS}},
            "required": ["query"],
            "additionalProperties": False,
        },
        effect="read_only",
        timeout_s=20.0,
        foreign=True,
    )

    def __init__(
        self, session: aiohttp.ClientSession, engine: Engine, key: str = "", url: str = ""
    ) -> None:
        shape = _SHAPES[engine]
        if engine == "searxng" and not url:
            raise ConfigError("SEARCH_URL", "is needed with SEARCH=searxng")
        if engine != "searxng" and not key:
            raise ConfigError("SEARCH_KEY", f"is needed with SEARCH={engine}")
        self._session = session
        self._shape = shape
        self._url = url.rstrip("/") or shape.url
        if engine == "searxng":
            self._url = f"{self._url.removesuffix('/search')}/search"
        name, _, form = shape.key.partition(": ")
        headers = ((name, form.format(key)),) if key else ()
        self._credential = Credential(headers, self._url)

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        found = list(_results(await self._ask(str(arguments["query"])), self._shape))
        if not found:
            return ToolResult("[nothing was found]")
        # The numbers that stand here are those of the sources under the answer.
        start = context.cited + 1
        texts = (
            f"[{number}] {title}\n{source.url}\n{text}"
            for number, (source, title, text) in enumerate(found, start)
        )
        return ToolResult("\n\n".join(texts), tuple(source for source, _, _ in found))

    async def _ask(self, query: str) -> Any:
        shape, asked = self._shape, self._shape.ask(query)
        given: dict[str, Any] = {"params": asked} if shape.gets else {"json": asked}
        try:
            async with self._session.request(
                "GET" if shape.gets else "POST",
                self._url,
                **given,
                headers={"Accept": "application/json", **self._credential.to(self._url)},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=self.spec.timeout_s - 2),
            ) as response:
                body = await read_up_to(response.content, MOST_BYTES)
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ToolError("the search cannot be reached") from error
        if status == 429:
            raise ToolError("the search was asked too often; try again later, or do without")
        if status != 200:
            raise ToolError(f"the search answers {status}")
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ToolError("the search answers what cannot be read") from error


def _results(answer: Any, shape: _Shape) -> Iterator[tuple[Source, str, str]]:
    found = answer
    for step in shape.path:
        found = found.get(step) if isinstance(found, dict) else None
    if not isinstance(found, list):
        return
    taken = 0
    for one in found:
        address = same(str(one.get(shape.address) or "")) if isinstance(one, dict) else ""
        if not address:
            continue
        title = _line(one.get("title"), TITLE_CHARS)
        text = next(filter(None, (_line(one.get(name), TEXT_CHARS) for name in shape.texts)), "")
        yield Source(address, title), title, text
        taken += 1
        if taken == MOST_RESULTS:
            return


def _line(value: Any, most: int) -> str:
    if isinstance(value, list):
        value = " … ".join(one for one in value if isinstance(one, str))
    text = visible(" ".join(value.split())) if isinstance(value, str) else ""
    return cut(text, most)
