"""Tool calls in every shape: read from recorded streams, and sent back as each provider wants."""

import json

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Interrupted, Refused
from core.models import anthropic, completions, openai, responses
from core.models.assembling import Assembler
from core.models.chunks import Finished, ReasoningDelta, TextDelta
from core.models.client import ChatClient
from core.models.context_window import LEFT_OUT, tokens_of, trimmed
from core.models.fitting import fitted
from core.models.learned import Lessons
from core.models.providers import Endpoint, provider_at
from core.models.request import ChatMessage, ChatRequest
from core.models.shapes import SHAPES
from core.models.text_calls import CallSplitter
from core.models.tool_calls import (
    Calls,
    Output,
    Round,
    ToolCall,
    ToolOffer,
    read_arguments,
    told_apart,
)
from core.models.ways import Ways
from tests.servers import model as models
from tests.servers import tool_streams

CLOCK = ToolOffer("time", "Tells the time.", {"type": "object", "properties": {}})
ASKED = (ChatMessage("system", "Be kind."), ChatMessage("user", "what time is it?"))
CALL = ToolCall("call_1", "time", '{"zone": "UTC"}')
OFFERED = ChatRequest(ASKED, tools=(CLOCK,))
ROUND = Round((CALL,), (Output("12:00"),), "Let me look.")


def read(reader, events, by="us"):
    reader.by, some = by, []
    for event in events:
        reader.read(json.dumps(event).encode(), some)
    reader.rest(some)
    return some


def called(some):
    found = [one for one in some if isinstance(one, Calls)]
    assert found, some
    return found[-1]


def meant(some):
    return [(call.name, read_arguments(call.arguments)) for call in called(some).calls]


def text_of(some):
    return "".join(one.text for one in some if isinstance(one, TextDelta))


def body(request, url="https://any.example/v1", ways=Ways(), model="m"):
    endpoint = Endpoint(url, "sk", model, provider_at(url))
    shape = SHAPES[endpoint.provider.shape]
    return shape.body(endpoint, fitted(request, ways, shape, "us"), ways)


# --- What comes ------------------------------------------------------------------------------


@pytest.mark.parametrize("who", tool_streams.CHAT)
def test_the_calls_of_each_provider_are_read_whole(who):
    events, calls = tool_streams.CHAT[who]
    some = read(completions.Reader(), events)
    assert meant(some) == calls
    ids = [call.id for call in called(some).calls]
    assert len(set(ids)) == len(ids)
    assert all(ids)


@pytest.mark.parametrize("who", tool_streams.CHAT)
def test_calls_stand_before_the_end_so_that_nobody_waits_for_more(who):
    some = read(completions.Reader(), tool_streams.CHAT[who][0])
    at = next(n for n, one in enumerate(some) if isinstance(one, Calls))
    assert at < next(n for n, one in enumerate(some) if isinstance(one, Finished))


@pytest.mark.parametrize("who", tool_streams.TEXT)
def test_calls_that_a_server_left_in_the_text_are_read_however_it_is_cut(who):
    text, calls = tool_streams.TEXT[who]
    for size in (1, 3, 7, len(text)):
        splitter = CallSplitter({"time", "calculate"})
        said = f"Let me see <b>.\n\n{text}"
        shown = [splitter.take(said[at : at + size]) for at in range(0, len(said), size)]
        assert "".join(shown) == "Let me see <b>.\n\n"
        assert [(one.name, read_arguments(one.arguments)) for one in splitter.calls()] == calls


@pytest.mark.parametrize(
    "text",
    [
        '<tool_call>{"name": "delete_all", "arguments": {}}</tool_call>',
        '<tool_call>{"name": "time", "arguments": {}}</tool_call> is how it is written.',
        "<tool_call> is a mark of Qwen.",
        '`<tool_call>{"name": "time", "arguments": {}}</tool_call>',
        '```\n<tool_call>{"name": "time", "arguments": {}}</tool_call>',
        '<tool_call>{"name": "time", "arguments": {"zo',
        "<function=time>",
        "a < b and [1, 2] | <function",
        "[TOOL_CALLS]" * 50,
        "<tool_call>" + "time " * 200,
    ],
)
def test_text_that_only_looks_like_calls_is_text(text):
    splitter = CallSplitter({"time"})
    shown = "".join(splitter.take(one) for one in text)
    assert not splitter.calls()
    assert shown + splitter.held == text


@given(st.text(alphabet='<>[]{}|`"/=,: \ntime｜▁') | st.text())
def test_no_text_is_lost_to_the_search_for_calls(text):
    splitter = CallSplitter({"time"})
    shown = "".join(splitter.take(one) for one in text)
    assert shown + splitter.held == text


def test_text_and_thinking_beside_calls_are_kept_in_the_fast_way_too():
    """Text in the event of a call is not read by the fast decoder, which would lose the call."""
    some = read(completions.Reader(), tool_streams.CHAT["deepseek"][0])
    assert text_of(some) == "Let me look. One moment."
    assert called(some).thought == ({"reasoning_content": "I need the time."},)
    assert called(some).by == "us"


def test_calls_within_one_network_read_are_not_lost():
    chunks = [
        {"choices": [{"index": 0, "delta": {"content": "Let "}}]},
        {"choices": [{"index": 0, "delta": {"content": "me", "tool_calls": [
            {"index": 0, "id": "c1", "function": {"name": "time", "arguments": "{}"}}
        ]}}]},
    ]  # fmt: skip
    reader, some = completions.Reader(), []
    reader.read(json.dumps(chunks[0]).encode(), some)
    payloads = [json.dumps(one).encode() for one in chunks]
    assert not reader.read_run(payloads, some)


def test_anthropics_blocks_are_kept_word_for_word_with_their_signature():
    some = read(anthropic.Reader(), tool_streams.ANTHROPIC)
    assert meant(some) == [tool_streams.TIME, tool_streams.SUM]
    assert text_of(some) == "I will look."
    assert called(some).thought == (
        {"type": "thinking", "thinking": "Let me see", "signature": "EqQB"},
        {"type": "redacted_thinking", "data": "EmwK"},
        {"type": "text", "text": "I will look."},
        {"type": "tool_use", "id": "toolu_1", "name": "time", "input": tool_streams.TIME[1]},
        {"type": "tool_use", "id": "toolu_2", "name": "calculate", "input": tool_streams.SUM[1]},
    )
    assert some[-1] == Finished("stop")


def test_blank_text_between_thinking_and_a_call_does_not_go_back_to_anthropic():
    """It answers `text content blocks must contain non-whitespace text`, whoever wrote it."""

    def blank(event):
        if event.get("delta", {}).get("type") != "text_delta":
            return event
        return {**event, "delta": {"type": "text_delta", "text": "\n\n"}}

    some = read(anthropic.Reader(), map(blank, tool_streams.ANTHROPIC))
    kinds = [one["type"] for one in called(some).thought]
    assert kinds == ["thinking", "redacted_thinking", "tool_use", "tool_use"]


def test_without_thinking_anthropics_blocks_can_be_built_again_and_are_not_kept():
    some = read(anthropic.Reader(), tool_streams.ANTHROPIC[8:])
    assert meant(some) == [tool_streams.TIME, tool_streams.SUM]
    assert called(some).thought == ()


def test_a_whole_answer_of_anthropic_holds_its_calls_too():
    block = {"type": "tool_use", "id": "toolu_1", "name": "time", "input": tool_streams.TIME[1]}
    whole = {"type": "message", "role": "assistant", "content": [block], "stop_reason": "tool_use"}
    assert meant(read(anthropic.Reader(), [whole])) == [tool_streams.TIME]


def test_the_items_of_responses_are_kept_without_the_ids_of_what_nobody_stored():
    some = read(responses.Reader(), tool_streams.RESPONSES)
    assert meant(some) == [tool_streams.TIME, tool_streams.SUM]
    assert [call.id for call in called(some).calls] == ["call_1", "call_2"]
    kinds = [one["type"] for one in called(some).thought]
    assert kinds == ["reasoning", "message", "function_call", "function_call"]
    assert called(some).thought[0]["encrypted_content"] == "gAAA"
    assert not any("id" in one for one in called(some).thought)


def test_arguments_that_were_cut_do_not_go_back_with_a_thought():
    thought = {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"}
    half = {"type": "function_call", "call_id": "c1", "name": "time", "arguments": '{"zone": "Eu'}
    output = {"object": "response", "status": "incomplete", "output": [thought, half]}
    *_, kept = called(read(responses.Reader(), [output])).thought
    assert kept["arguments"] == "{}"


def test_thinking_is_kept_only_if_tools_were_offered():
    """An answer without tools costs no memory for what nobody will send back."""
    for reader, events in (
        (completions.Reader(), tool_streams.CHAT["deepseek"][0]),
        (anthropic.Reader(), tool_streams.ANTHROPIC),
        (responses.Reader(), tool_streams.RESPONSES),
    ):
        assert called(read(reader, events, by="")).thought == ()


def test_the_details_of_openrouters_reasoning_are_joined_by_their_index():
    details = [
        {"type": "reasoning.text", "index": 0, "text": "Let "},
        {"type": "reasoning.text", "index": 0, "text": "me see", "signature": None},
        {"type": "reasoning.text", "index": 0, "text": "", "signature": "sig"},
        {"type": "reasoning.encrypted", "index": 1, "data": "AAA"},
    ]
    events = [tool_streams.delta(reasoning="x", reasoning_details=[one]) for one in details]
    call = tool_streams.delta(tool_streams.piece("time", "{}", index=0, id="c1"))
    some = read(completions.Reader(), [*events, call, tool_streams.END])
    (thought,) = called(some).thought
    assert thought["reasoning"] == "xxxx"
    assert thought["reasoning_details"] == [
        {"type": "reasoning.text", "index": 0, "text": "Let me see", "signature": "sig"},
        {"type": "reasoning.encrypted", "index": 1, "data": "AAA"},
    ]
    assert any(isinstance(one, ReasoningDelta) for one in some)


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("", {}),
        ("  ", {}),
        ("null", {}),
        ("[]", {}),
        ('""', {}),
        ('{"a": 1}', {"a": 1}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ('{"a": "one\ntwo"}', {"a": "one\ntwo"}),
        ('{"a": "\\ud83d"}', {"a": "\ufffd"}),
        ('{"a": 1', None),
        ("[1, 2]", None),
        ("3", None),
        ("print(1)", None),
        ('{"a": NaN}', None),
        ("[" * 100_000, None),
        ('{"a":' * 100_000, None),
    ],
)
def test_arguments_are_read_as_they_were_meant_or_not_at_all(said, meaning):
    assert read_arguments(said) == meaning


@given(st.lists(st.tuples(st.integers(0, 3), st.text('{}ab":,', max_size=6)), max_size=60))
def test_pieces_of_calls_are_joined_in_their_order_however_they_are_mixed(pieces):
    assembler, expected = Assembler(), {}
    for at, text in pieces:
        assembler.take(("at", at), f"id{at}" if at not in expected else "", "f", text)
        expected[at] = expected.get(at, "") + text
    made = {call.id: call.arguments for call in assembler.calls()}
    joined = "".join(made.values())
    assert len(joined) == sum(map(len, expected.values()))


def test_arguments_that_never_end_end_the_answer():
    assembler = Assembler()
    for _ in range(1_000):
        assembler.take(("at", 0), "c1", "f", "x" * 1_000)
    with pytest.raises(Refused, match="does not end"):
        assembler.take(("at", 0), "", "", "x")
    assert len(assembler.calls()[0].arguments) < 110_000


def test_a_flood_of_calls_is_cut():
    assembler = Assembler()
    for at in range(10_000):
        assembler.take(("at", at), f"c{at}", "f", "{}")
    assert len(assembler.calls()) == 32


# --- What is sent ----------------------------------------------------------------------------


def test_openai_gets_tools_calls_and_one_message_for_each_output():
    two = Round((CALL, ToolCall("call_2", "sum", "")), (Output("12:00"), Output("42")), "")
    sent = body(ChatRequest(ASKED, tools=(CLOCK,), rounds=(two,)))
    assert sent["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "time",
                "description": "Tells the time.",
                "parameters": CLOCK.schema,
            },
        }
    ]
    assert [one["role"] for one in sent["messages"]] == [
        *("system", "user", "assistant", "tool", "tool")
    ]
    said = sent["messages"][2]
    assert said["content"] is None
    assert [call["function"]["arguments"] for call in said["tool_calls"]] == [
        '{"zone":"UTC"}',
        "{}",
    ]
    assert [one["tool_call_id"] for one in sent["messages"][3:]] == ["call_1", "call_2"]
    assert "reasoning_content" not in said


def test_broken_arguments_are_never_sent_back_as_they_are():
    """Servers parse them, and would refuse the whole request."""
    broken = Round((ToolCall("c1", "time", '{"zone": "U'),), (Output("no JSON", is_error=True),))
    asked = ChatRequest(ASKED, tools=(CLOCK,), rounds=(broken,))
    assert body(asked)["messages"][2]["tool_calls"][0]["function"]["arguments"] == "{}"
    sent = body(asked, "https://api.anthropic.com/v1")
    assert sent["messages"][1]["content"][0]["input"] == {}
    assert sent["messages"][2]["content"][0]["is_error"] is True


@pytest.mark.parametrize(
    ("named", "sent"),
    [("functions.look", "look"), ("a tool?", "a_tool_"), ("x" * 99, "x" * 64), ("", "unknown")],
)
def test_a_name_that_providers_refuse_does_not_go_back(named, sent):
    """OpenAI wants `^[a-zA-Z0-9_-]+$`, and refuses the whole request for what its model wrote."""
    odd = Round((ToolCall("c1", named),), (Output("none of this name", is_error=True),))
    asked = ChatRequest(ASKED, tools=(CLOCK,), rounds=(odd,))
    said = body(asked)["messages"][2]["tool_calls"][0]
    assert said["function"]["name"] == sent


@pytest.mark.parametrize(
    ("url", "thought", "sent"),
    [
        # api-docs.deepseek.com/guides/thinking_mode: must come back with calls, even if empty
        ("https://api.deepseek.com", ({"reasoning_content": "hm"},), {"reasoning_content": "hm"}),
        ("https://api.deepseek.com", (), {"reasoning_content": ""}),
        # platform.moonshot.ai: an empty one counts as missing
        ("https://api.moonshot.ai/v1", (), {"reasoning_content": " "}),
        (
            "https://openrouter.ai/api/v1",
            ({"reasoning": "r", "reasoning_details": [{"data": "x"}]},),
            {"reasoning": "r", "reasoning_details": [{"data": "x"}]},
        ),
        # docs.mistral.ai: refused with 422
        ("https://api.mistral.ai/v1", ({"reasoning_content": "hm"},), {}),
        ("https://any.example/v1", ({"reasoning_content": "hm"},), {}),
    ],
)
def test_thinking_goes_back_where_it_must_and_not_where_it_must_not(url, thought, sent):
    one = Round((CALL,), (Output("12:00"),), "", thought, "us")
    said = body(ChatRequest(ASKED, tools=(CLOCK,), rounds=(one,)), url)["messages"][2]
    fields = ("reasoning_content", "reasoning", "reasoning_details")
    assert {name: said[name] for name in fields if name in said} == sent


def test_mistral_gets_ids_of_nine_letters_and_no_text_beside_calls():
    sent = body(ChatRequest(ASKED, rounds=(ROUND,)), "https://api.mistral.ai/v1")
    id_ = sent["messages"][2]["tool_calls"][0]["id"]
    assert len(id_) == 9
    assert id_.isalnum()
    assert sent["messages"][3]["tool_call_id"] == id_
    assert sent["messages"][2]["content"] is None


def test_gemini_gets_its_signature_back_and_a_stand_in_for_a_foreign_call():
    url = "https://generativelanguage.googleapis.com/v1beta/openai"
    signed = {"extra_content": {"google": {"thought_signature": "c2ln"}}}
    own = Round((ToolCall("c1", "time", "{}", signed),), (Output("12:00"),), by="us")
    said = body(ChatRequest(ASKED, rounds=(own,)), url)["messages"][2]
    assert said["tool_calls"][0]["extra_content"] == signed["extra_content"]
    other = Round((ToolCall("c1", "time", "{}", signed),), (Output("12:00"),), by="another key")
    said = body(ChatRequest(ASKED, rounds=(other,)), url)["messages"][2]
    stands_in = said["tool_calls"][0]["extra_content"]["google"]["thought_signature"]
    assert stands_in == "skip_thought_signature_validator"


def test_anthropic_gets_its_own_blocks_and_the_results_in_one_message():
    url = "https://api.anthropic.com/v1"
    calls = called(read(anthropic.Reader(), tool_streams.ANTHROPIC))
    own = Round(calls.calls, (Output("12:00"), Output("42")), "I will look.", calls.thought, "us")
    thinking = {"thinking_tokens": 2_000}
    sent = body(ChatRequest(ASKED, tools=(CLOCK,), rounds=(own,), options=thinking), url)
    assert [one["role"] for one in sent["messages"]] == ["user", "assistant", "user"]
    assert sent["messages"][1]["content"] == list(calls.thought)
    results = sent["messages"][2]["content"]
    assert [one["tool_use_id"] for one in results] == ["toolu_1", "toolu_2"]
    assert sent["thinking"]["type"] == "enabled"
    assert sent["tools"][0]["input_schema"] == CLOCK.schema


def test_thinking_is_off_where_a_foreign_round_could_not_be_signed():
    """With thinking on, Anthropic refuses a message with calls that does not begin with it."""
    asked = ChatRequest(ASKED, rounds=(ROUND,), options={"thinking_tokens": 2_000})
    sent = body(asked, "https://api.anthropic.com/v1")
    assert "thinking" not in sent
    assert [part["type"] for part in sent["messages"][1]["content"]] == ["text", "tool_use"]


def test_the_responses_api_gets_its_items_back_and_stores_nothing():
    url = "https://api.openai.com/v1/responses"
    calls = called(read(responses.Reader(), tool_streams.RESPONSES))
    own = Round(calls.calls, (Output("12:00"), Output("42")), "I will look.", calls.thought, "us")
    sent = body(ChatRequest(ASKED, tools=(CLOCK,), rounds=(own, ROUND)), url)
    kinds = [one.get("type", one.get("role")) for one in sent["input"]]
    assert kinds == [
        *("user", "reasoning", "message", "function_call", "function_call"),
        *("function_call_output", "function_call_output"),
        *("assistant", "function_call", "function_call_output"),
    ]
    assert sent["store"] is False
    assert sent["include"] == ["reasoning.encrypted_content"]
    assert sent["tools"][0]["name"] == "time"


def test_at_the_bound_no_tool_is_offered_and_what_was_called_stays_readable():
    closing = ChatRequest(ASKED, tools=(CLOCK,), rounds=(ROUND,), closing=True)
    assert "tools" not in body(closing)
    assert "tools" not in body(closing, "https://api.openai.com/v1/responses")
    # docs.anthropic.com: calls of before need the tools, so they may only not be chosen.
    sent = body(closing, "https://api.anthropic.com/v1")
    assert sent["tool_choice"] == {"type": "none"}
    assert sent["tools"]


def test_each_call_of_a_turn_has_an_id_of_its_own():
    again = told_apart([ROUND, ROUND])
    assert len({call.id for one in again for call in one.calls}) == 2


def test_a_shape_without_tools_is_told_in_words():
    sent = body(ChatRequest(ASKED, tools=(CLOCK,), rounds=(ROUND,)), "https://aip.baidubce.com")
    assert "tools" not in sent
    assert "12:00" in sent["messages"][-1]["content"]


def test_a_small_window_drops_old_outputs_before_the_newest():
    long = Round((CALL,), (Output("x" * 40_000),))
    asked = ChatRequest(ASKED, rounds=(long, long))
    assert tokens_of(asked) > 15_000
    short = trimmed(asked, 16_000)
    assert short.rounds[0].outputs[0].text == LEFT_OUT
    assert short.rounds[1] == long


# --- What is learned -------------------------------------------------------------------------


class Shelf:
    def __init__(self):
        self.kept = {}

    async def recall(self, key):
        return self.kept.get(key, "")

    async def keep(self, key, text, ttl_s):
        self.kept[key] = text


@pytest.fixture
async def make(model, monkeypatch):
    monkeypatch.setattr("core.models.retrying.FIRST_WAIT_S", 0.01)
    model.answer = lambda messages: "fine"
    shelf = Shelf()
    async with aiohttp.ClientSession() as session:

        def make(**more):
            endpoint = Endpoint(model.url, "sk", "m", provider_at("http://any"), **more)
            return ChatClient(session, endpoint, Lessons(shelf))

        yield make


async def collect(client, request):
    async with client.stream(request) as deltas:
        return [delta async for delta in deltas]


def refusing(code, said, when=lambda body: "tools" in body):
    return lambda body: (code, json.dumps(said).encode()) if when(body) else None


@pytest.mark.parametrize("who", tool_streams.TOOLLESS)
async def test_a_model_without_tools_is_asked_once_with_them_and_then_without(who, make, model):
    model.strict = refusing(*tool_streams.TOOLLESS[who])
    assert text_of(await collect(make(), OFFERED)) == "fine"
    assert len(model.requests) == 2
    another = make()
    assert text_of(await collect(another, OFFERED)) == "fine"
    assert len(model.requests) == 3
    assert another.ways("") == "no tools"


async def test_a_wrong_schema_costs_the_tools_of_this_question_only(make, model):
    said = {
        "error": {"message": "Invalid schema for function 'time': None is not of type 'object'"}
    }
    model.strict = refusing(400, said)
    client = make()
    assert text_of(await collect(client, OFFERED)) == "fine"
    model.strict = None
    await collect(client, OFFERED)
    assert "tools" in model.requests[-1]


async def test_a_call_that_came_out_wrong_is_answered_without_tools(make, model):
    # console.groq.com/docs/tool-use, "tool_use_failed"
    said = {
        "error": {
            "message": "Failed to call a function. Please adjust your prompt.",
            "type": "invalid_request_error",
            "code": "tool_use_failed",
            "failed_generation": "<function=time>",
        }
    }
    model.faults = [models.status(400, json.dumps(said))]
    client = make()
    assert text_of(await collect(client, OFFERED)) == "fine"
    await collect(client, OFFERED)
    assert "tools" in model.requests[-1]


@pytest.mark.parametrize("how", tool_streams.GROQ)
@pytest.mark.parametrize("late", [False, True])
async def test_what_the_server_could_not_read_of_an_answer_is_read_here(make, model, how, late):
    generated, meaning = tool_streams.GROQ[how]
    error = {"error": {"code": "tool_use_failed", "failed_generation": generated}}
    if late:
        events = [tool_streams.delta(content="Hm. "), error]
        lines = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in events)
        model.faults = [models.raw(lines)]
    else:
        model.faults = [models.status(400, json.dumps(error))]
    some = await collect(make(), OFFERED)
    assert len(model.requests) == 1
    if isinstance(meaning, str):
        assert text_of(some).removeprefix("Hm. ") == meaning
    else:
        assert meant(some) == meaning
    assert isinstance(some[-1], Finished)


async def test_a_call_in_the_text_of_a_stream_is_a_call(make, model):
    text, calls = tool_streams.TEXT["glm"]
    model.answer = lambda messages: f"Let me see. {text}"
    some = await collect(make(), OFFERED)
    assert meant(some) == calls
    assert text_of(some) == "Let me see. "
    some = await collect(make(), ChatRequest(ASKED))
    assert text_of(some).endswith("</tool_call>")


@pytest.mark.parametrize(("end", "shown"), [('<tool_call>{"na', ""), ("5 <", "5 <")])
async def test_of_a_stream_that_breaks_half_a_call_in_the_text_is_not_shown(
    make, model, end, shown
):
    pieces = (tool_streams.delta(content=one) for one in ("Let me see. ", end))
    lines = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in pieces)
    model.faults = [models.raw(lines)]
    some = []

    async def keep():
        async with make().stream(OFFERED) as deltas:
            async for one in deltas:
                some.append(one)  # noqa: PERF401 - those before the error

    with pytest.raises(Interrupted):
        await keep()
    assert text_of(some) == f"Let me see. {shown}"


async def test_tools_that_the_operator_promises_are_never_given_up(make, model):
    model.strict = refusing(*tool_streams.TOOLLESS["gateway"])
    with pytest.raises(Refused):
        await collect(make(ways=Ways(tools=True)), OFFERED)


async def test_a_gateway_before_deepseek_teaches_that_thinking_goes_back(make, model):
    # github.com/anomalyco/opencode/issues/24722
    text = "The reasoning_content in the thinking mode must be passed back to the API."
    model.strict = refusing(
        400,
        {"error": {"message": text}},
        lambda body: any(
            "reasoning_content" not in m for m in body["messages"] if m.get("tool_calls")
        ),
    )
    client = make()
    assert (
        text_of(await collect(client, ChatRequest(ASKED, tools=(CLOCK,), rounds=(ROUND,))))
        == "fine"
    )
    await collect(client, ChatRequest(ASKED, tools=(CLOCK,), rounds=(ROUND,)))
    assert len(model.requests) == 3


async def test_a_signature_that_is_not_accepted_is_left_out(make, model):
    # docs.apiyi.com: `Invalid thought signature`
    client = make()
    call = ToolCall("c1", "time", "{}", {"extra_content": {"x": 1}})
    own = Round((call,), (Output("12:00"),), by=client._by(OFFERED, Ways()))
    model.strict = refusing(
        400,
        {"error": {"message": "Invalid thought signature."}},
        lambda body: "extra_content" in json.dumps(body),
    )
    assert (
        text_of(await collect(client, ChatRequest(ASKED, tools=(CLOCK,), rounds=(own,)))) == "fine"
    )


async def test_the_operators_own_tools_stand_beside_ours(make, model):
    await collect(make(extra={"tools": [{"type": "web_search"}]}), OFFERED)
    assert [one["type"] for one in model.requests[0]["tools"]] == ["web_search", "function"]


async def test_a_stream_of_calls_alone_is_a_whole_answer_of_the_client(make, model):
    events, calls = tool_streams.CHAT["openai"]
    lines = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in events)
    model.faults = [models.raw(lines + b"data: [DONE]\n\n")]
    some = await collect(make(), OFFERED)
    assert meant(some) == calls
    assert some[-1] == Finished("tools")
    assert called(some).by


async def test_a_call_whose_stream_breaks_is_asked_for_again_and_never_half(make, model):
    half = tool_streams.delta(tool_streams.piece("time", '{"zo', index=0, id="c1"))
    model.faults = [models.raw(b"data: " + json.dumps(half).encode() + b"\n\n")]
    some = await collect(make(), OFFERED)
    assert text_of(some) == "fine"
    assert not [one for one in some if isinstance(one, Calls)]


def test_openai_reads_what_it_wrote():
    """What is sent back of a round is a message that the reader itself understands."""
    sent = openai.body(Endpoint("http://x", "", "m"), ChatRequest(ASKED, rounds=(ROUND,)), Ways())
    some = read(completions.Reader(), [{"choices": [{"message": sent["messages"][2]}]}])
    assert meant(some) == [("time", {"zone": "UTC"})]
