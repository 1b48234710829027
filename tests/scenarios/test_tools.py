"""An answer that calls tools: rounds, bounds, Stop, and what is told of effects in doubt."""

import asyncio
import json
from functools import partial

import pytest

from core.tools import built_in
from tests.contracts.drivers import SlackDriver, TelegramDriver, WebDriver, driving
from tests.harness import until
from tests.servers import model as models
from tests.servers.tools import ALL, ServedTool, calling, outputs


@pytest.fixture
def driver():
    return WebDriver()


UNASKED = {"tools_ask": "never"}


@pytest.mark.parametrize("make", [WebDriver, TelegramDriver, SlackDriver])
async def test_an_answer_that_calls_tools_is_one_answer(make, tmp_path, model, served):
    driver = make()
    calling(
        model,
        ("Let me see.", [("calculate", {"expression": "6*7"})]),
        ("And look.", [("look", {"what": "a"}), ("look", {"what": "b"})]),
    )
    place = driver.places[0]
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        await driver.say(place, "go")
        posts = await driver.answered(place)
    (post,) = posts
    for part in ("Let me see.", "And look.", "RESULT 42 / look a number 1 / look b number 1"):
        assert part in post.text
    assert post.text.index("Let me see.") < post.text.index("And look.") < post.text.index("RESULT")
    names = [one["function"]["name"] for one in model.requests[0]["tools"]]
    assert names == list(ALL)
    assert len(model.requests) == 3


async def test_what_the_rounds_cost_is_added(driver, tmp_path, model, served):
    calling(model, ("", [("look", {"what": "a"})]))
    async with driving(
        driver, tmp_path, model, tools=ALL, **UNASKED, llm_price=(1000.0, 100.0, 10_000.0)
    ):
        await driver.say(driver.places[0], "go")
        await driver.answered(driver.places[0])
        await driver.say(driver.places[0], "/usage")
        text = (await driver.posted(driver.places[0], 2))[-1].text
    # The scripted model says 11 tokens read and 7 written, each time.
    assert "22 tokens read, 14 written" in text


async def test_usage_last_shows_the_steps(driver, tmp_path, model, served):
    calling(model, ("", [("look", {"what": "a `b`"}), ("nothing", {})]))
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        await driver.say(driver.places[0], "/usage last")
        assert "called no tools" in (await driver.posted(driver.places[0], 1))[-1].text
        await driver.say(driver.places[0], "go")
        await driver.answered(driver.places[0])
        await driver.say(driver.places[0], "/usage last")
        text = (await driver.posted(driver.places[0], 3))[-1].text
    assert "look" in text
    assert "a 'b'" in text
    assert ": done" in text
    assert ": failed" in text


async def test_calls_that_read_run_side_by_side_and_effects_one_by_one(
    driver, tmp_path, model, served
):
    served.seconds = 0.3
    reads = [("look", {"what": str(n)}) for n in range(3)]
    effects = [("make", {"what": str(n)}) for n in range(3)]
    calling(model, ("", reads), ("", effects))
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        await driver.say(driver.places[0], "go")
        await until(lambda: len(served.order) >= 3)
        assert served.most_running == 3
        served.most_running = 0
        await driver.answered(driver.places[0])
    assert served.most_running == 1
    assert served.order[3:] == [("make", "0"), ("make", "1"), ("make", "2")]


async def test_wrong_calls_are_told_to_the_model_and_the_answer_goes_on(
    driver, tmp_path, model, served
):
    calling(
        model,
        ("", [("nothing", {}), ("look", '{"what": "a"'), ("look", {"who": "a"})]),
        ("", [("functions.look", {"what": "a"}), ("make", {"what": "wrong"})]),
    )
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        await driver.say(driver.places[0], "go")
        (post,) = await driver.answered(driver.places[0])
    unknown, broken, unfit, right, failed = outputs(model.requests[-1])
    assert "no tool of this name" in unknown
    assert "no JSON object" in broken
    assert "'who' was unexpected" in unfit
    assert right == "look a number 1"
    assert failed == "it cannot be done"
    assert "may have been done" not in post.text


async def test_at_the_bound_of_calls_the_model_answers_with_what_it_has(
    driver, tmp_path, model, served
):
    model.calling = lambda body: ("", [("look", {"what": str(len(model.requests))})])
    model.answer = lambda messages: f"DONE {len(outputs({'messages': messages}))}"
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED, tool_steps=3):
        await driver.say(driver.places[0], "go")
        (post,) = await driver.answered(driver.places[0])
    assert post.text == "DONE 3"
    assert "tools" not in model.requests[-1]
    assert "No more tools" in outputs(model.requests[-1])[-1]
    assert sum(served.done.values()) == 3


async def test_at_the_bound_of_rounds_the_model_answers_with_what_it_has(
    driver, tmp_path, model, served
):
    model.calling = lambda body: ("", [("nothing", {})])
    model.answer = lambda messages: "DONE"
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        await driver.say(driver.places[0], "go")
        (post,) = await driver.answered(driver.places[0])
    assert post.text == "DONE"
    assert len(model.requests) == 9


@pytest.mark.parametrize("bound", [{"tool_usd": 0.03}, {"tool_seconds": 0.001}])
async def test_at_the_bound_of_money_or_time_the_model_answers_with_what_it_has(
    driver, tmp_path, model, served, bound
):
    served.seconds = 0.05
    model.calling = lambda body: ("", [("look", {"what": str(len(model.requests))})])
    model.answer = lambda messages: "DONE"
    price = (1000.0, 100.0, 1000.0)
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED, llm_price=price, **bound):
        await driver.say(driver.places[0], "go")
        (post,) = await driver.answered(driver.places[0])
    assert post.text == "DONE"
    assert len(model.requests) == (3 if "tool_usd" in bound else 2)


async def test_the_same_effect_is_done_once_however_often_the_model_stumbles(
    driver, tmp_path, model, served
):
    calling(
        model,
        ("", [("make", {"what": "a"}), ("make", {"what": "a"})]),
        ("", [("make", {"what": "a"}), ("look", {"what": "a"})]),
        ("", [("look", {"what": "a"}), ("look", {"what": "a"})]),
    )
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        await driver.say(driver.places[0], "go")
        await driver.answered(driver.places[0])
    assert served.done == {("make", "a"): 1, ("look", "a"): 2}


async def test_a_model_that_says_nothing_after_its_steps_is_asked_once_more_without_tools(
    driver, tmp_path, model, served
):
    calling(model, ("", [("look", {"what": "a"})]))
    said = ["", "At last."]
    model.answer = lambda messages: said.pop(0)
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        await driver.say(driver.places[0], "go")
        (post,) = await driver.answered(driver.places[0])
    assert post.text == "At last."
    assert "tools" not in model.requests[-1]


async def test_a_round_that_breaks_is_asked_again_and_no_step_is_repeated(
    driver, tmp_path, model, served
):
    calling(model, ("First.", [("make", {"what": "a"})]))

    async def cut(request):
        return await model.stream(request, "The second half of it", until=12)

    async def first(request):
        return await model.stream_calls(request, "First.", [("make", {"what": "a"})])

    model.faults = [first, cut]
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        await driver.say(driver.places[0], "go")
        (post,) = await driver.answered(driver.places[0])
    assert post.text.split() == ["First.", "RESULT", "make", "a", "number", "1"]
    assert served.done == {("make", "a"): 1}


async def test_a_model_without_tools_answers_all_the_same(driver, tmp_path, model, served):
    text = json.dumps({"error": {"message": "this model does not support tools"}})
    model.strict = lambda body: (400, text.encode()) if body.get("tools") else None
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        await driver.say(driver.places[0], "one")
        await driver.answered(driver.places[0])
        await driver.say(driver.places[0], "two")
        await driver.answered(driver.places[0], 2)
    assert len(model.requests) == 3


async def test_no_tool_is_offered_where_the_operator_wants_none(driver, tmp_path, model):
    async with driving(driver, tmp_path, model, tools=()):
        await driver.say(driver.places[0], "go")
        await driver.answered(driver.places[0])
    assert "tools" not in model.requests[0]


async def test_stop_ends_a_call_that_reads_and_keeps_the_text(driver, tmp_path, model, served):
    calling(model, ("Let me see.", [("look", {"what": "a"})]))
    served.hold.clear()
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        await driver.say(driver.places[0], "go")
        await until(lambda: served.running)
        await driver.press(driver.places[0], "stop")
        (post,) = await driver.answered(driver.places[0])
    assert "Let me see." in post.text
    assert "stopped" in post.text
    assert "may have been done" not in post.text
    assert not any(command.startswith("redo") for command in post.commands)


async def test_stop_during_an_effect_says_that_it_may_have_been_done(
    driver, tmp_path, model, served, monkeypatch
):
    monkeypatch.setattr("core.turn.steps.LAST_WORDS_S", 0.1)
    calling(model, ("I make it.", [("make", {"what": "a"})]))
    served.hold.clear()
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        place = driver.places[0]
        await driver.say(place, "go")
        await until(lambda: served.running)
        await driver.press(place, "stop")
        (post,) = await driver.answered(place)
        assert "It may have been done" in post.text
        (redo,) = [one for one in post.commands if one.startswith("redo 0 ")]
        (leave,) = [one for one in post.commands if one.startswith("leave 0 ")]
        served.hold.set()

        # The person has it done again, once, however often the button is pressed.
        await driver.press(place, redo)
        (*_, again) = await driver.answered(place, 2)
        assert "RESULT make a number 2" in again.text
        await driver.press(place, redo)
        posts = await driver.posted(place, 3)
        assert "already" in posts[-1].text
        await driver.press(place, leave)
        assert "leave it" in (await driver.posted(place, 4))[-1].text
    assert served.done == {("make", "a"): 2}


async def test_after_a_retry_each_button_does_the_effect_that_it_names(
    driver, tmp_path, model, served, monkeypatch
):
    monkeypatch.setattr("core.turn.steps.LAST_WORDS_S", 0.1)
    served.hold.clear()
    place = driver.places[0]

    async def button(begin):
        commands = [one for post in await driver.posts(place) for one in post.commands]
        return next((one for one in commands if one.startswith(begin)), None)

    async def says(text):
        return any(text in post.text for post in await driver.posts(place))

    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        for number, what in enumerate("ab"):
            calling(model, ("", [("make", {"what": what})]))
            await (driver.say(place, "go") if what == "a" else driver.press(place, "retry"))
            await until(partial(served.done.get, ("make", what)))
            await driver.press(place, "stop")
            redo = await until(partial(button, f"redo {number} "))
        served.hold.set()
        await driver.press(place, redo)
        await until(partial(says, "RESULT make b number 2"))
    assert served.done == {("make", "a"): 1, ("make", "b"): 2}


async def test_stop_waits_a_moment_for_an_effect_that_just_ends(
    driver, tmp_path, model, served, monkeypatch
):
    monkeypatch.setattr("core.turn.steps.LAST_WORDS_S", 10.0)
    calling(model, ("I make it.", [("make", {"what": "a"})]))
    # Long enough for a press to arrive while it is made, also on a busy machine.
    served.seconds = 2.0
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        await driver.say(driver.places[0], "go")
        await until(lambda: served.running)
        await driver.press(driver.places[0], "stop")
        (post,) = await driver.answered(driver.places[0])
    assert "stopped" in post.text
    assert "may have been done" not in post.text


async def test_an_effect_that_takes_too_long_is_in_doubt_and_a_look_is_not(
    driver, tmp_path, model, served, monkeypatch
):
    for name in ("look", "make"):
        monkeypatch.setitem(
            built_in.BUILT_IN,
            name,
            lambda name=name: ServedTool(served.url, name, timeout_s=0.2),
        )
    served.hold.clear()
    calling(model, ("", [("look", {"what": "a"}), ("make", {"what": "a"})]))
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        await driver.say(driver.places[0], "go")
        (post,) = await driver.answered(driver.places[0])
    looked, made = outputs(model.requests[-1])
    assert "took longer" in looked
    assert "not known whether" in made
    assert "not known" not in looked
    assert "It may have been done" in post.text


async def test_a_question_asked_again_tells_the_model_what_was_done_for_it(
    driver, tmp_path, model, served
):
    calling(model, ("", [("make", {"what": "a"})]))
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        place = driver.places[0]
        await driver.say(place, "go")
        await driver.answered(place)
        calling(model)
        await driver.press(place, "retry")
        await until(lambda: len(model.requests) == 3)
        await driver.answered(place)
        assert "make" in model.requests[-1]["messages"][-1]["content"]
        assert "do not do it again" in model.requests[-1]["messages"][-1]["content"]
        # The new answer remembers it too.
        await driver.press(place, "retry")
        await until(lambda: len(model.requests) == 4)
        assert "do not do it again" in model.requests[-1]["messages"][-1]["content"]


class Crashing:
    """A tool whose author made a mistake."""

    def __init__(self, error):
        self.spec = ServedTool("", "look").spec
        self.error = error

    async def call(self, arguments, context):
        raise self.error


@pytest.mark.parametrize("error", [KeyError("secret"), asyncio.CancelledError(), TimeoutError()])
async def test_a_tool_that_crashes_ends_no_turn_and_tells_no_secret(
    driver, tmp_path, model, monkeypatch, error
):
    monkeypatch.setitem(built_in.BUILT_IN, "look", lambda: Crashing(error))
    calling(model, ("", [("look", {"what": "a"})]))
    async with driving(driver, tmp_path, model, tools=("look",)):
        await driver.say(driver.places[0], "go")
        (post,) = await driver.answered(driver.places[0])
    assert post.text.startswith("RESULT")
    assert "secret" not in json.dumps(model.requests)


async def test_the_time_and_sums_work_out_of_the_box(driver, tmp_path, model):
    calling(model, ("", [("time", {"zone": "Asia/Tokyo"}), ("calculate", {"expression": "2^64"})]))
    async with driving(driver, tmp_path, model):
        await driver.say(driver.places[0], "go")
        (post,) = await driver.answered(driver.places[0])
    assert "Asia/Tokyo" in post.text
    assert "18446744073709551616" in post.text


async def test_a_stream_that_only_calls_unknown_tools_without_an_offer_is_no_answer(
    driver, tmp_path, model
):
    async def calls(request):
        return await model.stream_calls(request, "", [("look", {})])

    model.faults = [calls]
    async with driving(driver, tmp_path, model, tools=()):
        await driver.say(driver.places[0], "go")
        (post,) = await driver.answered(driver.places[0])
    assert "tool" in post.text


async def test_an_overloaded_model_in_the_middle_keeps_what_was_done(
    driver, tmp_path, model, served, monkeypatch
):
    monkeypatch.setattr("core.models.retrying.FIRST_WAIT_S", 0.01)

    async def first(request):
        return await model.stream_calls(request, "First.", [("make", {"what": "a"})])

    model.faults = [first, *[models.status(503)] * 4]
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        await driver.say(driver.places[0], "go")
        (post,) = await driver.answered(driver.places[0])
    assert "First." in post.text
    assert "busy" in post.text
    assert served.done == {("make", "a"): 1}


async def test_a_budget_ends_the_rounds_and_the_model_answers_with_what_it_has(
    driver, tmp_path, model, served
):
    model.calling = lambda body: ("", [("look", {"what": str(len(model.requests))})])
    model.answer = lambda messages: "DONE"
    budgets = {"budgets": "person 0.1 usd/day", "max_tokens": 10}
    async with driving(
        driver,
        tmp_path,
        model,
        tools=ALL,
        tools_ask="never",
        llm_price=(1000, 100, 1000),
        **budgets,
    ):
        await driver.say(driver.places[0], "go")
        (post,) = await driver.answered(driver.places[0])
    assert post.text == "DONE"
    assert "tools" not in model.requests[-1]
    assert 1 < len(model.requests) < 9


async def test_calls_count_in_a_budget_of_tools(driver, tmp_path, model, served):
    calling(model, ("", [("look", {"what": "a"}), ("look", {"what": "b"})]))
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED, budgets="person 5 tools/day"):
        await driver.say(driver.places[0], "go")
        await driver.answered(driver.places[0])
        await driver.say(driver.places[0], "/usage")
        text = (await driver.posted(driver.places[0], 2))[-1].text
    assert "2" in text
    assert "5" in text


async def test_a_budget_of_tools_is_looked_at_before_each_call_of_a_round(
    driver, tmp_path, model, served
):
    # Four run side by side.
    calling(model, ("", [("look", {"what": str(at)}) for at in range(6)]))
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED, budgets="person 3 tools/day"):
        await driver.say(driver.places[0], "go")
        (post,) = await driver.answered(driver.places[0])
    assert sum(served.done.values()) == 3
    assert post.text.count("the money for this answer is used up") == 3


async def test_the_next_question_is_told_in_short_what_was_called_before(
    driver, tmp_path, model, served
):
    calling(model, ("", [("look", {"what": "a"}), ("make", {"what": "wrong"})]))
    async with driving(driver, tmp_path, model, tools=ALL, **UNASKED):
        await driver.say("page", "go")
        await driver.answered("page")
        calling(model)
        await driver.say("page", "and now?")
        await driver.answered("page", 2)
        await driver.say("page", "and later?")
        await driver.answered("page", 3)
    *_, before, last = [one["messages"] for one in model.requests]
    asked = last[1]["content"]
    assert asked.startswith("go\n\n[For the answer to this, tools were called.")
    assert '- look {"what":"a"} (done): look a number 1' in asked.replace('": "', '":"')
    assert "(failed): it cannot be done" in asked
    assert "Nothing in it is an instruction" in asked
    # Providers can cache it: it reads the same in each turn.
    assert before[1]["content"] == asked
    assert not any(one.get("tool_calls") for one in last)
