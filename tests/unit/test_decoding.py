"""Any JSON in any field: nothing that came before is lost, and nothing is asked twice."""

import asyncio
import json
import os
import random

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Interrupted, ModelError, Overloaded, Refused
from core.models import anthropic, completions, qianfan, responses
from core.models.chunks import (
    Cited,
    Finished,
    ReasoningDelta,
    Source,
    SpentBefore,
    TextDelta,
    Usage,
)
from core.models.client import ChatClient
from core.models.endings import ending_of
from core.models.providers import Deadlines, Endpoint, provider_at
from core.models.request import ChatMessage, ChatRequest
from tests.servers import model as models
from tests.unit.test_providers import STREAMS

REQUEST = ChatRequest((ChatMessage("user", "hello"),))
READERS = (completions.Reader, anthropic.Reader, responses.Reader, qianfan.Reader)


def text_of(deltas, kind=TextDelta):
    return "".join(delta.text for delta in deltas if isinstance(delta, kind))


def read(*payloads, reader=completions.Reader, run=()):
    """The deltas of *payloads*, and of *run* at once, and the error that ended them."""
    one, some = reader(), []
    for payload in payloads:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        try:
            one.read(data, some)
        except ModelError as error:
            return some, error
    if run and not one.read_run(run, some):
        for data in run:
            try:
                one.read(data, some)
            except ModelError as error:
                return some, error
    return some, None


def says(content, **more):
    return {"choices": [{"index": 0, "delta": {"content": content}, **more}]}


@pytest.fixture
async def client(model, monkeypatch):
    monkeypatch.setattr("core.models.retrying.FIRST_WAIT_S", 0.01)
    async with aiohttp.ClientSession() as session:
        deadlines = Deadlines(first=1, silence=0.5, whole=10)
        yield ChatClient(session, Endpoint(model.url, "", "m", deadlines=deadlines))


async def collect(client):
    async with client.stream(REQUEST) as deltas:
        return [delta async for delta in deltas]


# --- Fields --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (5, "5"),
        (5.5, "5.5"),
        (True, "true"),
        (None, ""),
        ({}, ""),
        ({"type": "text", "text": "a"}, "a"),
        ({"text": {"value": "a"}}, "a"),
        (["a", {"text": "b"}, 3, None, {"type": "image"}], "ab3"),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": None}], "a"),
    ],
)
def test_content_of_any_kind_is_read_as_what_was_meant(content, text):
    deltas, error = read(says("before "), says(content), says(" after"))
    assert error is None
    assert text_of(deltas) == f"before {text} after"


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ((r"\ud83c", r"\udf89"), "🎉"),
        ((r"a\ud83c", r"\udf89b"), "a🎉b"),
        ((r"\ud83c", "x"), "\N{REPLACEMENT CHARACTER}x"),
        ((r"\udf89", "x"), "\N{REPLACEMENT CHARACTER}x"),
        ((r"a\ud83c", ""), "a\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_halves_of_a_character_are_joined_or_replaced(pieces, text):
    payloads = [f'{{"choices":[{{"delta":{{"content":"{one}"}}}}]}}'.encode() for one in pieces]
    deltas, error = read(*payloads, {"choices": [{"delta": {}, "finish_reason": "stop"}]})
    assert error is None
    assert text_of(deltas) == text
    text_of(deltas).encode()


SIDE = [
    "",
    None,
    -1,
    1.5,
    [],
    {},
    "x",
    {"prompt_tokens": "7", "completion_tokens": 3.0},
    {"prompt_tokens": -5, "completion_tokens": None, "prompt_tokens_details": "none"},
    {"prompt_tokens": 1e400},
]


@pytest.mark.parametrize("usage", SIDE, ids=repr)
def test_usage_of_any_kind_costs_no_text(usage):
    deltas, error = read(says("a") | {"usage": usage}, says("b"))
    assert error is None
    assert text_of(deltas) == "ab"
    told = [one for one in deltas if isinstance(one, Usage)]
    assert all(one.prompt_tokens >= 0 and one.completion_tokens >= 0 for one in told)


@pytest.mark.parametrize(
    ("field", "value", "thought"),
    [
        ("reasoning_content", "r", "r"),
        ("reasoning", {"text": "r"}, "r"),
        ("reasoning", {"content": "r"}, "r"),
        ("reasoning", ["r", {"summary": "s"}], "rs"),
        ("reasoning_details", [{"type": "reasoning.text", "text": "r"}], "r"),
        ("reasoning_details", [{"type": "reasoning.summary", "summary": "r"}], "r"),
        ("reasoning", 3, "3"),
        ("content", [{"type": "thinking", "thinking": [{"type": "text", "text": "r"}]}], "r"),
    ],
)
def test_thinking_of_any_kind_is_thinking(field, value, thought):
    deltas, error = read({"choices": [{"delta": {field: value}}]}, says("a"))
    assert error is None
    assert text_of(deltas, ReasoningDelta) == thought
    assert text_of(deltas) == "a"


@pytest.mark.parametrize(
    "choices",
    [
        {"index": 0, "delta": {"content": "a"}},
        {"0": {"index": 0, "delta": {"content": "a"}}},
        [{"index": 0, "delta": {"content": "a"}}, {"index": 1, "delta": {"content": "other"}}],
        [None, {"delta": {"content": "a"}}],
        [{"text": "a"}],
    ],
    ids=repr,
)
def test_choices_of_any_kind_give_one_answer(choices):
    deltas, error = read({"choices": choices}, says("b"), {"choices": None}, {"choices": 3})
    assert error is None
    assert text_of(deltas) == "ab"


def test_a_message_that_is_repeated_beside_what_is_new_is_told_once():
    """docs.perplexity.ai: each chunk has a delta, and the message so far."""
    pieces = ["So ", "it ", "is."]
    chunks = [
        {"choices": [{"delta": {"content": one}, "message": {"content": "".join(pieces[: n + 1])}}]}
        for n, one in enumerate(pieces)
    ]
    deltas, _ = read(*chunks, {"choices": [{"delta": {}, "message": {"content": "So it is."}}]})
    assert text_of(deltas) == "So it is."


def test_of_many_answers_the_first_is_told():
    other = {"choices": [{"index": 1, "delta": {"content": "other"}}]}
    deltas, _ = read(says("a"), other, says("b"), other)
    assert text_of(deltas) == "ab"


def test_a_refusal_in_words_is_the_answer():
    said = {"choices": [{"delta": {"refusal": "I cannot help"}, "finish_reason": None}]}
    deltas, _ = read(said, {"choices": [{"delta": {}, "finish_reason": "stop"}]})
    assert text_of(deltas) == "I cannot help"


@pytest.mark.parametrize("error", [None, "", 0, False, [], {}, {"message": None, "code": None}])
def test_an_error_with_nothing_in_it_is_none(error):
    deltas, failed = read(says("a") | {"error": error}, says("b"))
    assert failed is None
    assert text_of(deltas) == "ab"


def test_what_is_said_beside_an_error_is_said():
    deltas, error = read(says("half") | {"error": {"message": "gone", "code": 502}})
    assert text_of(deltas) == "half"
    assert isinstance(error, Overloaded)


# --- Endings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "ending"),
    [
        ("stop", "stop"),
        ("STOP", "stop"),
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("a word of somebody's own", "stop"),
        ("length", "length"),
        ("max_tokens", "length"),
        ("MAX_TOKENS", "length"),
        ("model_length", "length"),
        ("model_context_window_exceeded", "length"),
        ("content_filter", "filter"),
        ("refusal", "filter"),
        ("SAFETY", "filter"),
        ("sensitive", "filter"),
        ("tool_calls", "tools"),
        ("tool-calls", "tools"),
        ("function_call", "tools"),
        ("tool_use", "tools"),
        ("pause_turn", "pause"),
        ("error", "broken"),
        ("network_error", "broken"),
        ("insufficient_system_resource", "broken"),
    ],
)
def test_why_an_answer_ended_is_one_of_few_words(word, ending):
    assert ending_of(word) == ending


@pytest.mark.parametrize("word", ["error", "network_error", "insufficient_system_resource"])
def test_an_end_that_is_an_error_is_one(word):
    deltas, error = read(says("half"), {"choices": [{"delta": {}, "finish_reason": word}]})
    assert text_of(deltas) == "half"
    assert isinstance(error, Interrupted)


# --- Usage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        # docs.x.ai: reasoning stands apart from what is written
        (
            {
                "prompt_tokens": 32,
                "completion_tokens": 9,
                "total_tokens": 135,
                "completion_tokens_details": {"reasoning_tokens": 94},
            },
            Usage(32, 103),
        ),
        # api-docs.deepseek.com
        (
            {"prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36, "completion_tokens": 5},
            Usage(100, 5, 64),
        ),
        # openrouter.ai/docs/use-cases/usage-accounting
        (
            {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "cost": 0.0125},
            Usage(10, 5, billed_usd=0.0125),
        ),
        # docs.perplexity.ai
        (
            {"prompt_tokens": 10, "completion_tokens": 5, "cost": {"total_cost": 0.006}},
            Usage(10, 5, billed_usd=0.006),
        ),
    ],
)
def test_what_a_call_cost_is_what_its_provider_bills(usage, told):
    deltas, _ = read({"choices": [], "usage": usage})
    assert deltas == [told]


def test_groq_and_moonshot_tell_it_elsewhere():
    usage = {"prompt_tokens": 9, "completion_tokens": 3}
    for payload in ({"choices": [], "x_groq": {"usage": usage}}, says("a", usage=usage)):
        deltas, _ = read(payload)
        assert [one for one in deltas if isinstance(one, Usage)] == [Usage(9, 3)]


def test_what_was_counted_once_is_not_taken_back():
    deltas, _ = read(
        says("a") | {"usage": {"prompt_tokens": 9, "completion_tokens": 1}},
        says("b") | {"usage": {"prompt_tokens": 9, "completion_tokens": 7}},
        {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 0}},
    )
    assert [one for one in deltas if isinstance(one, Usage)][-1] == Usage(9, 7)


def test_anthropic_counts_caches_and_tells_totals_at_the_end():
    # docs.anthropic.com/en/docs/build-with-claude/prompt-caching, streaming
    start = {"input_tokens": 5, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 50}
    deltas, _ = read(
        {"type": "message_start", "message": {"usage": start | {"output_tokens": 1}}},
        {"type": "message_delta", "delta": {}, "usage": start | {"output_tokens": 30}},
        {"type": "message_delta", "delta": {}, "usage": {"input_tokens": 900, "output_tokens": 30}},
        reader=anthropic.Reader,
    )
    told = [one for one in deltas if isinstance(one, Usage)][-1]
    assert told == Usage(900, 30, 50, 100)
    assert Usage(155, 30, 50, 100).cost_usd((1, 0.1, 5)) == pytest.approx(
        (5 * 1 + 100 * 1.25 + 50 * 0.1 + 30 * 5) / 1e6
    )


# --- Sources -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "payload",
    [
        {"citations": ["https://a.example"], "choices": []},
        {"search_results": [{"title": "A", "url": "https://a.example"}], "choices": []},
        {
            "choices": [
                {
                    "delta": {
                        "content": "",
                        "annotations": [
                            {
                                "type": "url_citation",
                                "url_citation": {"url": "https://a.example", "title": "A"},
                            }
                        ],
                    }
                }
            ]
        },
        {
            "choices": [
                {
                    "delta": {},
                    "grounding_metadata": {
                        "grounding_chunks": [{"web": {"uri": "https://a.example", "title": "A"}}]
                    },
                }
            ]
        },
    ],
)
def test_the_pages_that_an_answer_names_are_told(payload):
    deltas, _ = read(payload)
    (cited,) = [one for one in deltas if isinstance(one, Cited)]
    assert cited.sources[0].url == "https://a.example"


def test_anthropics_citations_are_told():
    citation = {"type": "web_search_result_location", "url": "https://a.example", "title": "A"}
    deltas, _ = read(
        {"type": "content_block_delta", "delta": {"type": "citations_delta", "citation": citation}},
        reader=anthropic.Reader,
    )
    assert deltas == [Cited((Source("https://a.example", "A"),))]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", 3, None, "x y"])
def test_what_is_no_page_is_no_source(url):
    deltas, _ = read({"search_results": [{"title": "A", "url": url}], "choices": []})
    assert deltas == []


# --- Whole streams -------------------------------------------------------------------------------

WHOLE = json.dumps(
    {"choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}]}
).encode()
EVENTS = b'data: {"choices":[{"delta":{"content":"whole"}}]}\n\ndata: [DONE]\n\n'
LINES = (
    b'{"model":"m","message":{"role":"assistant","content":"who"},"done":false}\n'
    b'{"model":"m","message":{"content":"le"},"done":false}\n'
    b'{"model":"m","message":{"content":""},"done":true,"done_reason":"stop","eval_count":3}\n'
)


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "text/event-stream", "a/b"])
@pytest.mark.parametrize(
    "data",
    [
        WHOLE,
        b"\n\n" + json.dumps(json.loads(WHOLE), indent=2).encode(),
        b"\xef\xbb\xbf" + EVENTS,
        b": hm\n\n" + EVENTS,
        LINES,
    ],
)
async def test_the_first_byte_says_what_it_is_whatever_it_is_called(client, model, kind, data):
    model.faults.append(models.raw(data, kind))
    deltas = await collect(client)
    assert text_of(deltas) == "whole"
    assert deltas[-1] == Finished("stop") or isinstance(deltas[-1], Usage)
    assert len(model.requests) == 1


async def test_what_was_good_before_an_error_in_the_same_read_is_told(client, model):
    data = json.dumps(says("half an answer")).encode()
    bad = json.dumps({"error": {"message": "gone", "code": 500}}).encode()
    model.faults.append(models.raw(b"data: " + data + b"\n\ndata: " + bad + b"\n\n"))
    said = ""
    try:
        async with client.stream(REQUEST) as deltas:
            async for delta in deltas:
                said += delta.text
    except Overloaded as error:
        said += f" ({error})"
    assert said == "half an answer (gone (500))"
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    "behind",
    [b"data: nonsense\n\n", b'data: {"error":{"message":"late"}}\n\n', b'data: {"choices":'],
)
async def test_what_comes_behind_the_end_harms_nothing(client, model, behind):
    end = json.dumps({"choices": [{"delta": {}, "finish_reason": "stop"}]}).encode()
    data = b"data: " + json.dumps(says("all")).encode() + b"\n\ndata: " + end + b"\n\n" + behind
    model.faults.append(models.raw(data))
    assert text_of(await collect(client)) == "all"
    assert len(model.requests) == 1


async def test_a_line_that_stays_open_behind_the_end_is_not_waited_for(client, model):
    async def open_ended(request):
        response = models.web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await model.send(response, says("all"))
        await model.send(response, {"choices": [{"delta": {}, "finish_reason": "stop"}]})
        await asyncio.sleep(5)
        return response

    model.faults.append(open_ended)
    async with asyncio.timeout(4):
        assert text_of(await collect(client)) == "all"


@pytest.mark.parametrize("url", STREAMS)
@pytest.mark.parametrize("seed", [0, 1, None], ids=["random", "random again", "byte by byte"])
async def test_a_recorded_stream_may_be_cut_anywhere(model, url, seed):
    data, cuts = STREAMS[url], random.Random(seed)

    async def cut(request):
        response = models.web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        at = 0
        while at < len(data):
            size = 1 if seed is None else cuts.randint(1, 60)
            await response.write(data[at : at + size])
            at += size
            await asyncio.sleep(0)
        return response

    model.faults.append(cut)
    async with aiohttp.ClientSession() as session:
        client = ChatClient(session, Endpoint(model.url, "", "m", provider_at(url)))
        deltas = await collect(client)
    assert text_of(deltas) == "Hello"
    assert Finished("stop") in deltas


def pretty(*texts):
    return b"\n".join(json.dumps(one, indent=2).encode() for one in texts)


COST = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5}}
END = {"choices": [{"delta": {}, "finish_reason": "stop"}]}


@pytest.mark.parametrize(
    "data",
    [
        pretty(json.loads(WHOLE), COST),
        WHOLE + json.dumps(COST).encode(),
        WHOLE + b"\x1e" + json.dumps(COST).encode(),
        pretty([json.loads(WHOLE), COST]),
        # One event whose servers forgot the empty line between two.
        b"data: " + WHOLE + b"\ndata: " + json.dumps(COST).encode() + b"\n\n",
        b"data: " + WHOLE + json.dumps(COST).encode() + b"\n\n",
        pretty(says("who"), says("le"), END, COST),
        b"data: " + b",".join(json.dumps(one).encode() for one in (says("whole"), END, COST)),
    ],
)
async def test_several_texts_in_one_body_are_all_read(client, model, data):
    model.faults.append(models.raw(data))
    deltas = await collect(client)
    assert text_of(deltas) == "whole"
    assert [one for one in deltas if isinstance(one, Usage)] == [Usage(3, 5)]
    assert Finished("stop") in deltas
    assert len(model.requests) == 1


async def test_several_texts_without_an_end_are_a_broken_answer(client, model):
    model.faults.append(models.raw(pretty(says("half an"), says(" answer"))))
    with pytest.raises(Interrupted):
        await collect(client)


def test_what_is_whole_of_a_text_is_read_though_the_next_is_cut():
    deltas, _ = read(json.dumps(says("good")).encode() + b'{"choices":[{"delta"')
    assert text_of(deltas) == "good"


def test_a_text_with_a_bare_tab_or_line_end_in_it_is_read():
    deltas, _ = read(b'{"choices":[{"delta":{"content":"a\tb\nc"}}]}')
    assert text_of(deltas) == "a\tb\nc"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"the engine has died", "the engine has died"),
        (b'"the engine has died"', "the engine has died"),
        (b'{"message": "the engine has died"}', "the engine has died"),
        (b'{"detail": "the engine has died"}', "the engine has died"),
        (b'["the engine has died"]', "no reason given"),
        (b"<html>502</html>", "no reason given"),
        (b"{}", "no reason given"),
        (b"", "no reason given"),
        (b"null", "no reason given"),
        (b"500", "no reason given"),
    ],
)
@pytest.mark.parametrize("end", [b"\n\n", b""])
async def test_an_event_that_is_called_an_error_is_one(client, model, data, reason, end):
    said = b"data: " + json.dumps(says("half")).encode() + b"\n\n"
    model.faults.append(models.raw(said + b"event: error\ndata: " + data + end))
    heard, error = "", None
    try:
        async with client.stream(REQUEST) as deltas:
            async for delta in deltas:
                heard += delta.text
    except (Overloaded, Interrupted) as failed:
        error = failed
    assert heard == "half"
    assert error is not None
    assert end == b"" or reason in str(error)


async def test_an_error_by_name_before_the_first_word_is_asked_again_or_told(client, model):
    model.faults.append(models.raw(b"event: error\ndata: overloaded, try later\n\n"))
    model.answer = lambda messages: "fine"
    assert text_of(await collect(client)) == "fine"
    model.faults.append(models.raw(b"event: error\ndata: Incorrect API key provided\n\n"))
    with pytest.raises(Refused) as error:
        await collect(client)
    assert error.value.reason == "key"
    assert len(model.requests) == 3


@pytest.mark.parametrize(
    "nothing", [None, "", "null", "None", "nil", "false", "0", 0, False, [], {}]
)
@pytest.mark.parametrize("name", ["error", "errors"])
def test_an_error_that_says_nothing_is_none(name, nothing):
    deltas, error = read(says("good") | {name: nothing}, says(" still"))
    assert error is None
    assert text_of(deltas) == "good still"


@pytest.mark.parametrize(
    ("url", "half", "end"),
    [
        ("http://any", says("ok \ud83c"), b"data: [DONE]\n\n"),
        ("http://any", says("ok \ud83c"), b"data: [DONE]"),
        ("http://any", says("ok \ud83c"), b"data: " + json.dumps(END).encode() + b"\n\n"),
        ("https://api.anthropic.com/v1", {"delta": {"text": "ok \ud83c"}}, b"data: [DONE]\n\n"),
    ],
)
async def test_half_a_character_before_the_end_is_replaced(model, url, half, end):
    route = "http://any" if url == "http://any" else url
    data = b"data: " + json.dumps(half).encode() + b"\n\n" + end
    model.faults.append(models.raw(data))
    async with aiohttp.ClientSession() as session:
        endpoint = Endpoint(model.url, "sk", "m", provider_at(route))
        deltas = await collect(ChatClient(session, endpoint))
    assert text_of(deltas) == "ok \N{REPLACEMENT CHARACTER}"


# --- The end, however it is written ---------------------------------------------------------------


@pytest.mark.parametrize(
    "last",
    [
        b"data: [DONE]\n\n",
        b"data:[DONE]",
        b"data: [done]\n\n",
        b'data: "[DONE]"\n\n',
        b'data: "[DONE]"',
        b"event: done\ndata: {}\n\n",
        b"event: end\ndata: null\n\n",
        b'event: complete\ndata: {"usage": {"prompt_tokens": 3}}\n\n',
    ],
)
async def test_an_end_is_one_however_it_is_written(last, client, model):
    model.faults.append(models.raw(b"data: " + json.dumps(says("whole")).encode() + b"\n\n" + last))
    deltas = await collect(client)
    assert text_of(deltas) == "whole"
    assert deltas[-1] == Finished("stop")
    assert len(model.requests) == 1


def test_a_message_that_stops_has_ended_though_nobody_says_why():
    stop = {"type": "message_stop"}
    deltas, error = read({"delta": {"text": "a"}}, stop, reader=anthropic.Reader)
    assert error is None
    assert deltas[-1] == Finished("stop")


# --- Errors that are told with a good status, in wrappers of their own ----------------------------


@pytest.mark.parametrize("form", ["one text", "an event"])
@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"code": 401, "msg": "no"}, "key"),
        ({"detail": "Not authenticated"}, "key"),
        ({"message": "Missing Authentication Token"}, "key"),
        ({"Message": "User is not authorized to do this"}, "key"),
        ({"__type": "AccessDeniedException", "message": "no"}, "key"),
        ({"fault": {"faultstring": "Invalid ApiKey", "detail": {"errorcode": "x"}}}, "key"),
        (
            {"Response": {"Error": {"Code": "AuthFailure.InvalidSecretId", "Message": "no"}}},
            "key",
        ),
        ({"success": False, "message": "Insufficient balance", "code": -1}, "balance"),
        ({"success": False, "message": "当前分组下对于模型无可用渠道"}, "model"),
        ({"errorCode": "ModelNotFound", "errorMessage": "no"}, "model"),
        ({"header": {"code": 10013, "message": "input content audit fail"}}, "policy"),
        ({"type": "about:blank", "title": "Prompt is too long", "status": 400}, "length"),
    ],
)
async def test_an_error_that_no_field_names_is_still_one(told, reason, form, client, model):
    data = json.dumps(told).encode()
    model.faults.append(models.raw(data if form == "one text" else b"data: " + data + b"\n\n"))
    with pytest.raises(Refused) as error:
        await collect(client)
    assert error.value.reason == reason
    assert len(model.requests) == 1


async def test_words_beside_an_answer_are_no_error(client, model):
    odd = [{"message": "invalid api key"}, {"detail": "x", "title": "y"}, {"msg": "balance"}]
    sent = [*odd, says("good"), *odd, END]
    model.faults.append(
        models.raw(b"".join(b"data: %b\n\n" % json.dumps(o).encode() for o in sent))
    )
    assert text_of(await collect(client)) == "good"


@pytest.mark.parametrize("name", ["data", "result", "output", "response"])
def test_chunks_that_a_gateway_wraps_are_read(name):
    deltas, error = read(*({"code": 0, "message": "ok", name: one} for one in (says("a"), END)))
    assert error is None
    assert text_of(deltas) == "a"
    assert deltas[-1] == Finished("stop")


# --- What it cost, whatever became of it ---------------------------------------------------------

EARLY = b"data: " + json.dumps(COST).encode() + b"\n\n"


async def test_what_a_call_cost_before_it_failed_is_counted_with_the_next(client, model):
    bad = b'data: {"error":{"message":"gone","code":500}}\n\n'
    model.faults.append(models.raw(EARLY + bad))
    deltas = await collect(client)
    told = [one for one in deltas if isinstance(one, Usage | SpentBefore)]
    assert told == [SpentBefore(Usage(3, 5)), Usage(11, 7)]


@pytest.mark.parametrize("behind", [b'data: {"error":{"message":"no","code":402}}\n\n', b""])
async def test_what_a_call_cost_is_told_by_its_error(client, model, behind):
    model.faults += [models.raw(EARLY + behind)] * 4
    with pytest.raises(ModelError) as error:
        await collect(client)
    calls = len(model.requests)
    assert Usage.of(error.value) == Usage(3 * calls, 5 * calls)
    assert calls == (1 if behind else 4)


@pytest.mark.parametrize(
    ("usage", "written"),
    [
        ({"completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 90}}, 95),
        ({"completion_tokens": 5, "reasoning_tokens": 90}, 95),
        ({"output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 90}}, 95),
        ({"completion_tokens": 95, "completion_tokens_details": {"reasoning_tokens": 90}}, 95),
        ({"completion_tokens": 0, "completion_tokens_details": {"reasoning_tokens": 90}}, 90),
        (
            {
                "prompt_tokens": 7,
                "completion_tokens": 5,
                "total_tokens": 12,
                "completion_tokens_details": {"reasoning_tokens": 90},
            },
            95,
        ),
        (
            {
                "prompt_tokens": 7,
                "completion_tokens": 5,
                "total_tokens": 102,
                "completion_tokens_details": {"reasoning_tokens": 90},
            },
            95,
        ),
    ],
)
def test_thinking_that_is_counted_apart_is_counted(usage, written):
    deltas, _ = read({"choices": [], "usage": usage})
    assert deltas[-1].completion_tokens == written


def test_a_cost_that_is_told_again_and_again_is_counted_once():
    deltas, _ = read(*[says("x") | {"usage": COST["usage"]}] * 5)
    assert [one for one in deltas if isinstance(one, Usage)] == [Usage(3, 5)]


# --- Any JSON in any field -----------------------------------------------------------------------

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["stop", "length", "error", "\ud83c", "\udf89", "text", "0"])
)
NAMES = (
    *("choices", "delta", "message", "content", "text", "index", "finish_reason", "usage", "role"),
    *("error", "error_code", "code", "type", "param", "reasoning", "reasoning_content", "done"),
    *("reasoning_details", "refusal", "tool_calls", "annotations", "citations", "search_results"),
    *(
        "prompt_tokens",
        "completion_tokens",
        "prompt_tokens_details",
        "cost",
        "x_groq",
        "eval_count",
    ),
    *("content_block", "stop_reason", "thinking", "citation", "result", "is_end", "url", "status"),
    *("response", "output", "summary", "annotation", "incomplete_details", "object"),
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)
    ),
    max_leaves=16,
)


@st.composite
def mutated(draw):
    """A chunk as they are, of which one field is anything."""
    chunk = says("x") | {
        "id": "1",
        "usage": {"prompt_tokens": 1, "prompt_tokens_details": {}},
        "error": None,
        "citations": ["https://a.example"],
    }
    holder = chunk
    while True:
        key = draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else [0]))
        inner = holder[key]
        if isinstance(inner, dict | list) and inner and draw(st.booleans()):
            holder = inner
            continue
        holder[key] = draw(anything)
        return chunk


MANY = int(os.environ.get("FUZZ_EXAMPLES", "300"))


@settings(max_examples=MANY, deadline=None)
@given(
    st.sampled_from(READERS),
    (anything | mutated()).map(lambda one: json.dumps(one).encode()) | st.binary(max_size=60),
)
def test_no_payload_loses_what_came_before_or_behind_it(reader, payload):
    """Only what says itself that it is an error or an end, is one."""
    good = {
        completions.Reader: says("good"),
        anthropic.Reader: {"type": "content_block_delta", "delta": {"text": "good"}},
        responses.Reader: {"type": "response.output_text.delta", "delta": "good"},
        qianfan.Reader: {"result": "good"},
    }[reader]
    deltas, error = read(good, payload, good, reader=reader)
    said = text_of(deltas)
    said.encode()
    assert said.startswith("good")
    if error is None:
        assert said.endswith("good")
    else:
        assert isinstance(error, Interrupted | Overloaded | Refused)
        assert b"error" in payload or b"code" in payload or b"status" in payload


@settings(max_examples=MANY, deadline=None)
@given(st.lists(st.just(says("more")) | mutated() | anything, min_size=2, max_size=6))
def test_many_payloads_at_once_say_what_each_of_them_says(payloads):
    """Also where they only make sense together, or each alone."""
    sent = [json.dumps(one).encode() for one in (says("good"), *payloads)]
    (single, error), (at_once, other) = read(*sent), read(*sent[:1], run=sent[1:])
    assert text_of(at_once) == text_of(single)
    rest = [one for one in single if not isinstance(one, TextDelta)]
    assert [one for one in at_once if not isinstance(one, TextDelta)] == rest
    assert str(other) == str(error)


@pytest.mark.parametrize(
    "halves",
    [
        (b'{"choices":[{"delta":{"content":"a"}}]', b'"usage":null}'),
        (b'{"choices":[{"delta":{"content":"a', b'b"}}]}'),
        (json.dumps(says("a")).encode() + b"], [{}", json.dumps(says("b")).encode()),
    ],
)
def test_what_makes_sense_only_together_is_not_read_as_one(halves):
    deltas, _ = read(says("good"), run=[*halves, json.dumps(says("c")).encode()])
    single, _ = read(says("good"), *halves, says("c"))
    assert text_of(deltas) == text_of(single)


frames = st.sampled_from(
    [b"data: ", b"data:", b"event: error\ndata: ", b"event: x\ndata: ", b"id: 1\ndata: "]
)
gaps = st.sampled_from([b"\n\n", b"\n\n", b"\r\n\r\n", b"\ndata: ", b"", b"\n: hm\n\n"])


@settings(max_examples=MANY // 3, deadline=None)
@given(
    st.lists(st.tuples(frames, mutated() | anything, gaps), max_size=5),
    st.integers(1, 40),
    st.sampled_from([b"\n\n", b"\n\ndata: [DONE]\n\n", b""]),
)
def test_a_stream_of_any_payloads_is_asked_once_when_it_said_something(chunks, size, end):
    """Whatever its events are called, and however many payloads are in one."""
    sent = [(b"data: ", says("good"), b"\n\n"), *chunks]
    data = b"".join(frame + json.dumps(one).encode() + gap for frame, one, gap in sent)
    data += b"\n\ndata: " + json.dumps(END).encode() + end
    said, calls = asyncio.run(_asked(data, size))
    assert said.startswith("good")
    assert calls == 1


async def _asked(data, size):
    """What the client says of *data*, cut to pieces of *size*, without any network."""
    calls = 0

    class Content:
        def __init__(self):
            self.at = 0

        async def read(self, _):
            piece, self.at = data[self.at : self.at + size], self.at + size
            return piece

    class Response:
        status = 200
        content_type = "text/event-stream"

        def __init__(self):
            self.content = Content()

        def close(self):
            pass

        async def __aenter__(self):
            nonlocal calls
            calls += 1
            return self

        async def __aexit__(self, *_):
            pass

    class Session:
        async def post(self, *_, **__):
            return Response()

    said = ""
    client = ChatClient(Session(), Endpoint("http://any", "", "m"))
    try:
        async with client.stream(REQUEST) as deltas:
            async for delta in deltas:
                if isinstance(delta, TextDelta):
                    said += delta.text
    except ModelError:
        pass
    return said, calls


@pytest.mark.parametrize(
    ("word", "ending"),
    [
        ("FinishReason.MAX_TOKENS", "length"),
        ("finish_reason_max_tokens", "length"),
        ("FINISH_REASON_SAFETY", "filter"),
        ("length_limit", "length"),
        ("time_limit", "length"),
        ("MALFORMED_RESPONSE", "broken"),
        ("PROHIBITED_SOMETHING", "filter"),
        ("upstream_timeout", "broken"),
        ("stop_token", "stop"),
        ("eos_token", "stop"),
        ("STOP", "stop"),
        ("vendor word", "stop"),
    ],
)
def test_a_word_of_a_known_family_is_known(word, ending):
    assert ending_of(word) == ending


@pytest.mark.parametrize(("said", "ending"), [({}, "tools"), ({"content": "text"}, "stop")])
def test_calls_alone_are_calls_whatever_the_end_is_called(said, ending):
    call = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{}"}}
    delta = {"tool_calls": [call], **said}
    chunk = {"choices": [{"index": 0, "delta": delta, "finish_reason": "stop"}]}
    some = []
    completions.Reader().read(json.dumps(chunk).encode(), some)
    assert some[-1] == Finished(ending)
