"""The demo model, which answers until an operator sets a model."""

import logging

import aiohttp

from core.models.demo.server import demo_server

ASKED = {"messages": [{"role": "user", "content": "Write 2000 characters"}], "stream": True}


async def test_an_answer_that_somebody_stops_is_no_error_in_the_log(caplog):
    caplog.set_level(logging.INFO)
    async with (
        demo_server(piece_s=0.001) as url,
        aiohttp.ClientSession() as session,
        session.post(f"{url}/chat/completions", json=ASKED) as response,
    ):
        await response.content.readany()
        response.close()
    # The end of the server waited for its answers: each has met the closed connection.
    assert [record for record in caplog.records if record.name == "aiohttp.server"] == []
