"""Models that take their time: a sign of life is life, and who lives is not asked again."""

import asyncio
import json

import pytest
from aiohttp import web

from core.languages.catalogue import say
from tests.contracts.drivers import WebDriver, driving

TOML = """
[[model]]
name = "slow"
base_url = "{url}"
model = "slow"
first_s = {first}
silence_s = {silence}
whole_s = {whole}
"""
OTHER = """
[[model]]
name = "other"
base_url = "{url}"
model = "other"
"""
SIGNS = {
    # api-docs.deepseek.com, "Rate Limit"
    "comments": b": keep-alive\n\n",
    # openrouter.ai/docs, "Streaming"
    "processing": b": OPENROUTER PROCESSING\n\n",
    "blank lines": b"\n",
    # docs.anthropic.com, "Ping events"
    "pings": b'event: ping\ndata: {"type": "ping"}\n\n',
    "empty deltas": b'data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n',
    "thinking": b'data: {"choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]}\n\n',
}


def alive(sign, times, gap_s=0.1):
    """A fault: so many signs of life, and then an answer."""

    async def fault(request):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            for _ in range(times):
                await response.write(sign)
                await asyncio.sleep(gap_s)
            said = {"choices": [{"index": 0, "delta": {"content": "At last."}}]}
            await response.write(b"data: " + json.dumps(said).encode() + b"\n\ndata: [DONE]\n\n")
        except ConnectionResetError:
            raise asyncio.CancelledError from None  # Who asked has hung up.
        return response

    return fault


def configured(tmp_path, model, first=0.4, silence=0.4, whole=20, more=""):
    config = tmp_path / "palaver.toml"
    text = TOML.format(url=model.url, first=first, silence=silence, whole=whole)
    config.write_text(text + more.format(url=model.url))
    return {"palaver_config": config}


async def asked(driver):
    await driver.say(driver.places[0], "hello")
    return (await driver.answered(driver.places[0]))[-1].text


@pytest.mark.parametrize(
    ("sign", "more"), [*((sign, "") for sign in SIGNS), ("comments", OTHER)], ids=repr
)
async def test_a_model_that_lives_is_waited_for_and_not_asked_again(sign, more, tmp_path, model):
    """More than twice as long as it may be silent, also where another could be asked."""
    model.faults = [alive(SIGNS[sign], 40)]
    # A busy machine may hold up the server of this test, too.
    settings = configured(tmp_path, model, first=1.8, silence=1.8, more=more)
    async with driving(WebDriver(), tmp_path, model, **settings) as driver:
        assert await asked(driver) == "At last."
    assert [request["model"] for request in model.requests] == ["slow"]


async def test_a_model_without_a_sign_of_life_is_not_asked_again(tmp_path, model):
    model.faults = [alive(b"", 30)]
    async with driving(WebDriver(), tmp_path, model, **configured(tmp_path, model)) as driver:
        assert await asked(driver) == say("overloaded", "en")
    assert len(model.requests) == 1


async def test_another_stands_in_for_a_model_without_a_sign_of_life(tmp_path, model):
    model.faults = [alive(b"", 30)]
    settings = configured(tmp_path, model, more=OTHER)
    async with driving(WebDriver(), tmp_path, model, **settings) as driver:
        assert "Echo of" in await asked(driver)
    assert [request["model"] for request in model.requests] == ["slow", "other"]


async def test_a_model_that_lives_for_too_long_is_left(tmp_path, model):
    model.faults = [alive(SIGNS["comments"], 50)]
    settings = configured(tmp_path, model, whole=1)
    async with driving(WebDriver(), tmp_path, model, **settings) as driver:
        assert await asked(driver) == say("refused_endless", "en")
    assert len(model.requests) == 1


async def test_a_deadline_of_the_settings_holds_where_the_model_has_none(tmp_path, model):
    model.faults = [alive(b"", 8)]
    config = configured(tmp_path, model, first=0, silence=0, whole=0)
    settings = {**config, "llm_first_s": 5.0}
    async with driving(WebDriver(), tmp_path, model, **settings) as driver:
        assert await asked(driver) == "At last."
    assert len(model.requests) == 1
