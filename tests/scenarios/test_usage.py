"""What answers cost is counted with them, and told."""

import re

import pytest

from core.messages import conversation_id
from core.models.chunks import Usage
from core.store import keys
from tests.contracts.drivers import TelegramDriver, driving
from tests.harness import until


@pytest.fixture
def driver():
    return TelegramDriver()


async def test_usage_counts_here_and_for_the_person_everywhere(driver, tmp_path, model):
    price = (1000.0, 100.0, 10_000.0)
    async with driving(driver, tmp_path, model, llm_price=price):
        await driver.say("dm", "one")
        await driver.answered("dm", 1)
        await driver.say("group", "two")
        await driver.answered("group", 1)
        await driver.say("dm", "/image a fox")
        await driver.posted("dm", 2)
        await driver.say("dm", "/usage")
        text = (await driver.posted("dm", 3))[-1].text
        here, yours = re.findall(
            r"(\d+) answers, (\d+) tokens read, (\d+) written, (\d+) pictures? \(\$([\d.]+)\)", text
        )
        # The scripted model says 11 tokens read and 7 written.
        assert here == ("2", "11", "7", "1", "0.0810")
        assert yours == ("3", "22", "14", "1", "0.1620")


async def test_what_a_model_does_not_count_is_estimated_and_marked(driver, tmp_path, model):
    async def uncounted(request):
        return await model.stream(request, "an answer", usage=False)

    model.faults.append(uncounted)
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "one")
        await driver.answered("dm", 1)
        key = keys.spent(conversation_id("telegram", "77"))
        spent = await until(lambda: driver.app.core.redis.hgetall(key))
        assert float(spent[b"estimated"]) == 1
        assert float(spent[b"completion_tokens"]) > 0


def test_cached_tokens_have_a_price_of_their_own():
    assert Usage(100, 10, 60).cost_usd((2.0, 1.0, 5.0)) == pytest.approx((80 + 60 + 50) / 1e6)
    assert Usage(100, 10, 60).cost_usd(()) == 0


async def test_a_first_question_asked_again_in_private_is_answered_from_memory(
    driver, tmp_path, model
):
    async with driving(driver, tmp_path, model):
        for count in (1, 2):
            await driver.say("dm", "hello")
            await driver.answered("dm", count)
            await driver.say("dm", "/new")
            await driver.posted("dm", 2 * count)
        assert len(model.requests) == 1
        await driver.say("dm2", "hello")
        await driver.answered("dm2")
        assert len(model.requests) == 2, "another chat has a memory of its own"
        for count in (1, 2):
            await driver.say("group", "hello")
            await driver.answered("group", count)
            await driver.say("group", "/new@palaver_bot")
            await driver.posted("group", 2 * count)
        assert len(model.requests) == 4, "a group has none, unless the operator wants it"


async def test_retry_never_answers_from_memory(driver, tmp_path, model):
    async with driving(driver, tmp_path, model):
        await driver.say("dm", "hello")
        await driver.answered("dm", 1)
        await driver.press("dm", "retry")
        # The new answer takes the old one's place.
        await until(lambda: len(model.requests) == 2)
        await driver.answered("dm", 1)
