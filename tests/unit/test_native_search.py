"""The search that a provider does itself: asked for, read, paid, and told as text of strangers."""

import json

import pytest
from aiohttp import web

from core.models import anthropic, responses
from core.models.chunks import Cited, Searched, Source, Usage
from core.models.providers import Endpoint, provider_at
from core.models.shapes import SHAPES
from core.models.tool_calls import Output, Round
from core.models.ways import Ways
from tests.contracts.drivers import WebDriver, driving
from tests.harness import until
from tests.servers import native_search as recorded
from tests.servers.tools import ALL
from tests.unit.test_tool_calls import OFFERED, body, called, read, text_of

PAGE = Source("https://weather.example/berlin", "Berlin")
SEARCHING = OFFERED.__class__(OFFERED.messages, tools=OFFERED.tools, searches=True)
OPENAI = "https://api.openai.com/v1"


@pytest.mark.parametrize(
    ("url", "shape", "tool"),
    [
        ("https://api.anthropic.com/v1", "anthropic", "web_search_20250305"),
        (OPENAI, "responses", "web_search"),
    ],
)
def test_the_search_is_offered_where_the_provider_has_it_and_stands_before_our_tools(
    url, shape, tool
):
    endpoint = Endpoint(url, "sk", "m", provider_at(url, None, shape))
    first, *others = SHAPES[shape].body(endpoint, SEARCHING, Ways())["tools"]
    assert first["type"] == tool
    assert len(others) == 1


@pytest.mark.parametrize(
    ("url", "request_"),
    [
        ("https://api.deepseek.com", SEARCHING),
        (OPENAI, SEARCHING),
        ("https://openrouter.ai/api/v1", SEARCHING),
        ("https://api.anthropic.com/v1", OFFERED),
    ],
)
def test_it_is_not_offered_elsewhere_or_unasked(url, request_):
    assert "search" not in json.dumps(body(request_, url)["tools"])


def test_a_model_that_was_refused_it_is_asked_with_our_tools_alone():
    tools = body(SEARCHING, "https://api.anthropic.com/v1", Ways(searches=False))["tools"]
    assert [one["name"] for one in tools] == ["time"]
    # A gateway of the same shape has it if the operator says so.
    found = body(SEARCHING, "https://gate.example/anthropic/v1", Ways(searches=True))["tools"]
    assert len(found) == 2


@pytest.mark.parametrize(
    ("reader", "events"),
    [(anthropic.Reader, recorded.anthropic()), (responses.Reader, list(recorded.responses()))],
)
def test_what_it_found_is_cited_and_paid_and_is_no_call_of_ours(reader, events):
    some = read(reader(), events)
    assert text_of(some) == "It is mild."
    assert some.count(Searched()) == 1
    assert next(one for one in reversed(some) if isinstance(one, Cited)).sources == (PAGE,)
    usage = next(one for one in reversed(some) if isinstance(one, Usage))
    assert usage.searches == 1
    assert usage.cost_usd((1.0, 1.0, 1.0)) == pytest.approx(0.01 + 18 / 1e6)
    assert not [one for one in some if hasattr(one, "calls")]


def test_a_call_behind_a_search_goes_back_with_all_that_the_search_brought():
    some = read(anthropic.Reader(), recorded.anthropic("time", {"zone": "UTC"}))
    calls = called(some)
    assert [call.name for call in calls.calls] == ["time"]
    one = Round(calls.calls, (Output("12:00"),), "It is mild.", calls.thought, calls.by)
    request = SEARCHING.__class__(OFFERED.messages, tools=OFFERED.tools, rounds=(one,))
    *_, message, result = body(request, "https://api.anthropic.com/v1")["messages"]
    search, found, text, call = message["content"]
    assert search["input"] == recorded.QUERY
    assert found["content"] == [recorded.FOUND]
    assert text["text"] == "It is mild."
    assert call["id"] == result["content"][0]["tool_use_id"]


async def test_an_effect_behind_a_search_asks_first(tmp_path, model, served):
    async def searches(request):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in recorded.anthropic("make", {"what": "all"}):
            await response.write(b"data: " + json.dumps(event).encode() + b"\n\n")
        return response

    driver = WebDriver()
    model.faults.append(searches)
    more = {"tools": ALL, "tools_ask": "never", "search": "native"}
    more |= {"llm_base_url": f"{model.url}/messages", "llm_api_key": "sk"}
    async with driving(driver, tmp_path, model, **more):
        await driver.say("page", "search, then make it")

        async def asking():
            posts = await driver.posts("page")
            return posts and [one for one in posts[-1].commands if one.startswith("permit ")]

        await until(asking)
        text = (await driver.posts("page"))[-1].text
    assert "text of others" in text
    assert "weather.example" in text
    assert not served.done
