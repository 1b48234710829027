"""Why a server cannot be reached, in one line for who runs the bot."""

import httpx2
from mcp import MCPError

from core.words import cut

OLD = (
    "it speaks only the HTTP+SSE of 2024, and needs a bridge, such as command = "
    '["uvx", "fastmcp-remote", "URL", "--transport", "sse"]'
)
_NO_POST = frozenset((400, 404, 405))


def reason(error: BaseException, status: int = 0) -> str:
    """Why *error* was raised. *status*: of the last answer by HTTP, if it refused something."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, MCPError):
        said = error.error.message if not status else f"it answers HTTP {status}"
        return cut(said.partition("\n")[0], 200)
    return cut(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__, 200)


async def is_old(client: httpx2.AsyncClient, url: str, status: int) -> bool:
    """Whether the server at *url*, which answered *status*, speaks the HTTP+SSE of 2024 only.

    modelcontextprotocol.io/specification/2025-06-18/basic/transports#backwards-compatibility:
    it refuses to be posted to, and opens a stream for whoever gets it.
    """
    if status not in _NO_POST:
        return False
    try:
        headers = {"Accept": "text/event-stream"}
        async with client, client.stream("GET", url, headers=headers) as answer:
            kind = answer.headers.get("Content-Type", "")
            return answer.status_code == httpx2.codes.OK and kind.startswith("text/event-stream")
    except httpx2.HTTPError:
        return False
