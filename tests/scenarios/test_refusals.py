"""What models refuse and how they end, through the chat.

One table: refusal × what the person reads × calls made × what the next question does.
"""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import aiohttp
import msgspec
import pytest
from aiohttp import web

from core.languages.catalogue import say
from tests.contracts.drivers import TelegramDriver, WebDriver, driving
from tests.harness import palaver, until
from tests.scenarios.test_telegram import photo, picture
from tests.servers import providers
from tests.servers.model import raw
from tests.servers.wordings import WORDINGS


@pytest.fixture
def driver():
    return WebDriver()


@pytest.fixture
def telegram():
    return TelegramDriver()


def stream_of(*payloads):
    sent = [b"data: " + json.dumps(one).encode() + b"\n\n" for one in payloads]
    return raw(b"".join(sent) + b"data: [DONE]\n\n")


def ends(reason, *deltas):
    return stream_of(
        *({"choices": [{"index": 0, "delta": delta}]} for delta in deltas),
        {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
    )


async def ask(driver, text, answers):
    await driver.say(driver.places[0], text)
    return (await driver.answered(driver.places[0], answers))[-1]


# --- Parts of the request ---------------------------------------------------------------------

PARTS = {
    "max_tokens is max_completion_tokens": (providers.new_openai, {"max_tokens": 50}),
    "without stream_options": (providers.fastapi_no_stream_options, {}),
    "instructions as developer": (providers.no_system_openai, {}),
    "instructions as user": (providers.no_system_gemma, {}),
    "no streaming": (providers.no_streaming, {}),
}


@pytest.mark.parametrize("part", PARTS)
async def test_a_part_that_is_refused_costs_one_call_once(part, telegram, tmp_path, model):
    """The person reads the answer, the next question is asked right at once, and an admin sees."""
    model.strict, more = PARTS[part]
    driver = telegram
    async with driving(driver, tmp_path, model, admins="telegram:77", **more):
        assert "Echo of" in (await ask(driver, "hello", 1)).text
        assert len(model.requests) == 2
        assert "Echo of" in (await ask(driver, "again", 2)).text
        assert len(model.requests) == 3
        await driver.say(driver.places[0], "/model")
        posts = await driver.posted(driver.places[0], 3)
        assert part in posts[-1].text


@pytest.mark.parametrize("who", ["openai", "vllm", "llama.cpp", "anthropic", "ollama", "gemini"])
async def test_a_history_that_is_too_long_never_stands_in_the_way(who, driver, tmp_path, model):
    model.strict = providers.WINDOWS[who]
    model.answer = lambda messages: "fine"
    question = "word " * 150
    async with driving(driver, tmp_path, model, system_prompt="Be kind."):
        for number in range(1, 8):
            asked = len(model.requests)
            post = await ask(driver, f"{number} {question}", number)
            assert post.text == "fine"
            assert len(model.requests) - asked <= 4
        refused = [one for one in model.requests if providers.counted(one) > providers.WINDOW]
        assert len(refused) <= 4
        post = await ask(driver, "word " * 2000, 8)
        assert post.text == say("refused_length", "en")
        assert (await ask(driver, "short", 9)).text == "fine"


@pytest.mark.parametrize("who", providers.BLIND)
async def test_a_model_without_eyes_is_asked_without_pictures(who, telegram, tmp_path, model):
    """It is said once, and neither this picture nor the next question asks for sight again."""
    model.strict = providers.BLIND[who]
    async with driving(telegram, tmp_path, model):
        telegram.server.add_file("p", picture(64, 64))
        telegram.server.say(77, "", photo=photo("p"), caption="what is it?")
        (post,) = await telegram.answered("dm")
        assert "you cannot see the pictures" in post.text
        assert "cannot look at pictures" in post.text
        assert len(model.requests) == 2
        await telegram.say("dm", "and now?")
        posts = await telegram.answered("dm", 2)
        assert "and now?" in posts[-1].text
        assert "cannot look at pictures" not in posts[-1].text
        assert len(model.requests) == 3


SENTENCES = {
    "deepseek, key": "refused_key",
    "deepseek, balance": "refused_balance",
    "deepseek, model": "refused_model",
    "deepseek, content": "refused_policy",
    "gemini, key": "refused_key",
    "anthropic, balance": "refused_balance",
    "openrouter, content": "refused_policy",
    "ollama, model": "refused_model",
    "nothing": "refused_request",
}


@pytest.mark.parametrize("who", SENTENCES)
async def test_the_person_reads_what_is_wrong(who, driver, tmp_path, model):
    status, said, _ = providers.FINAL[who]
    sentence = SENTENCES[who]
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    model.strict = lambda _: (status, body)
    async with driving(driver, tmp_path, model):
        post = await ask(driver, "hello", 1)
        assert post.text == say(sentence, "en")
        assert len(model.requests) == 1
        model.strict = None
        # What was refused for what it says would be refused with every question after it.
        before = "nothing" if sentence in ("refused_policy", "refused_request") else "hello"
        post = await ask(driver, "again", 2)
        assert post.text == f"Echo of again -- before that: {before}."
        roles = [message["role"] for message in model.requests[-1]["messages"]]
        assert roles[1:] == ["user", "assistant", "user"][-1 if before == "nothing" else 0 :]


@pytest.mark.parametrize(
    ("who", "stands_in"),
    [
        ("deepseek, key", True),
        ("deepseek, balance", True),
        ("deepseek, model", True),
        ("gemini, key", True),
        ("openai, quota", True),
        ("deepseek, content", False),
    ],
)
async def test_another_model_stands_in_where_the_question_is_not_to_blame(
    who, stands_in, driver, tmp_path, model
):
    status, said, _ = providers.FINAL[who]
    body = json.dumps(said).encode()
    model.strict = lambda asked: (status, body) if asked["model"] == "first" else None
    path = tmp_path / "palaver.toml"
    path.write_text(
        "".join(
            f"[[model]]\nname='{name}'\nbase_url='{model.url}'\nmodel='{name}'\n"
            for name in ("first", "second")
        )
    )
    async with driving(driver, tmp_path, model, llm_base_url="", palaver_config=path):
        post = await ask(driver, "hello", 1)
    assert ("Echo of" in post.text) is stands_in
    assert [one["model"] for one in model.requests] == ["first", "second"][: 1 + stands_in]


FINAL = {
    "key": ("refused_key", 1),
    "balance": ("refused_balance", 1),
    "model": ("refused_model", 1),
    "policy": ("refused_policy", 1),
    "request": ("refused_request", 1),
    "busy": ("overloaded", 4),
}


@pytest.mark.parametrize("means", FINAL)
async def test_in_whosever_words_the_person_reads_the_same_and_the_next_question_is_answered(
    means, driver, tmp_path, model, monkeypatch
):
    """The table in docs/models.md, through the chat, in every wording that we know."""
    monkeypatch.setattr("core.models.retrying.FIRST_WAIT_S", 0.001)
    sentence, calls = FINAL[means]
    wordings = [one for one in WORDINGS if one.means == means]
    async with driving(driver, tmp_path, model, tools=()):
        for number, wording in enumerate(wordings):
            model.strict = lambda _, one=wording: (one.status, one.body)
            asked = len(model.requests)
            post = await ask(driver, f"refused-{number}", 2 * number + 1)
            assert (wording.body, post.text) == (wording.body, say(sentence, "en"))
            assert len(model.requests) - asked == calls
            model.strict = None
            post = await ask(driver, f"next-{number}", 2 * number + 2)
            assert f"Echo of next-{number} --" in post.text
            assert (f"refused-{number}" in post.text) is (means not in ("policy", "request"))
            assert len(model.requests) - asked == calls + 1


# --- Endings ----------------------------------------------------------------------------------

ENDS = {
    "cut_filter": (ends("content_filter", {"content": "half"}), True),
    "cut_length": (ends("length", {"content": "half"}), True),
    "cut_tools": (ends("tool_calls", {"content": "half"}), True),
    "cut_pause": (ends("pause_turn", {"content": "half"}), True),
    "refused_policy": (ends("content_filter"), False),
    "refused_thinking": (ends("length", {"reasoning_content": "hm, hm"}), False),
    "refused_tools": (
        ends(
            "tool_calls",
            {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "f", "arguments": "{}"}}]},
        ),
        False,
    ),
    "refused_empty": (ends("stop"), False),
}


@pytest.mark.parametrize("sentence", ENDS)
async def test_an_answer_that_is_not_whole_says_so_in_one_sentence(
    sentence, driver, tmp_path, model
):
    fault, half = ENDS[sentence]
    model.faults = [fault]
    async with driving(driver, tmp_path, model, tools=()):
        post = await ask(driver, "hello", 1)
        assert post.text == ("half\n\n" if half else "") + say(sentence, "en")
        goes_on = sentence in ("cut_length", "cut_pause")
        assert post.commands == (("continue", "retry") if goes_on else ("retry",))
        assert len(model.requests) == 1
        (exchange,) = (await _history(driver))[-1:]
        assert exchange["cut"] is True
        assert "again --" in (await ask(driver, "again", 2)).text


async def _history(driver):
    redis = driver.app.core.redis

    async def committed():
        return [key async for key in redis.scan_iter("*:history:*")]

    (key,) = await until(committed)
    return [msgspec.json.decode(one) for one in await redis.lrange(key, 0, -1)]


async def test_the_words_of_a_refusal_are_the_answer(driver, tmp_path, model):
    model.faults = [ends("stop", {"refusal": "I cannot help with that."})]
    async with driving(driver, tmp_path, model):
        assert (await ask(driver, "hello", 1)).text == "I cannot help with that."


@pytest.mark.parametrize("reason", ["error", "network_error", "insufficient_system_resource"])
async def test_an_error_for_an_end_is_gone_on_with(reason, driver, tmp_path, model):
    model.faults = [ends(reason, {"content": "half"})]
    model.answer = lambda messages: "half and the other half"
    async with driving(driver, tmp_path, model):
        post = await ask(driver, "hello", 1)
        assert post.text == "half and the other half"
        assert len(model.requests) == 2


async def test_a_provider_that_can_is_given_the_beginning_to_go_on_from(driver, tmp_path, model):
    model.faults = [ends("length", {"content": "The first half,"})]
    model.answer = lambda messages: " and the second."
    async with driving(driver, tmp_path, model, llm_continue="prefix"):
        await ask(driver, "hello", 1)
        await driver.press(driver.places[0], "continue")
        posts = await driver.answered(driver.places[0], 2)
    assert posts[-1].text.strip() == "and the second."
    last = model.requests[-1]["messages"][-1]
    assert last == {"role": "assistant", "content": "The first half,", "prefix": True}


async def test_there_is_nothing_to_go_on_with_after_a_whole_answer(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        await ask(driver, "hello", 1)
        await driver.say(driver.places[0], "/continue")
        posts = await driver.posted(driver.places[0], 2)
    assert posts[-1].text == say("nothing_to_continue", "en")
    assert len(model.requests) == 1


# --- Thinking, sources, time ------------------------------------------------------------------


@pytest.mark.parametrize("chars", [50, 6_000])
async def test_thinking_without_a_beginning_is_taken_off_the_screen(
    chars, telegram, tmp_path, model
):
    thought = "I wonder about this. " * (chars // 20)
    model.answer = lambda messages: f"{thought}\n</think>\n\n" + "The answer. " * 20
    async with driving(telegram, tmp_path, model):
        await telegram.say("dm", "hello")
        await telegram.answered("dm")

        async def alone():
            posts = await telegram.posts("dm")
            return posts if len(posts) == 1 else None

        # What is too many is deleted when the answer stands.
        (post,) = await until(alone)
    assert "wonder" not in post.text
    assert post.text.count("The answer.") == 20


THOUGHTS = {
    "harmony": (
        "<|start|>assistant<|channel|>analysis<|message|>I wonder<|end|><|start|>assistant"
        "<|channel|>final<|message|>The answer.<|return|>"
    ),
    "in any case": "\ufeff \n<Think>I wonder</Think>\nThe answer.",
    "reasoning": "<reasoning>I wonder</reasoning>\n\nThe answer.",
    "a template's words": "<|im_start|>assistant\n<think>I wonder</think>The answer.",
    "never closed": "<think>I wonder, and wonder",
    "harmony, never closed": "<|start|>assistant<|channel|>analysis<|message|>I wonder",
}


@pytest.mark.parametrize("form", THOUGHTS)
async def test_thinking_in_whatever_form_is_not_the_answer(form, driver, tmp_path, model):
    model.answer = lambda messages: THOUGHTS[form]
    async with driving(driver, tmp_path, model):
        post = await ask(driver, "hello", 1)
        closed = "never" not in form
        assert post.text == ("The answer." if closed else say("refused_thinking", "en"))
        (exchange,) = await _history(driver)
        assert exchange["answer"] == ("The answer." if closed else "")
    assert len(model.requests) == 1


async def test_an_error_by_name_is_gone_on_with_and_says_nothing(driver, tmp_path, model):
    half = json.dumps({"choices": [{"index": 0, "delta": {"content": "half"}}]}).encode()
    model.faults = [raw(b"data: " + half + b"\n\nevent: error\ndata: the engine died\n\n")]
    model.answer = lambda messages: "half and the other half"
    async with driving(driver, tmp_path, model):
        assert (await ask(driver, "hello", 1)).text == "half and the other half"
    assert len(model.requests) == 2


async def test_what_a_failed_try_was_billed_is_counted_with_the_answer(driver, tmp_path, model):
    cost = {"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 1000}}
    bad = {"error": {"message": "gone", "code": 500}}
    model.faults = [stream_of(cost, bad)]
    async with driving(driver, tmp_path, model):
        await ask(driver, "hello", 1)
        await driver.say(driver.places[0], "/usage")
        posts = await driver.posted(driver.places[0], 2)
    assert "111 tokens read, 1007 written" in posts[-1].text


PRICED = """
[[model]]
name = "dear"
base_url = "{url}"
model = "dear"
price = [1000.0, 1000.0, 1000.0]

[[model]]
name = "cheap"
base_url = "{url}"
model = "cheap"
price = [1.0, 1.0, 2.0]
"""


@pytest.mark.parametrize(("first", "cost"), [("dear", 1.100025), ("cheap", 0.0201)])
async def test_each_call_costs_its_own_price_whoever_answers(first, cost, driver, tmp_path, model):
    """The first fails after it told 100 + 1,000 tokens; the other answers with 11 + 7."""
    told = {"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 1000}}
    model.faults = [stream_of(told, {"error": {"message": "gone", "code": 500}})]
    config = tmp_path / "palaver.toml"
    config.write_text(PRICED.format(url=model.url))
    async with driving(driver, tmp_path, model, palaver_config=config):
        await driver.say(driver.places[0], f"/model {first}")
        await driver.posted(driver.places[0], 1)
        await driver.say(driver.places[0], "hello")
        await driver.answered(driver.places[0])
        await driver.say(driver.places[0], "/usage")
        posts = await driver.posted(driver.places[0], 3)
    assert len(model.requests) == 2
    assert f"${cost:.4f}" in posts[-1].text, posts[-1].text


async def test_an_answer_whose_cost_nobody_told_is_estimated_beside_what_was(
    driver, tmp_path, model
):
    told = {"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 1000}}
    model.faults = [
        stream_of(told, {"error": {"message": "gone", "code": 500}}),
        ends("stop", {"content": "An answer. " * 40}),
    ]
    async with driving(driver, tmp_path, model):
        await ask(driver, "hello", 1)
        await driver.say(driver.places[0], "/usage")
        posts = await driver.posted(driver.places[0], 2)
    # 440 characters are about 110 tokens.
    assert "1110 written" in posts[-1].text, posts[-1].text


async def test_what_an_answer_cites_stands_under_it_as_links(driver, tmp_path, model):
    cited = [{"title": "A page", "url": "https://a.example/x"}, {"url": "https://b.example"}]
    model.faults = [
        stream_of(
            {"choices": [{"delta": {"content": "So it is [1]."}}], "search_results": cited},
            {"choices": [{"delta": {}, "finish_reason": "stop"}]},
        )
    ]
    async with driving(driver, tmp_path, model):
        post = await ask(driver, "hello", 1)
        assert post.text == (
            "So it is [1](https://a.example/x).\n\n**Sources**\n1. [A page](https://a.example/x)"
        )
        (exchange,) = await _history(driver)
    assert exchange["answer"] == "So it is [1]."


async def test_the_model_is_told_the_time_where_the_operator_is(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, timezone="Asia/Shanghai"):
        await ask(driver, "hello", 1)
    told = model.requests[0]["messages"][0]["content"]
    now = datetime.now(ZoneInfo("Asia/Shanghai"))
    assert f"{now:%A, %d %B %Y}" in told
    assert "(Asia/Shanghai, UTC+08:00)" in told


# --- Over HTTP --------------------------------------------------------------------------------


@pytest.fixture
async def api(tmp_path, model):
    values = {"llm_base_url": model.url, "llm_model": "scripted", "web_chat": True}
    more = {"api_token": "t" * 20, "llm_price": "1,0.1,2"}
    async with palaver(tmp_path, **values, **more) as app, aiohttp.ClientSession() as http:

        async def post(**body):
            headers = {"Authorization": f"Bearer {'t' * 20}"}
            async with http.post(f"{app.url}/api/ask", json=body, headers=headers) as response:
                return response.status, await response.text()

        async def metrics():
            async with http.get(f"{app.url}/metrics") as response:
                return await response.text()

        post.metrics = metrics
        yield post


@pytest.mark.parametrize("stream", [True, False])
async def test_a_question_over_http_is_counted_like_one_of_a_chat(api, stream):
    _, body = await api(prompt="hello", stream=stream)
    last = msgspec.json.decode(body.strip().split("\n\n")[-1].removeprefix("data: "))
    assert last["cost_usd"] == pytest.approx((11 * 1 + 7 * 2) / 1e6)
    counted = [line for line in (await api.metrics()).split("\n") if "palaver_tokens" in line]
    assert any("completion" in line and line.endswith(" 7.0") for line in counted), counted


async def test_what_a_program_asks_for_passes(api, model):
    content = [
        {"type": "text", "text": "what is it?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    wanted = {"temperature": 0.2, "stop": ["X"], "response_format": {"type": "json_object"}}
    code, _ = await api(messages=[{"role": "user", "content": content}], max_tokens=9, **wanted)
    assert code == 200
    (asked,) = model.requests
    assert asked["messages"][-1]["content"] == content
    assert {name: asked[name] for name in wanted} == wanted
    assert asked["max_tokens"] == 9


@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_over_http_says_when_it_is_cut(api, model, stream):
    model.faults = [ends("length", {"content": "half"})]
    _, body = await api(prompt="hello", stream=stream)
    last = msgspec.json.decode(body.strip().split("\n\n")[-1].removeprefix("data: "))
    assert last["cut"] == "length"


async def test_an_error_over_http_never_repeats_the_key(api, model):
    text = "Incorrect API key provided: sk-abcdef123456"
    model.strict = lambda _: providers.openai(text, status=401)
    _, body = await api(prompt="hello")
    assert "abcdef" not in body


# --- Which model ------------------------------------------------------------------------------


async def test_of_many_models_one_that_answers_is_chosen(driver, tmp_path, model):
    names = ["text-embedding-3-small", "whisper-1", "bge-m3", "dall-e-3", "qwen3:8b", "other"]

    async def listed(request):
        return web.json_response({"data": [{"id": name} for name in names]})

    model._models = listed
    async with model.running(), driving(driver, tmp_path, model, llm_model=""):
        await ask(driver, "hello", 1)
    assert model.requests[0]["model"] == "qwen3:8b"
