"""Which models an OpenAI-compatible API has."""

import aiohttp
import msgspec

from core.errors import Overloaded, Refused
from core.models.providers import Endpoint
from core.models.refusals import http_error
from core.net.body import read_up_to

LISTED_BYTES = 4_000_000


async def first_model(session: aiohttp.ClientSession, endpoint: Endpoint) -> str:
    """The first model that the API at *endpoint* lists.

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
            raw = await read_up_to(response.content, LISTED_BYTES)
            listed = msgspec.json.decode(raw, type=_Models)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Overloaded(f"cannot be reached ({type(error).__name__})") from error
    except msgspec.MsgspecError as error:
        raise Refused("its list of models makes no sense", "model") from error
    if not listed.data:
        raise Refused("it lists no models", "model")
    return listed.data[0].id


class _Listed(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Listed]
