"""The model breaks off or never ends: what was shown stays, and the person gets an answer."""

import pytest

from tests.contracts.drivers import WebDriver, driving
from tests.servers.model import status

TEXT = "The first half of the answer, and then comes the second half of the same answer."


@pytest.fixture
def driver():
    return WebDriver()


def breaking(model, *cuts):
    """The model's next calls end in the middle, after so many characters."""

    def fault(until):
        async def cut(request):
            return await model.stream(request, TEXT, until=until)

        return cut

    model.faults += [fault(until) for until in cuts]


def going_on(messages):
    """A model that goes on from what the last message says."""
    begun = messages[-1]["content"] if messages[-1]["role"] == "assistant" else ""
    return TEXT.removeprefix(begun)


@pytest.mark.parametrize(
    ("way", "mark"),
    [
        ("prefix", {"prefix": True}),
        ("prefill", {}),
        ("final_message", {}),
    ],
)
async def test_a_broken_answer_goes_on_where_it_broke_off(driver, tmp_path, model, way, mark):
    model.answer = going_on
    breaking(model, 31)
    async with driving(driver, tmp_path, model, llm_continue=way):
        await driver.say(driver.places[0], "go")
        (post,) = await driver.answered(driver.places[0])
    assert post.text == TEXT
    again = model.requests[1]
    begun = TEXT[:31].rstrip()
    assert again["messages"][-1] == {"role": "assistant", "content": begun, **mark}
    assert again.get("continue_final_message", False) is (way == "final_message")


async def test_a_provider_that_cannot_go_on_is_asked_from_the_beginning(driver, tmp_path, model):
    breaking(model, 31)
    model.answer = lambda messages: TEXT
    async with driving(driver, tmp_path, model):
        await driver.say(driver.places[0], "go")
        (post,) = await driver.answered(driver.places[0])
    assert post.text == TEXT
    assert [message["role"] for message in model.requests[1]["messages"]] == ["system", "user"]


async def test_a_provider_that_refuses_to_go_on_is_asked_from_the_beginning(
    driver, tmp_path, model
):
    breaking(model, 31)
    model.faults.append(status(400, '{"error": {"message": "unknown field prefix"}}'))
    model.answer = lambda messages: TEXT
    async with driving(driver, tmp_path, model, llm_continue="prefix"):
        await driver.say(driver.places[0], "go")
        (post,) = await driver.answered(driver.places[0])
    assert post.text == TEXT
    assert len(model.requests) == 3
    assert model.requests[2]["messages"][-1]["role"] == "user"


async def test_an_answer_that_always_breaks_keeps_what_was_shown_and_offers_retry(
    driver, tmp_path, model
):
    breaking(model, 20, 40, 30)
    async with driving(driver, tmp_path, model):
        await driver.say(driver.places[0], "go")
        (post,) = await driver.answered(driver.places[0])
        assert post.text.startswith(TEXT[:40].rstrip())
        assert post.commands == ("retry",)
        assert "Traceback" not in post.text
        await driver.press(driver.places[0], "retry")
        posts = await driver.answered(driver.places[0], 2)
    assert "Echo of go" in posts[-1].text


@pytest.mark.parametrize("piece_chars", [1_000, 10**6])
async def test_an_answer_without_an_end_is_ended(driver, tmp_path, model, monkeypatch, piece_chars):
    monkeypatch.setattr("core.turn.writing.ANSWER_CHARS", 5_000)
    model.answer, model.piece_s = lambda messages: "more " * 10**6, 0.001
    model.piece_chars = piece_chars
    async with driving(driver, tmp_path, model):
        await driver.say(driver.places[0], "go")
        (post,) = await driver.answered(driver.places[0])
    assert post.text.startswith("more more")
    assert len(post.text) < 7_000
    assert model.running_streams == 0


THINKING = "<think>\nThe person asks for it.\nSo be it.\n</think>\n\nHere it is."


@pytest.mark.parametrize(
    ("reasoning", "shown"),
    [
        ("hide", "Here it is."),
        ("quote", "> 💭 The person asks for it.\n> So be it.\n\nHere it is."),
    ],
)
async def test_thinking_is_hidden_or_quoted_and_never_remembered(
    driver, tmp_path, model, reasoning, shown
):
    model.answer = lambda messages: THINKING
    async with driving(driver, tmp_path, model, reasoning=reasoning):
        await driver.say(driver.places[0], "go")
        (post,) = await driver.answered(driver.places[0])
        assert post.text == shown
        await driver.say(driver.places[0], "again")
        await driver.answered(driver.places[0], 2)
    assert model.requests[1]["messages"][-2] == {"role": "assistant", "content": "Here it is."}
