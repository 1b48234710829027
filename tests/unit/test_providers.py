"""What each provider's stream looks like, as recorded, and what becomes of it."""

import json

import aiohttp
import pytest

from core.buckets import LocalBudget
from core.clients import open_models
from core.errors import Interrupted, Overloaded, Refused
from core.models.chunks import Finished, ReasoningDelta, TextDelta, Usage
from core.models.client import ChatClient
from core.models.palaver_file import read_palaver_file
from core.models.providers import Endpoint, place_of, provider_at
from core.models.request import ChatMessage, ChatRequest
from tests.harness import settings_for
from tests.servers import model as models

REQUEST = ChatRequest((ChatMessage("user", "hello"),))


def lines(*events, done=True):
    sent = [event if isinstance(event, str) else f"data: {json.dumps(event)}" for event in events]
    return "\n\n".join([*sent, *(["data: [DONE]"] if done else [])]).encode() + b"\n\n"


def chunk(delta=None, finish=None, *, usage=None, **more):
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish, "logprobs": None}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1790000000}
    return head | {"model": "m", "choices": [choice]} | ({"usage": usage} if usage else {}) | more


ROLE = {"role": "assistant", "content": ""}
USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}

STREAMS = {
    "https://api.openai.com/v1": lines(
        chunk({**ROLE, "refusal": None}, service_tier="default", obfuscation="x"),
        chunk({"content": "Hel"}),
        chunk({"content": "lo"}),
        chunk({}, "stop"),
        chunk(usage={**USAGE, "prompt_tokens_details": {"cached_tokens": 4}}) | {"choices": []},
    ),
    "https://me.openai.azure.com/openai/v1": lines(
        {"choices": [], "model": "", "prompt_filter_results": [{"prompt_index": 0}]},
        chunk({**ROLE, "content": None}),
        chunk({"content": "Hello"}, content_filter_results={"hate": {"filtered": False}}),
        chunk({}, "stop"),
    ),
    "https://api.deepseek.com": lines(
        ": keep-alive",
        chunk({"role": "assistant", "content": None, "reasoning_content": "They "}),
        chunk({"content": None, "reasoning_content": "greet."}),
        chunk({"content": "Hello", "reasoning_content": None}),
        chunk({"content": ""}, "stop", usage={**USAGE, "prompt_cache_hit_tokens": 4}),
    ),
    "https://qianfan.baidubce.com/v2": lines(
        chunk({"content": "Hel"}, flag=0),
        chunk({"content": "lo"}, flag=0),
        chunk({"content": ""}, "stop", usage=USAGE),
    ),
    "https://api.moonshot.cn/v1": lines(
        chunk({**ROLE}),
        chunk({"content": "Hello"}),
        # Its usage stands in the choice.
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": USAGE}]},
    ),
    "https://dashscope.aliyuncs.com/compatible-mode/v1": lines(
        chunk({"content": None, "reasoning_content": "They greet.", "role": "assistant"}),
        chunk({"content": "Hello", "reasoning_content": None}),
        chunk({"content": "", "reasoning_content": None}, "stop"),
        {"choices": [], "usage": USAGE},
    ),
    "https://api.mistral.ai/v1": lines(
        chunk({**ROLE}),
        chunk({"content": [{"type": "text", "text": "Hello"}]}),
        chunk({"content": ""}, "stop", usage=USAGE),
    ),
    "https://openrouter.ai/api/v1": lines(
        ": OPENROUTER PROCESSING",
        chunk({**ROLE, "reasoning": "They greet."}, provider="Someone"),
        chunk({"role": "assistant", "content": "Hello"}, native_finish_reason=None),
        chunk({"role": "assistant", "content": ""}, "stop", native_finish_reason="STOP"),
        chunk({"role": "assistant", "content": ""}, usage={**USAGE, "cost": 0.0001}),
    ),
    "http://127.0.0.1:11434/v1": lines(
        chunk({"role": "assistant", "content": "<thi"}),
        chunk({"role": "assistant", "content": "nk>They greet.</th"}),
        chunk({"role": "assistant", "content": "ink>\n\nHello"}),
        chunk({"role": "assistant", "content": ""}, "stop"),
    ),
    "http://127.0.0.1:8000/v1": lines(
        chunk({**ROLE}, prompt_token_ids=None),
        chunk({"content": "Hello"}, token_ids=None),
        chunk({"content": ""}, "stop", stop_reason=None),
        {"choices": [], "usage": USAGE},
    ),
    "http://127.0.0.1:8080/v1": lines(
        ": ping",
        chunk({"role": "assistant", "content": None}),
        chunk({"content": "Hello"}),
        chunk({}, "stop", timings={"predicted_n": 3}, usage=USAGE),
    ),
}
THINKS = ("deepseek", "dashscope", "openrouter", "11434")


@pytest.fixture
async def client(model, monkeypatch):
    monkeypatch.setattr("core.models.retrying.FIRST_WAIT_S", 0.01)
    async with aiohttp.ClientSession() as session:

        def make(url, key="sk", **more):
            root = model.url.removesuffix("/v1") if "aip." in url else model.url
            return ChatClient(session, Endpoint(root, key, "m", provider_at(url), **more))

        yield make


async def collect(client, request=REQUEST):
    async with client.stream(request) as deltas:
        return [delta async for delta in deltas]


def text_of(deltas, kind=TextDelta):
    return "".join(delta.text for delta in deltas if isinstance(delta, kind))


@pytest.mark.parametrize("url", STREAMS)
async def test_a_recorded_stream_is_understood(client, model, url):
    model.faults.append(models.raw(STREAMS[url]))
    deltas = await collect(client(url))
    assert text_of(deltas) == "Hello"
    thought = "They greet." if any(name in url for name in THINKS) else ""
    assert text_of(deltas, ReasoningDelta) == thought
    assert [delta for delta in deltas if isinstance(delta, Finished)] == [Finished("stop")]


@pytest.mark.parametrize("url", STREAMS)
async def test_what_it_cost_is_read_where_it_is_told(client, model, url):
    model.faults.append(models.raw(STREAMS[url]))
    told = [delta for delta in await collect(client(url)) if isinstance(delta, Usage)]
    if "azure" in url or "11434" in url:
        assert told == []
    else:
        cached = 4 if "api.openai" in url or "deepseek" in url else 0
        billed = 0.0001 if "openrouter" in url else 0
        assert told[-1] == Usage(9, 3, cached, billed_usd=billed)


async def test_what_the_operator_adds_goes_with_each_call(client, model):
    seen = []

    async def look(request):
        seen.append(request.headers["X-RateLimit-Group"])
        return await model.stream(request, "fine")

    model.faults.append(look)
    more = {"more_headers": (("X-RateLimit-Group", "chat"),), "extra": {"reasoning_effort": "high"}}
    await collect(client("http://any", **more))
    assert seen == ["chat"]
    assert model.requests[0]["reasoning_effort"] == "high"


def test_a_file_may_say_what_goes_with_each_call(tmp_path):
    path = tmp_path / "palaver.toml"
    path.write_text(
        "[[model]]\nname='a'\nbase_url='http://u'\nmodel='m'\n"
        "headers={X-RateLimit-Group='chat'}\nextra={thinking={type='disabled'}}\n"
    )
    (entry,) = read_palaver_file(path).model
    assert entry.headers == {"X-RateLimit-Group": "chat"}
    assert entry.extra == {"thinking": {"type": "disabled"}}


# --- Qianfan's first API ---------------------------------------------------------------------

V1 = "https://aip.baidubce.com"


async def test_an_access_token_is_asked_for_once_and_the_stream_read(client, model):
    model.answer = lambda messages: "an answer of ERNIE"
    ernie = client(V1, "ak:sk")
    for _ in range(2):
        deltas = await collect(ernie)
    assert text_of(deltas) == "an answer of ERNIE"
    assert deltas[-2:] == [Usage(5, 7), Finished("stop")]
    assert model.tokens == 1


async def test_a_spent_token_is_renewed(client, model):
    ernie = client(V1, "ak:sk")
    await collect(ernie)
    model.tokens = 7
    assert "Echo" in text_of(await collect(ernie))
    assert model.tokens == 8


async def test_messages_take_turns_and_the_system_prompt_stands_apart(client, model):
    said = [("system", "be kind"), ("assistant", "hm"), ("user", "one"), ("user", "two")]
    await collect(
        client(V1, "ak:sk"), ChatRequest(tuple(ChatMessage(role, text) for role, text in said))
    )
    (asked,) = model.requests
    assert asked["system"] == "be kind"
    assert asked["messages"] == [{"role": "user", "content": "one\n\ntwo"}]


@pytest.mark.parametrize(
    ("code", "error"), [(336501, Overloaded), (18, Overloaded), (336003, Refused), (6, Refused)]
)
async def test_its_error_codes_come_with_200(client, model, code, error):
    fault = models.raw(
        json.dumps({"error_code": code, "error_msg": "no"}).encode(), "application/json"
    )
    model.faults += [fault] * 4
    with pytest.raises(error):
        await collect(client(V1, "ak:sk"))


async def test_wrong_keys_get_no_token_and_are_not_named(client, model):
    with pytest.raises(Refused) as caught:
        await collect(client(V1, "ak:wrong-secret"))
    assert caught.value.reason == "key"
    assert "wrong-secret" not in str(caught.value)


# --- Last-Event-ID -----------------------------------------------------------------------------

NUMBERED = [f"word{number} " for number in range(20)]


def numbered(model, cut_after):
    """A gateway that numbers its events, cuts each call, and goes on behind the last id."""

    async def fault(request):
        start = int(request.headers.get("Last-Event-ID", -1)) + 1
        response = models.web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for number in range(start, min(len(NUMBERED), start + cut_after)):
            await response.write(f"id: {number}\n".encode())
            await model.send(response, {"choices": [{"delta": {"content": NUMBERED[number]}}]})
        if start + cut_after < len(NUMBERED):
            request.transport.abort()
        else:
            await response.write(b"data: [DONE]\n\n")
        return response

    return fault


async def test_a_gateway_that_numbers_its_events_is_asked_to_go_on(model):
    model.faults = [numbered(model, 8)] * 3
    endpoint = Endpoint(model.url, "", "m", provider_at(model.url, "event_id"))
    async with aiohttp.ClientSession() as session:
        client = ChatClient(session, endpoint)
        assert text_of(await collect(client)) == "".join(NUMBERED)
        assert not client.continues, "nothing but its own stream can be gone on with"


async def test_without_that_setting_ids_mean_nothing(model):
    model.faults = [numbered(model, 8)] * 3
    async with aiohttp.ClientSession() as session:
        with pytest.raises(Interrupted):
            await collect(ChatClient(session, Endpoint(model.url, "", "m")))


# --- Where it is, and in which shape ---------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "base_url", "shape"),
    [
        ("https://gw.example/v1/messages", "https://gw.example/v1", "anthropic"),
        ("https://gw.example/api/v1/messages/", "https://gw.example/api/v1", "anthropic"),
        # api-docs.deepseek.com/guides/anthropic_api, platform.moonshot.ai, docs.z.ai
        (
            "https://api.deepseek.com/anthropic",
            "https://api.deepseek.com/anthropic/v1",
            "anthropic",
        ),
        ("https://api.z.ai/api/anthropic", "https://api.z.ai/api/anthropic/v1", "anthropic"),
        ("https://x.example/anthropic/v1", "https://x.example/anthropic/v1", "anthropic"),
        ("https://x.example/anthropic/v1/messages", "https://x.example/anthropic/v1", "anthropic"),
        ("https://api.anthropic.com/v1", "https://api.anthropic.com/v1", "anthropic"),
        ("https://api.anthropic.com/v1/messages", "https://api.anthropic.com/v1", "anthropic"),
        ("https://gw.example/v1/chat/completions", "https://gw.example/v1", "openai"),
        ("https://gw.example/v1/responses", "https://gw.example/v1", "responses"),
        ("https://gw.example/v1", "https://gw.example/v1", "openai"),
        ("https://messages.example/v1", "https://messages.example/v1", "openai"),
    ],
)
def test_an_address_may_say_the_shape_of_its_calls(url, base_url, shape):
    place = place_of(url)
    assert place.base_url == base_url
    assert provider_at(place.base_url, shape=place.shape).shape == shape


@pytest.mark.parametrize("way", ["the address", "the file"])
async def test_a_gateway_of_anthropics_shape_is_asked_in_it(way, model, tmp_path, monkeypatch):
    monkeypatch.setenv("GW_KEY", "sk-gw-secret")
    ending, shape = ("/messages", "") if way == "the address" else ("", "shape = 'anthropic'")
    path = tmp_path / "palaver.toml"
    path.write_text(
        f"[[model]]\nname='a'\nbase_url='{model.url}{ending}'\nmodel='m'\nkey='GW_KEY'\n{shape}"
    )
    sent = []

    async def note(request):
        sent.append(request.headers)
        events = b"".join(
            b"data: " + json.dumps(one).encode() + b"\n\n"
            for one in models.anthropic_events("fine")
        )
        return await models.raw(events)(request)

    model.faults.append(note)
    async with (
        open_models(settings_for(tmp_path, palaver_config=path), LocalBudget()) as opened,
        opened.chat.stream(REQUEST) as deltas,
    ):
        said = "".join([one.text async for one in deltas if isinstance(one, TextDelta)])
    assert said == "fine"
    assert model.requests[0]["max_tokens"] > 0
    assert sent[0]["x-api-key"] == "sk-gw-secret"
    assert sent[0]["Authorization"] == "Bearer sk-gw-secret"
    assert sent[0]["anthropic-version"]


async def test_an_address_with_the_path_of_the_call_is_understood(model, tmp_path):
    model.answer = lambda messages: "fine"
    more = {"llm_base_url": f"{model.url}/chat/completions", "llm_model": ""}
    async with (
        open_models(settings_for(tmp_path, **more), LocalBudget()) as opened,
        opened.chat.stream(REQUEST) as deltas,
    ):
        said = "".join([one.text async for one in deltas if isinstance(one, TextDelta)])
    assert said == "fine"
    assert opened.chat.model == "scripted"
