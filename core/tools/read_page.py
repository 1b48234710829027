"""The tool `read_page`: what stands on a web page that somebody named."""

from collections.abc import Mapping
from typing import Any

from core.errors import FetchError
from core.models.chunks import Source
from core.models.folding import visible
from core.net.outside import Fetched, Outside
from core.sandbox.run import Bounds, Sandbox
from core.tools.addresses import alike, same
from core.tools.tool import ToolContext, ToolError, ToolResult, ToolSpec

MOST_BYTES = 3 << 20
MOST_S = 15.0
MOST_CHARS = 24_000
KINDS = ("text/", "application/xhtml", "application/json", "application/xml", "application/pdf")
READING = Bounds(seconds=10, memory_bytes=256 << 20, output_bytes=200_000)


class ReadPage:
    """Opens only addresses that stand in the person's words, or in a result of this turn.

    So a page that the model reads cannot make it send something away in an address that it builds.
    """

    spec = ToolSpec(
        name="read_page",
        description="Reads the text of a web page, or of a PDF on the web. It opens only addresses "
        "that the person wrote or that another tool returned, exactly as they stand there.",
        schema={
            "type": "object",
            "properties": {
                "url": {"type": "string", "maxLength": 2_000},
                "from_character": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "where to go on reading a long page",
                },
            },
            "required": ["url"],
            "additionalProperties": False,
        },
        effect="read_only",
        timeout_s=MOST_S + READING.seconds + 5,
        most_chars=MOST_CHARS,
        foreign=True,
    )

    def __init__(self, outside: Outside, sandbox: Sandbox) -> None:
        self._outside = outside
        self._sandbox = sandbox

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        address = same(str(arguments["url"]))
        if not address:
            raise ToolError("this is no web address")
        if alike(address) not in map(alike, context.addresses):
            raise ToolError(
                "this address was neither written by the person nor returned by a tool; "
                "use one that was, exactly as it stands there, or ask the person for it"
            )
        try:
            page = await self._outside.get(
                address, most_bytes=MOST_BYTES, most_s=MOST_S, kinds=KINDS
            )
            title, text = await self._read(page)
        except FetchError as error:
            raise ToolError(f"the page cannot be read: {error}") from error
        except ValueError as error:
            raise ToolError(f"the page cannot be read: {error}") from error
        start = int(arguments.get("from_character", 0))
        part = text[start : start + MOST_CHARS - 500]
        left = len(text) - start - len(part)
        more = f"\n\n[{left} characters more, from {start + len(part)}]" if left > 0 else ""
        shown = f"{title}\n{page.url}\n\n{part or '[nothing more]'}{more}"
        return ToolResult(visible(shown), (Source(page.url, title),))

    async def _read(self, page: Fetched) -> tuple[str, str]:
        """The title and the text of *page*. Raises ValueError: it cannot be read."""
        if page.mime == "application/pdf":
            found = await self._sandbox.run("core.sandbox.pdf:text", page.data, bounds=READING)
            return "", found.decode("utf-8", "replace")
        if page.mime in ("text/html", "application/xhtml+xml"):
            found = await self._sandbox.run(
                "core.sandbox.page:text", page.data, page.url, page.charset, bounds=READING
            )
            title, _, text = found.decode("utf-8", "replace").partition("\n\n")
            return title, text
        try:
            return "", page.data.decode(page.charset or "utf-8", "replace")
        except LookupError:
            return "", page.data.decode("utf-8", "replace")
