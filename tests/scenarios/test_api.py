"""Other programs ask over HTTP."""

import aiohttp
import msgspec
import pytest

from tests.harness import palaver, status_of_bytes, until
from tests.servers.model import status

TOKEN = "a-token-of-the-operator"


@pytest.fixture
async def ask(tmp_path, model):
    values = {"llm_base_url": model.url, "llm_model": "scripted", "web_chat": True}
    async with palaver(tmp_path, api_token=TOKEN, **values) as app, aiohttp.ClientSession() as http:

        async def post(body, token=TOKEN):
            headers = {"Authorization": f"Bearer {token}"}
            async with http.post(f"{app.url}/api/ask", data=body, headers=headers) as response:
                return response.status, await response.text()

        yield post


async def test_a_question_is_answered(ask):
    code, body = await ask(b'{"prompt": "hello", "id": 7}')
    answer = msgspec.json.decode(body)
    assert code == 200
    assert answer["id"] == 7
    assert answer["answer"].startswith("Echo of hello")
    assert answer["usage"]["completion_tokens"] == 7


async def test_a_token_of_broken_bytes_is_a_wrong_one(tmp_path, model):
    async with palaver(tmp_path, api_token=TOKEN, web_chat=True, llm_base_url=model.url) as app:
        header = b"Authorization: Bearer \xff\xfe"
        assert await status_of_bytes(f"{app.url}/api/ask", header) == 401


async def test_an_answer_streams_as_events(ask):
    code, body = await ask(b'{"messages": [{"role": "user", "content": "hi"}], "stream": true}')
    events = [msgspec.json.decode(line[6:]) for line in body.split("\n\n") if line]
    assert code == 200
    assert "".join(e.get("text", "") for e in events).startswith("Echo of hi")
    assert len(events) > 3
    assert events[-1]["done"]


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x"])
async def test_without_the_token_nothing_is_asked(ask, model, token):
    code, body = await ask(b'{"prompt": "hello"}', token)
    assert code == 401
    assert TOKEN not in body
    assert model.requests == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"prompt": 3}'])
async def test_what_is_no_prompt_is_refused_with_a_reason(ask, body):
    code, answer = await ask(body)
    assert code == 400
    assert msgspec.json.decode(answer)["error"]


@pytest.mark.parametrize("stream", ["true", "false"])
async def test_a_model_that_refuses_is_told(ask, model, stream):
    model.faults.append(status(401))
    code, body = await ask(f'{{"prompt": "hello", "stream": {stream}}}'.encode())
    assert code == 502
    assert "401" in msgspec.json.decode(body)["error"]


async def test_who_goes_away_in_the_middle_is_counted_all_the_same(tmp_path, model, caplog):
    model.answer = lambda messages: "word " * 400
    model.piece_s = 0.02
    values = {"llm_base_url": model.url, "llm_model": "scripted", "web_chat": True}
    async with palaver(tmp_path, api_token=TOKEN, **values) as app, aiohttp.ClientSession() as http:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        body = b'{"prompt": "hello", "stream": true}'
        async with http.post(f"{app.url}/api/ask", data=body, headers=headers) as response:
            await response.content.readany()
            response.close()
        value = app.core.services.metrics.registry.get_sample_value
        labels = {"model": "scripted", "direction": "completion"}
        await until(lambda: (value("palaver_tokens_total", labels) or 0) > 0)
    assert not [record for record in caplog.records if record.exc_info]
