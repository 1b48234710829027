"""What answers cost: the operator's price, else the bill, else the list; and who is not paid."""

import datetime

import pytest

from core.models.chunks import Usage
from core.models.measured import MeasuredModel
from core.models.prices import cost_of, price_of
from core.models.providers import Endpoint
from core.telemetry import Metrics
from core.tracing import NoTracer

OPENAI = Endpoint("https://api.openai.com/v1", "", "gpt-4o")
HOME = Endpoint("http://192.168.1.5:8000/v1", "", "anything")
UNKNOWN = Endpoint("https://models.example.com/v1", "", "anything")
USAGE = Usage(1_000_000, 1_000_000, 500_000)


def billed(endpoint, usage, price=()):
    model = MeasuredModel(None, endpoint, Metrics(), NoTracer(), price)
    return model._billed(usage, endpoint.model).cost_usd(price)


def test_a_model_that_is_known_has_its_price_with_a_cheaper_cache():
    assert cost_of(OPENAI, "gpt-4o", USAGE) == pytest.approx(0.5 * 2.5 + 0.5 * 1.25 + 10)
    assert price_of(OPENAI, "gpt-4o") == (2.5, 1.25, 10.0)


def test_the_operators_price_comes_first_then_the_bill_then_the_list():
    assert billed(OPENAI, USAGE, (1.0, 0.0, 2.0)) == pytest.approx(2.5)
    bill = Usage(1_000_000, 1_000_000, 0, 0, 7.5)
    assert billed(OPENAI, bill) == 7.5
    assert billed(OPENAI, bill, (1.0, 0.0, 2.0)) == pytest.approx(3.0)
    assert billed(OPENAI, USAGE) == cost_of(OPENAI, "gpt-4o", USAGE)


def test_a_machine_of_ones_own_costs_nothing_and_an_unknown_price_is_unknown():
    assert cost_of(HOME, "anything", USAGE) == 0.0
    assert cost_of(UNKNOWN, "anything", USAGE) is None
    assert price_of(UNKNOWN, "anything") == ()
    assert cost_of(OPENAI, "no-such-model-at-all", USAGE) is None


def test_a_price_that_changes_with_the_hour_is_that_of_the_hour(monkeypatch):
    import genai_prices

    deepseek = Endpoint("https://api.deepseek.com", "", "deepseek-v4-flash")
    usage = Usage(1_000_000)
    at = [
        genai_prices.calc_price(
            genai_prices.Usage(input_tokens=1_000_000),
            "deepseek-v4-flash",
            provider_api_url="https://api.deepseek.com",
            genai_request_timestamp=datetime.datetime(2026, 11, 25, hour, tzinfo=datetime.UTC),
        ).total_price
        for hour in (2, 15)
    ]
    assert at[0] != at[1]
    assert cost_of(deepseek, "deepseek-v4-flash", usage) in map(float, at)
