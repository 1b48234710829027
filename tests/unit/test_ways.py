"""What a model refuses is learned: asked once without it, remembered, and not asked again so."""

import asyncio
import json

import aiohttp
import pytest

from core.errors import Overloaded, Refused
from core.models.chunks import Blind, TextDelta
from core.models.client import ChatClient
from core.models.learned import Lessons
from core.models.lessons import lesson_of
from core.models.providers import Deadlines, Endpoint, continues_with, provider_at
from core.models.refusals import read_error
from core.models.request import GO_ON, ChatMessage, ChatRequest
from core.models.ways import NEEDED, Ways
from tests.servers import model as models
from tests.servers import providers

HELLO = (ChatMessage("system", "Be kind."), ChatMessage("user", "hello"))
PICTURE = ChatMessage("user", "what is it?", ("data:image/png;base64,AAAA",))


class Shelf:
    """A memory that many processes share."""

    def __init__(self):
        self.kept = {}

    async def recall(self, key):
        return self.kept.get(key, "")

    async def keep(self, key, text, ttl_s):
        assert ttl_s == 24 * 3600
        self.kept[key] = text


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
async def make(model, monkeypatch, shelf):
    monkeypatch.setattr("core.models.retrying.FIRST_WAIT_S", 0.01)
    model.answer = lambda messages: "fine"
    async with aiohttp.ClientSession() as session:

        def make(url="http://any", **more):
            endpoint = Endpoint(model.url, "sk", "m", provider_at(url), **more)
            return ChatClient(session, endpoint, Lessons(shelf))

        yield make


async def collect(client, request):
    async with client.stream(request) as deltas:
        return [delta async for delta in deltas]


def text_of(deltas):
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


PARTS = {
    "max_tokens": (
        providers.new_openai,
        "http://any",
        {},
        lambda body: "max_completion_tokens" in body,
    ),
    "max_completion_tokens": (
        providers.old_gateway,
        "https://api.openai.com/v1",
        {},
        lambda body: body["max_tokens"] == 50,
    ),
    "temperature": (
        providers.new_openai,
        "https://api.openai.com/v1",
        {"temperature": 0.2},
        lambda body: "temperature" not in body,
    ),
    "stream_options": (
        providers.fastapi_no_stream_options,
        "http://any",
        {},
        lambda body: "stream_options" not in body and body["stream"],
    ),
    "system": (
        providers.no_system_openai,
        "http://any",
        {},
        lambda body: body["messages"][0] == {"role": "developer", "content": "Be kind."},
    ),
    "system in a template": (
        providers.no_system_gemma,
        "http://any",
        {},
        lambda body: body["messages"] == [{"role": "user", "content": "Be kind.\n\nhello"}],
    ),
    "developer": (
        providers.developer_not_enabled,
        "http://any",
        {},
        lambda body: body["messages"][0]["role"] == "user",
    ),
    "stream": (providers.no_streaming, "http://any", {}, lambda body: body["stream"] is False),
}


@pytest.mark.parametrize("part", PARTS)
async def test_a_refused_part_is_left_out_or_renamed_once_and_remembered_by_all(part, make, model):
    refuse, url, extra, right = PARTS[part]
    model.strict = refuse
    request = ChatRequest(HELLO, max_tokens=50)
    assert text_of(await collect(make(url, extra=extra), request)) == "fine"
    assert len(model.requests) == 2
    assert right(model.requests[-1])
    # Another process has read it too.
    assert text_of(await collect(make(url, extra=extra), request)) == "fine"
    assert len(model.requests) == 3
    assert right(model.requests[-1])


async def test_what_the_operator_says_is_not_learned_anew(make, model):
    model.strict = providers.no_streaming
    assert text_of(await collect(make(ways=Ways(stream=False)), ChatRequest(HELLO))) == "fine"
    assert len(model.requests) == 1


async def test_who_refuses_what_the_operator_is_sure_of_is_asked_once(make, model):
    model.strict = providers.no_streaming
    with pytest.raises(Refused):
        await collect(make(ways=Ways(stream=True)), ChatRequest(HELLO))
    assert len(model.requests) == 1


async def test_many_parts_may_be_refused_one_after_the_other(make, model):
    rules = (providers.new_openai, providers.no_system_gemma, providers.fastapi_no_stream_options)
    model.strict = lambda body: next(filter(None, (rule(body) for rule in rules)), None)
    client = make(extra={"temperature": 0.2})
    assert text_of(await collect(client, ChatRequest(HELLO, max_tokens=5))) == "fine"
    assert len(model.requests) == 5
    known = client.ways("")
    for word in ("max_tokens is max_completion_tokens", "user", "temperature", "stream_options"):
        assert word in known


async def test_a_server_that_refuses_for_ever_is_not_asked_for_ever(make, model):
    model.strict = lambda body: providers.openai(f"{next(iter(body))} {list(body)} not supported")
    with pytest.raises(Refused):
        await collect(make(), ChatRequest(HELLO, max_tokens=5))
    assert len(model.requests) <= 8


@pytest.mark.parametrize("who", providers.BLIND)
async def test_pictures_that_are_refused_are_left_out_said_once_and_remembered(who, make, model):
    model.strict = providers.BLIND[who]
    client = make()
    deltas = await collect(client, ChatRequest((HELLO[0], PICTURE)))
    assert text_of(deltas) == "fine"
    assert Blind() in deltas
    assert len(model.requests) == 2
    assert "cannot see" in model.requests[1]["messages"][-1]["content"]
    deltas = await collect(client, ChatRequest((*HELLO, PICTURE)))
    assert Blind() not in deltas
    assert len(model.requests) == 3


async def test_one_picture_that_is_refused_says_nothing_of_others(make, model):
    model.faults.append(models.status(400))
    client = make()
    assert text_of(await collect(client, ChatRequest((PICTURE,)))) == "fine"
    assert len(model.requests) == 2
    await collect(client, ChatRequest((PICTURE,)))
    assert providers.pictures(model.requests[2])


# --- The window ----------------------------------------------------------------------------------


def conversation(exchanges, chars=400):
    said = [HELLO[0]]
    for number in range(exchanges):
        said += [
            ChatMessage("user", f"{number} " + "word " * (chars // 5)),
            ChatMessage("assistant", "and an answer"),
        ]
    return ChatRequest((*said, ChatMessage("user", "the newest question")))


@pytest.mark.parametrize("who", providers.WINDOWS)
async def test_a_history_that_is_too_long_is_cut_at_once_and_the_window_is_remembered(
    who, make, model
):
    model.strict = providers.WINDOWS[who]
    client = make()
    assert text_of(await collect(client, conversation(20))) == "fine"
    assert len(model.requests) <= 5
    sent = model.requests[-1]["messages"]
    assert sent[0]["content"] == "Be kind."
    assert sent[1]["role"] == "user"
    assert sent[-1]["content"] == "the newest question"
    assert len(sent) > 3, "some of the history is left"
    assert "window" in client.ways("")
    asked = len(model.requests)
    assert text_of(await collect(make(), conversation(30))) == "fine"
    assert len(model.requests) == asked + 1


TELLS = ("openai", "vllm", "llama.cpp", "anthropic", "deepseek", "mistral", "gemini", "qwen", "xai")


@pytest.mark.parametrize("who", TELLS)
async def test_a_window_that_is_told_is_believed(who, make, model):
    model.strict = providers.WINDOWS[who]
    client = make()
    await collect(client, conversation(20))
    assert len(model.requests) == 2
    assert f"window {providers.WINDOW} tokens" in client.ways("")


@pytest.mark.parametrize("who", providers.WINDOWS)
async def test_a_question_that_is_too_long_alone_is_refused_for_that(who, make, model):
    model.strict = providers.WINDOWS[who]
    said = (*HELLO, ChatMessage("assistant", "hi"), ChatMessage("user", "w " * 4000))
    client = make()
    with pytest.raises(Refused) as caught:
        await collect(client, ChatRequest(said))
    assert caught.value.reason == "length"
    assert len(model.requests) <= 4
    # That says little of the window: who asks less is not given less of the history.
    await collect(client, conversation(6))
    assert len(model.requests[-1]["messages"]) > 6


async def test_a_limit_of_the_answer_is_no_window(make, model):
    def strict(body):
        if body.get("max_tokens", 0) > 4096:
            # docs.anthropic.com, and gateways
            return providers.openai(
                f"max_tokens: {body['max_tokens']} > 4096, which is the maximum allowed number of "
                "output tokens for m"
            )
        return None

    model.strict = strict
    client = make()
    assert text_of(await collect(client, ChatRequest(HELLO, max_tokens=20_000))) == "fine"
    assert model.requests[-1]["max_tokens"] == 4096
    assert "window" not in client.ways("")


# --- Refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", providers.FINAL)
async def test_what_is_refused_for_good_is_refused_for_the_right_reason(who, make, model):
    status, said, reason = providers.FINAL[who]
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    model.strict = lambda _: (status, body)
    with pytest.raises(Refused) as caught:
        await collect(make(), ChatRequest(HELLO))
    assert caught.value.reason == reason
    assert len(model.requests) == 1


@pytest.mark.parametrize("who", providers.BUSY)
async def test_what_passes_is_asked_again(who, make, model):
    status, said = providers.BUSY[who]
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    model.strict = lambda _: (status, body)
    with pytest.raises(Overloaded):
        await collect(make(), ChatRequest(HELLO))
    assert len(model.requests) == 4


async def test_a_refusal_never_repeats_the_key(make, model):
    model.strict = lambda _: providers.openai(
        "Incorrect API key provided: sk-abcdef123456", status=401
    )
    with pytest.raises(Refused) as caught:
        await collect(make(), ChatRequest(HELLO))
    assert "abcdef" not in str(caught.value) + caught.value.said


# --- Templates -----------------------------------------------------------------------------------

SAID = (
    ("assistant", "I begin"),
    ("user", "one"),
    ("assistant", ""),
    ("user", "two"),
    ("system", "and be brief"),
    ("user", "  "),
    ("assistant", "three"),
    ("assistant", "four"),
)


@pytest.mark.parametrize("url", ["http://any", "https://api.anthropic.com/v1"])
async def test_turns_alternate_begin_and_end_with_the_person_and_none_is_empty(url, make, model):
    await collect(make(url), ChatRequest(tuple(ChatMessage(*one) for one in SAID)))
    (asked,) = model.requests
    turns = [one for one in asked["messages"] if one["role"] != "system"]
    assert [one["role"] for one in turns] == ["user", "assistant", "user"]
    assert all(one["content"] for one in turns)
    assert GO_ON in json.dumps(turns[-1])
    system = asked.get("system") or asked["messages"][0]["content"]
    assert system == "and be brief"


@pytest.mark.parametrize(
    ("model_name", "way"),
    [
        ("claude-3-5-sonnet-20241022", "prefill"),
        ("claude-sonnet-4-20250514", "prefill"),
        ("claude-sonnet-4-5-20250929", "prefill"),
        ("claude-opus-4-6", "no"),
        ("claude-sonnet-5-5", "no"),
        ("anthropic/claude-opus-4.7", "no"),
    ],
)
def test_going_on_is_a_matter_of_the_model(model_name, way):
    assert continues_with(provider_at("https://api.anthropic.com/v1"), model_name) == way


async def test_a_prefill_that_is_refused_is_not_tried_again(make, model):
    endpoint = provider_at("http://any", "prefill")
    model.strict = lambda body: (
        providers.openai(
            "This model does not support assistant message prefill. The conversation must end "
            "with a user message."
        )
        if body["messages"][-1]["role"] == "assistant"
        else None
    )
    async with aiohttp.ClientSession() as session:
        client = ChatClient(session, Endpoint(model.url, "", "m", endpoint))
        assert client.continues
        with pytest.raises(Refused):
            await collect(client, ChatRequest(HELLO, begun="It is"))
        assert not client.continues
    assert len(model.requests) == 1


# --- Retrying ---

SOON = Deadlines(first=0.3, silence=0.3, whole=5)


@pytest.mark.parametrize("sign", [b": keep-alive\n\n", b"\n", b'data: {"choices":[]}\n\n'])
async def test_a_sign_of_life_is_life(sign, make, model):
    """It works for much longer than it may be silent, and is asked once."""

    async def slow(request):

        response = models.web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for _ in range(10):
            await response.write(sign)
            await asyncio.sleep(0.1)
        await model.send(response, {"choices": [{"delta": {"content": "at last"}}]})
        await response.write(b"data: [DONE]\n\n")
        return response

    model.faults.append(slow)
    assert text_of(await collect(make(deadlines=SOON), ChatRequest(HELLO))) == "at last"
    assert len(model.requests) == 1


async def test_a_silent_model_is_left_and_not_asked_to_begin_anew(make, model):
    async def silent(request):

        await asyncio.sleep(3)

    model.faults.append(silent)
    with pytest.raises(Overloaded):
        await collect(make(deadlines=SOON), ChatRequest(HELLO))
    assert len(model.requests) == 1


# --- Other words for the same --------------------------------------------------------------------

NO_PICTURES = [
    (500, "Failed to process inputs: this model is missing data required for image input"),
    (415, "Unsupported content type: image_url"),
    (404, "This model does not support image input"),
    (400, "Image input with this model is not supported"),
    (403, "Vision is not enabled for this model"),
    (500, "Model is not multimodal"),
    (500, 'can only concatenate str (not "list") to str'),
    (501, "image input not implemented"),
]


@pytest.mark.parametrize(("status", "words"), NO_PICTURES)
async def test_pictures_may_be_refused_in_any_words_with_any_status(status, words, make, model):
    model.strict = lambda body: (
        providers.openai(words, status=status) if providers.pictures(body) else None
    )
    client = make()
    deltas = await collect(client, ChatRequest((HELLO[0], PICTURE)))
    assert text_of(deltas) == "fine"
    assert len(model.requests) == 2
    assert "no pictures" in client.ways("")


async def test_an_unclear_refusal_of_a_picture_is_tried_once_without_and_not_remembered(
    make, model
):
    model.strict = lambda body: (
        providers.openai("no such thing", status=404) if providers.pictures(body) else None
    )
    client = make()
    assert text_of(await collect(client, ChatRequest((HELLO[0], PICTURE)))) == "fine"
    assert "no pictures" not in client.ways("")


@pytest.mark.parametrize(
    ("status", "words", "learned"),
    [
        (400, "Streaming with this model is not supported", "no streaming"),
        (501, "streaming not implemented", "no streaming"),
        (400, "System role with this model is not supported", "instructions as user"),
    ],
)
async def test_a_part_that_is_named_comes_before_the_model(status, words, learned, make, model):
    def strict(body):
        kept = body["stream"] if "tream" in words else body["messages"][0]["role"] == "system"
        return providers.openai(words, status=status) if kept else None

    model.strict = strict
    client = make()
    assert text_of(await collect(client, ChatRequest(HELLO))) == "fine"
    assert learned in client.ways("")


@pytest.mark.parametrize(
    ("words", "window"),
    [
        ("`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens", 4096),
        ("Prompt length 5000 is greater than max_seq_len 4096", 4096),
        ("Prompt too long. Max 127072", 127_072),
        ("input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000", 200_000),
        (
            "The estimated number of input and maximum output tokens (9000) exceeded this model "
            "context window limit (7968).",
            7968,
        ),
        ("total number of tokens in the prompt cannot exceed 4081 - received 8000", 4081),
    ],
)
def test_of_many_numbers_the_limit_is_the_window(words, window):
    error = read_error({"error": {"message": words}}, 400)
    assert isinstance(error, Refused)
    assert error.reason == "length"
    lesson = lesson_of(error, conversation(20), {"model": "m"}, Ways())
    assert lesson is not None
    assert lesson.ways.window == window


@pytest.mark.parametrize(
    ("status", "words", "reason"),
    [
        (400, "The provided model identifier is invalid.", "model"),
        (400, "Unable to access model foo.", "model"),
        (400, "The model `x` has been decommissioned", "model"),
        (400, "模型不存在", "model"),
        (410, "gone", "model"),
        (500, 'model "x" not found', "model"),
        (400, "余额不足", "balance"),
        (403, "Sorry, your account balance is insufficient", "balance"),
        (429, "Your account balance is insufficient, please recharge", "balance"),
        (500, "Invalid API key", "key"),
        (400, "无效的令牌", "key"),
        (451, "Unavailable for legal reasons", "policy"),
        (400, "Rejected by moderation", "policy"),
        (400, "PROMPT_BLOCKED", "policy"),
        (400, "NSFW content", "policy"),
        (400, "内容违规", "policy"),
        (400, "Your request was blocked by our safety filter", "policy"),
        (400, "This content may violate our usage policies", "policy"),
        (400, "Your messages exceed the maximum allowed length", "length"),
        (400, "The total length of input exceeds the limit", "length"),
        (400, "Conversation too long, please start a new one", "length"),
        (413, "Payload Too Large", "length"),
        (400, "The API key you provided is not authorized", "key"),
        (400, "You didn't provide an API key.", "key"),
        (400, "API key expired. Please renew the API key.", "key"),
        (400, "Your credit has run out", "balance"),
        (400, "Payment required", "balance"),
        (400, "The model 'x' is not available for your account", "model"),
        (400, "Unrecognized model: x", "model"),
        (400, "Model 'x' has been removed", "model"),
        (400, "Bad Request", "request"),
        (422, "Unprocessable Entity", "request"),
    ],
)
def test_the_same_reason_has_many_words(status, words, reason):
    error = read_error({"error": {"message": words}}, status)
    assert isinstance(error, Refused)
    assert error.reason == reason


def test_a_known_most_clamps_whoever_filled_it_in_and_what_is_needed_keeps_its_name():
    needed = NEEDED | {"max_tokens"}
    ways = Ways(most_tokens=4096, renamed={"max_tokens": "max_completion_tokens"})
    body = {"max_tokens": 16_000, "thinking": {"type": "enabled", "budget_tokens": 8000}}
    assert ways.applied(body, needed) == {
        "max_tokens": 4096,
        "thinking": {"type": "enabled", "budget_tokens": 2048},
    }


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("reasoningEffort is not supported", "reasoning_effort"),
        ("Budget 0 is invalid. This model only works in thinking mode.", "reasoning_effort"),
        ('json: unknown field "streamOptions"', "stream_options"),
    ],
)
def test_a_name_in_another_spelling_is_the_name(words, name):
    error = read_error({"error": {"message": words}}, 400)
    lesson = lesson_of(error, ChatRequest(HELLO), {"model": "m", name: "x"}, Ways())
    assert lesson is not None
    assert lesson.ways.without == (name,)
