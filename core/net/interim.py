"""Connections on which only few interim responses may come before the response itself.

A server may say `100 Continue` or `103 Early Hints` as often as it likes (RFC 9110, 15.2), and
aiohttp reads all of it. Some megabytes of them, 25 bytes each, would keep the loop for seconds.
"""

import asyncio
from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

MOST_INTERIM = 20
PIECE_BYTES = 2_048
"""Until the response begins, only so much is read at once: eighty interim responses at most."""


class _Handler(ResponseHandler):
    _begun = False
    _interim = 0

    def set_response_params(self, **more: Any) -> None:
        self._begun, self._interim = False, 0
        super().set_response_params(**more)

    def feed_data(self, data: Any, size: int = 0) -> None:
        """A response came, or an interim one. 101 is the last before another protocol."""
        status = data[0].code
        self._begun = status == 101 or status >= 200
        self._interim += not self._begun
        super().feed_data(data, size)

    def data_received(self, data: bytes) -> None:
        while data and not self._begun:
            super().data_received(data[:PIECE_BYTES])
            data = data[PIECE_BYTES:]
            if self._interim > MOST_INTERIM:
                self.set_exception(HttpProcessingError(message="too many interim responses"))
                if self.transport is not None:
                    self.transport.abort()
                return
            if self.exception() is not None:
                return
        super().data_received(data)


def bounded(connector: aiohttp.BaseConnector) -> aiohttp.BaseConnector:
    """*connector*, whose connections are such ones."""
    handler: type[ResponseHandler] = _Handler
    loop = asyncio.get_running_loop()
    connector._factory = partial(handler, loop=loop)  # noqa: SLF001 - aiohttp has no other place
    return connector
